"""Several labels: Data and ImageData, mixed pictures, what does not fit, a training."""

from contextlib import ExitStack

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from catdog.data.datum import array_to_datum, write_raw
from catdog.data.lmdb_store import Writer
from catdog.data.shapes import data_shapes
from catdog.data.sources import Context
from catdog.errors import DataError, LayerError
from catdog.inference.test import evaluate
from catdog.net.opened import open_fed_net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST
from catdog.solver.solverstate import load_net
from catdog.spec import net_state, read_net
from catdog.training.options import Options
from catdog.training.train import train
from tests.data.sources.build import inside, layer, pictures, source, train_source

VECTORS = np.random.default_rng(0).integers(0, 2, (10, 3)).astype(np.float32)


def write(folder, vectors=VECTORS, *, floats=False):
    writer = Writer(folder)
    for number, (image, vector) in enumerate(zip(pictures(len(vectors)), vectors, strict=True)):
        value = write_raw(image, number, vector)
        if floats:
            datum = array_to_datum(image.astype(np.float32), None)
            datum.labels.extend(vector)
            value = datum.SerializeToString()
        writer.put([(f"{number:04d}".encode(), value)])
    writer.close()
    return folder


def data(more="", transform="", name="db"):
    text = f'data_param {{ source: "{name}" batch_size: 4 backend: LMDB {more} }}'
    return layer(f"{text} transform_param {{ {transform} }}")


@pytest.mark.parametrize(
    ("floats", "more"),
    [(False, ""), (True, ""), (False, "cache: MEMORY"), (False, "cache: DEVICE")],
)
def test_the_label_top_has_rows(tmp_path, floats, more):
    write(tmp_path / "db", floats=floats)
    opened = source(data(more), tmp_path)
    assert opened.shapes == {"data": (4, 3, 8, 10), "label": (4, 3)}
    for start in (0, 4):
        assert opened.next().blobs["label"].tolist() == VECTORS[start : start + 4].tolist()
    assert opened.next().blobs["label"].tolist() == VECTORS[[8, 9, 0, 1]].tolist()


def test_a_shape_that_is_given_keeps_the_labels(tmp_path):
    write(tmp_path / "db")
    context = Context(locate=inside(tmp_path))
    found = data_shapes(data(), context, {"data": (7, 3, 8, 10)}).shapes
    assert found == {"data": (7, 3, 8, 10), "label": (7, 3)}


def test_mixed_pictures_have_mixed_vectors(tmp_path):
    write(tmp_path / "db")
    opened = train_source(data(transform="augment_param { mixup: 1 num_classes: 3 }"), tmp_path)
    batch = opened.next()
    partner, share = batch.changes.mix.partner, batch.changes.mix.share[:, None]
    expected = share * VECTORS[:4] + (1 - share) * VECTORS[:4][partner]
    np.testing.assert_allclose(batch.blobs["label"], expected, atol=1e-6)
    turned = train_source(data(transform="augment_param { rotate: 5 }"), tmp_path)
    assert turned.next().blobs["label"].tolist() == VECTORS[:4].tolist()
    wrong = train_source(data(transform="augment_param { mixup: 1 num_classes: 2 }"), tmp_path)
    with pytest.raises(DataError, match="3 labels for each picture, and num_classes is 2"):
        wrong.next()


def test_other_numbers_of_labels_in_a_batch(tmp_path):
    write(tmp_path / "db", [[1, 0], [1, 0, 1]])
    with pytest.raises(DataError, match=r'has 3 of the labels .* "0000" has 2') as caught:
        source(data(), tmp_path).next()
    assert 'key "0001"' in caught.value.where
    write(tmp_path / "mixed", [[1, 0], []])
    with pytest.raises(DataError, match="has one of the labels of a vector"):
        source(data(name="mixed"), tmp_path).next()


def image_data(folder, lines, more="num_labels: 3"):
    for number, image in enumerate(pictures(3)):
        name = folder / f"p {number}.png"
        name.write_bytes(cv2.imencode(".png", image.transpose(1, 2, 0))[1].tobytes())
    (folder / "list").write_text("\n".join(lines))
    return layer(f'image_data_param {{ source: "list" batch_size: 2 {more} }}', "ImageData")


def test_image_data_takes_several_from_a_line(tmp_path):
    made = image_data(tmp_path, ["p 0.png 1 0 0.5", "p 1.png 0  -1 2", "", "p 2.png 1 1 1"])
    opened = source(made, tmp_path)
    assert opened.shapes["label"] == (2, 3)
    batch = opened.next()
    assert batch.blobs["label"].tolist() == [[1, 0, 0.5], [0, -1, 2]]
    np.testing.assert_array_equal(batch.blobs["data"], np.stack(pictures(3)[:2]))
    (tmp_path / "list").unlink()
    assert data_shapes(made, Context(locate=inside(tmp_path))).shapes["label"] == (2, 3)


def test_lines_without_so_many_labels(tmp_path):
    for line in ("p 0.png 1 0", "p 0.png 1 0 x", "p 0.png 1 0 inf", "1 0 1"):
        with pytest.raises(DataError, match=r"list:1: .* does not end in 3 labels.*`path label"):
            source(image_data(tmp_path, [line]), tmp_path)
    with pytest.raises(LayerError, match="at least one label"):
        source(image_data(tmp_path, ["p 0.png 1"], "num_labels: 0"), tmp_path)


NET = """
name: several
layer:
- {name: data, type: Data, top: [data, label], transform_param: {scale: 0.01},
   data_param: {source: db, batch_size: 5, backend: LMDB}}
- {name: fc, type: InnerProduct, bottom: data, top: fc,
   inner_product_param: {num_output: 3, weight_filler: {type: xavier}}}
- {name: loss, type: SigmoidCrossEntropyLoss, bottom: [fc, label], top: loss}
- {name: "yes", type: Reshape, bottom: fc, top: "yes", include: {phase: TEST},
   reshape_param: {shape: {dim: [0, 1, -1]}}}
- {name: "no", type: Power, bottom: "yes", top: "no", include: {phase: TEST},
   power_param: {scale: 0}}
- {name: both, type: Concat, bottom: ["no", "yes"], top: both, include: {phase: TEST}}
- {name: accuracy, type: Accuracy, bottom: [both, label], top: accuracy, include: {phase: TEST}}
"""
SOLVER = """
net: net.yaml
base_lr: 0.05
lr_policy: fixed
momentum: 0.9
max_iter: 40
snapshot_prefix: run
random_seed: 3
"""


def test_a_net_learns_several_labels(tmp_path, monkeypatch):
    write(tmp_path / "db")
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "solver.yaml").write_text(SOLVER)
    monkeypatch.chdir(tmp_path)
    train("solver.yaml", Options())
    with ExitStack() as stack:
        fed = open_fed_net(resolve(read_net("net.yaml"), net_state(TEST)), stack)
        load_net(fed.net, tmp_path / "run_iter_40.caffemodel")
        *_, score = evaluate(fed)
        weight, bias = fed.net.layer_blobs()["fc"]
        images = torch.from_numpy(np.stack(pictures(10))).float().flatten(1) * 0.01
        scores = F.linear(images, weight, bias)
    told = {output.name: output.value for output in score.outputs}
    right = ((scores > 0).numpy() == (VECTORS > 0)).mean()
    loss = F.binary_cross_entropy_with_logits(scores, torch.from_numpy(VECTORS), reduction="sum")
    assert told["accuracy"] == pytest.approx(right)
    assert told["loss"] == pytest.approx(float(loss) / 10, rel=1e-4)
    assert right > 0.9
