import re
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.errors import CatdogError
from catdog.inference.test import BatchOutputs, MeanOutputs, evaluate, lines
from catdog.net.opened import open_fed_net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST
from catdog.solver.events import Output
from catdog.spec import net_state, read_net

GOLDENS = Path(__file__).parents[1] / "goldens"


def test_the_lines_are_those_of_caffe():
    log = (GOLDENS / "logs/test.log").read_text()
    wanted = re.findall(r"caffe\.cpp:(?:304|309|321)\] (.*)", log)
    batches = re.findall(r"Batch (\d+), accuracy = (\S+)\n.*Batch \d+, loss = (\S+)", log)
    records = [
        BatchOutputs(
            int(number), (Output("accuracy", float(share)), Output("loss", float(loss), 1))
        )
        for number, share, loss in batches
    ]
    loss = float(np.mean([float(batch[2]) for batch in batches]))
    share = float(np.mean([float(batch[1]) for batch in batches]))
    records.append(MeanOutputs((Output("accuracy", share), Output("loss", loss, 1.0)), loss))
    assert [line for record in records for line in lines(record)] == wanted


def test_a_blob_of_many_numbers_is_one_line():
    found = (Output("ip", 1.0),) * 24 + (Output("ip2", 1.0),) * 24 + (Output("ip2", 3.0),) * 24
    told = list(lines(BatchOutputs(7, found)))
    assert told[:24] == ["Batch 7, ip = 1"] * 24
    assert told[24:] == ["Batch 7, ip2: 48 numbers from 1 to 3, mean 2"]
    assert list(lines(MeanOutputs(found, 0.5)))[-1] == "ip2: 48 numbers from 1 to 3, mean 2"


NET = f"""
layer:
- name: data
  type: Data
  top: [data, label]
  data_param: {{source: {GOLDENS}/formats/lmdb_raw, batch_size: 5, backend: LMDB}}
  transform_param: {{scale: 0.01, mean_value: 100}}
- {{name: fc, type: InnerProduct, bottom: data, top: fc, inner_product_param:
   {{num_output: 4, weight_filler: {{type: xavier}}}}}}
- {{name: accuracy, type: Accuracy, bottom: [fc, label], top: accuracy}}
- {{name: loss, type: SoftmaxWithLoss, bottom: [fc, label], top: loss, loss_weight: 2}}
"""


@pytest.fixture
def fed(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    with ExitStack() as stack:
        yield open_fed_net(resolve(read_net(path), net_state(TEST)), stack)


def scores_by_hand(fed):
    """Class scores and labels of all examples, from Caffe's arrays."""
    expected = np.load(GOLDENS / "formats/expected.npz")
    labels = expected["lmdb_raw/labels"].astype(int)
    pictures = np.stack([expected[f"lmdb_raw/{i}"] for i in range(len(labels))])
    weights, bias = (blob.numpy().astype(float) for blob in fed.net.layer_blobs()["fc"])
    flat = (pictures.reshape(len(labels), -1).astype(float) - 100) * np.float32(0.01)
    return flat @ weights.T + bias, labels


def loss_of(scores, labels):
    shifted = scores - scores.max(1, keepdims=True)
    chosen = shifted[np.arange(len(labels)), labels]
    return np.log(np.exp(shifted).sum(1)) - chosen


def test_one_pass_counts_every_example_once(fed):
    scores, labels = scores_by_hand(fed)
    *batches, means = evaluate(fed)
    assert [record.batch for record in batches] == list(range(-(-len(labels) // 5)))
    accuracy, loss = means.outputs
    assert accuracy.value == pytest.approx(np.mean(scores.argmax(1) == labels), abs=1e-6)
    assert loss.value == pytest.approx(loss_of(scores, labels).mean(), rel=1e-4)
    assert means.loss == pytest.approx(2 * loss.value, rel=1e-6)
    assert loss.loss_weight == 2


def test_iterations_wrap_around_the_data(fed):
    scores, labels = scores_by_hand(fed)
    *batches, means = evaluate(fed, 3)
    rows = np.arange(15) % len(labels)
    wanted = loss_of(scores[rows], labels[rows]).reshape(3, 5).mean(1)
    assert [record.outputs[1].value for record in batches] == pytest.approx(wanted, rel=1e-4)
    assert means.outputs[1].value == pytest.approx(wanted.mean(), rel=1e-4)


def test_the_form_of_caffe_keeps_caffe_s_means_and_tells_the_others(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(NET.replace("top: accuracy}", "top: [accuracy, each]}"))
    with ExitStack() as stack:
        fed = open_fed_net(resolve(read_net(path), net_state(TEST)), stack)
        _, labels = scores_by_hand(fed)
        *batches, means = evaluate(fed, 3)
        rows = labels[np.arange(15) % len(labels)]
        scores = scores_by_hand(fed)[0][np.arange(15) % len(labels)]
    of_caffe = np.mean([[o.value for o in b.outputs if o.name == "each"] for b in batches], 0)
    each = [o.value for o in means.outputs if o.name == "each"]
    assert each == pytest.approx(of_caffe)
    right = scores.argmax(1) == rows
    # no example has the last class
    wanted = [*(right[rows == label].mean() for label in range(3)), np.nan]
    assert [o.value for o in means.counted] == pytest.approx(wanted, nan_ok=True)
    said = [line for line in lines(means) if line.startswith("Over all labels of all batches: ")]
    assert said == ["Over all labels of all batches: each = " + ", ".join(f"{v:g}" for v in wanted)]


def test_nothing_is_kept_for_a_backward_pass(fed):
    for _ in evaluate(fed, 1):
        assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in fed.net.parameters())


def test_a_net_without_data(tmp_path):
    path = tmp_path / "deploy.yaml"
    path.write_text(
        "layer: [{name: d, type: Input, top: d, input_param: {shape: {dim: [1, 2]}}},"
        "{name: p, type: Softmax, bottom: d, top: p}]"
    )
    with ExitStack() as stack:
        fed = open_fed_net(resolve(read_net(path), net_state(TEST)), stack)
        with pytest.raises(CatdogError, match="has no data layer"):
            list(evaluate(fed))
