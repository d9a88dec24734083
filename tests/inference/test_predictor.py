"""From photos to a submission: what prediction sees is what the training saw."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from catdog.data.build.dataset import create
from catdog.data.build.photo_files import photos_in
from catdog.data.build.synthetic import draw_sample
from catdog.data.feed import Feed
from catdog.data.sources import Context, open_source
from catdog.errors import CatdogError, DataError, WeightsError
from catdog.inference.gallery import draw_gallery
from catdog.inference.heads import Head
from catdog.inference.predictor import Prediction, Predictor, both_classes, newest_weights
from catdog.inference.submission import write_skipped
from catdog.layers.base import Setting
from catdog.net.carried import preparation
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, DatasetParameter, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.spec import Spec, net_state
from catdog.spec.read import parse_yaml
from catdog.weights import Weights, weights_of

NET = """
layer:
- name: data
  type: Data
  top: [data, label]
  transform_param: {CROPmean_file: mean.binaryproto, scale: 0.02}
  data_param: {source: SOURCE, batch_size: 4, backend: LMDB}
- {name: score, type: InnerProduct, bottom: data, top: score,
   inner_product_param: {num_output: OUTPUTS, weight_filler: {type: xavier}}}
- {name: loss, type: LOSS, bottom: [score, label], top: loss}
- {name: hidden, type: AbsVal, bottom: score, top: hidden, include: {stage: never}}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """LMDBs of 24 x 24 of a few drawings."""
    folder = tmp_path_factory.mktemp("job")
    draw_sample(folder / "input", train=24, test=7, seed=3)
    record = DatasetParameter(
        width=24, height=24, equalize=True, interpolation="CUBIC", validation_every=6, seed=1
    )
    create(folder / "input", folder, record)
    return folder


def train_val(
    folder: Path, outputs: int = 2, loss: str = "SoftmaxWithLoss", crop: int = 20
) -> NetParameter:
    net = NetParameter()
    text = NET.replace("SOURCE", str(folder / "validation_lmdb")).replace("LOSS", loss)
    text = text.replace("CROP", f"crop_size: {crop}, " if crop else "")
    parse_yaml(text.replace("OUTPUTS", str(outputs)), net, "net.yaml")
    return net


def trained(folder: Path, **changes) -> tuple[Weights, Net, Feed]:
    """Weights that carry the preparation, with the test net and its feed."""
    message = train_val(folder, **changes)
    resolved = resolve(Spec(message, folder / "net.yaml"), net_state(TEST))
    context = Context(TEST, locate=resolved.locate)
    feed = Feed([open_source(layer, context) for layer in resolved.data_layers])
    # the same numbers in each run: where they round is no matter of chance then
    net = Net(resolved.rest, inputs=feed.shapes, setting=Setting(Randomness(5)))
    message.MergeFrom(preparation(resolved, feed.shapes))
    return weights_of(net, message), net, feed


@pytest.mark.parametrize(
    ("outputs", "loss"), [(2, "SoftmaxWithLoss"), (1, "SigmoidCrossEntropyLoss")]
)
def test_prediction_sees_what_the_test_net_sees(built, outputs, loss):
    weights, net, feed = trained(built, outputs=outputs, loss=loss)
    predictor = Predictor(weights)
    # photos of the validation set, by the path that ends each key
    source = feed.sources[0]
    names = [key.decode().split("_", 1)[1] for key in source.reader.keys]
    photos = [built / "input" / "train" / name for name in names]
    with feed:
        batches = list(feed.one_pass())
    planes = torch.cat([batch["data"] for batch in batches])
    seen: list[torch.Tensor] = []
    predictor.net.register_forward_pre_hook(lambda _, args: seen.append(args[0]["data"]))
    predictions = list(predictor.predict(photos))
    assert torch.equal(torch.cat(seen), planes)
    scores = net(
        {"data": planes, "label": torch.zeros(len(planes), 1)[:, :outputs]}, keep=["score"]
    )
    score = scores.blobs["score"]
    expected = score.softmax(1) if outputs == 2 else both_classes(score.sigmoid())
    for prediction, row in zip(predictions, expected.detach().numpy(), strict=True):
        np.testing.assert_allclose(prediction.probabilities, row, rtol=1e-5)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_fewer_bits_stay_near(built, amp):
    weights, _, _ = trained(built)
    photos = photos_in(built / "input" / "train")
    rows = [
        np.stack([each.probabilities for each in Predictor(weights, amp=name).predict(photos)])
        for name in ("", amp)
    ]
    np.testing.assert_allclose(*rows, atol=0.02)
    assert not np.array_equal(*rows)
    assert rows[1].dtype == np.float32


def test_ten_looks_of_a_net_that_sees_the_whole_photo(built):
    weights, _, _ = trained(built, crop=0)
    single = Predictor(weights)
    photo = np.random.default_rng(7).integers(0, 256, (3, 24, 24), np.uint8)
    padded = np.pad(photo, ((0, 0), (2, 2), (2, 2)), "reflect")
    corners = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    moved = [padded[:, top : top + 24, left : left + 24] for top, left in corners]
    np.testing.assert_allclose(
        Predictor(weights, views="5").probabilities([photo])[0],
        single.probabilities(moved).mean(0),
        rtol=1e-5,
    )
    # a mean picture is mirrored with the photo
    mean = single.transform.mean_picture
    planes = (np.stack(moved) - mean) * np.float32(0.02)
    both = np.concatenate([planes, planes[..., ::-1]])
    (rows,) = single.judged(torch.from_numpy(both.copy()))
    found = Predictor(weights, views="10").probabilities([photo])[0]
    np.testing.assert_allclose(found, rows.mean(0), rtol=1e-4)


def test_unreadable_photos_are_kept_apart_in_order(built, tmp_path):
    weights, _, feed = trained(built)
    feed.close()
    for number in range(1, 150):
        (tmp_path / f"{number}.jpg").write_bytes(
            b"no picture" if number in (2, 140) else (built / "input/test1/1.jpg").read_bytes()
        )
    skipped = []
    predictions = list(Predictor(weights).predict(photos_in(tmp_path), skipped))
    assert [p.path.name for p in predictions[:2]] == ["1.jpg", "3.jpg"]
    assert len(predictions) == 147
    assert [Path(error.where).name for error in skipped] == ["2.jpg", "140.jpg"]
    listed = write_skipped(tmp_path / "s.csv", skipped)
    assert listed.read_text().splitlines()[1].endswith("2.jpg,not a picture that can be decoded")


def test_weights_that_say_too_little(built):
    weights, _, feed = trained(built)
    feed.close()
    carried = weights.net

    def without(field: str) -> Weights:
        net = NetParameter()
        net.CopyFrom(carried)
        net.ClearField(field)
        return Weights(weights.blobs, net, "w.caffemodel")

    for field, message in (
        ("deploy", "carries no deploy net; give one with --model"),
        ("dataset", "does not say how its photos were prepared"),
        ("mean", "carries no mean"),
    ):
        with pytest.raises(WeightsError, match=message):
            Predictor(without(field))
    given = Predictor(without("dataset"), dataset=carried.dataset)
    assert given.classes == ["cat", "dog"]


def test_photos_of_another_size_are_refused_before_the_first(built):
    weights, _, feed = trained(built)
    feed.close()
    other = DatasetParameter(width=30, height=30, equalize=True)
    with pytest.raises(DataError, match=r"mean given is 3 x 24 x 24, the data are 3 x 30 x 30"):
        Predictor(weights, dataset=other)


@pytest.mark.parametrize(
    ("number", "words"),
    [(np.nan, "probabilities that are no numbers"), (3, "from .* to .*: no probabilities; end")],
)
def test_what_are_no_probabilities_is_told(built, number, words):
    weights, _, feed = trained(built)
    feed.close()
    weights.net.deploy.layer[-1].type = "AbsVal"
    weights.blobs["score"][1][:] = number
    with pytest.raises(CatdogError, match=words):
        list(Predictor(weights).predict(photos_in(built / "input/test1")))


def test_the_newest_weights(tmp_path):
    with pytest.raises(WeightsError, match="train first"):
        newest_weights(tmp_path)
    for index, name in enumerate(("b.caffemodel", "a.caffemodel.h5")):
        path = tmp_path / "run" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (index, index))
    assert newest_weights(tmp_path).name == "a.caffemodel.h5"


def test_the_gallery_is_a_picture(built, tmp_path):
    photos = photos_in(built / "input/test1")
    predictions = [Prediction(path, np.array([0.3, 0.7], np.float32)) for path in photos]
    heads = [Head("prob", ("cat", "dog"), "prob", several=False)]
    picture = cv2.imread(str(draw_gallery(tmp_path / "g.png", predictions, heads)))
    assert picture.shape[0] > 300
    assert picture.std() > 20
