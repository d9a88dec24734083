"""Engines beside torch compute what torch computes, and say what they cannot."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from catdog.data.build.dataset import create
from catdog.data.build.photo_files import photos_in
from catdog.data.build.synthetic import draw_sample
from catdog.engines import table
from catdog.engines.engine import SHARE, Task
from catdog.engines.table import KINDS, start
from catdog.engines.torch_engine import TorchEngine
from catdog.errors import CatdogError
from catdog.inference import engine_choice
from catdog.inference.engine_choice import choose
from catdog.inference.ensemble import Ensemble
from catdog.inference.predictor import Predictor
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, DatasetParameter, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.spec import filter_net, net_state
from catdog.spec.read import parse_yaml
from catdog.weights import Weights, weights_of

NET = """
layer:
- {name: in, type: Input, top: data, input_param: {shape: {dim: [1, 3, 20, 20]}}}
- {name: conv, type: Convolution, bottom: data, top: c,
   convolution_param: {num_output: 8, kernel_size: 3, weight_filler: {type: msra}}}
- {name: relu, type: ReLU, bottom: c, top: c}
- {name: norm, type: LRN, bottom: c, top: n}
- {name: pool, type: Pooling, bottom: n, top: p, pooling_param: {kernel_size: 3, stride: 2}}
- {name: fc, type: InnerProduct, bottom: p, top: fc,
   inner_product_param: {num_output: 4, weight_filler: {type: xavier}}}
- {name: prob, type: Softmax, bottom: fc, top: prob}
- {name: wild, type: InnerProduct, bottom: p, top: wild,
   inner_product_param: {num_output: 1, weight_filler: {type: xavier}}}
- {name: sure, type: Sigmoid, bottom: wild, top: sure}
"""


def task_of(text: str = NET, *outputs: str) -> Task:
    message = NetParameter()
    parse_yaml(text, message, "net.yaml")
    net = Net(filter_net(message, net_state(TEST)), setting=Setting(Randomness(3)))
    return Task(net.requires_grad_(False), "data", outputs or ("prob", "sure"))


def pictures(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 20, 20, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=sorted(KINDS))
def name(request) -> str:
    for package in ("onnx", "onnxscript", request.param):
        pytest.importorskip(package)
    return request.param


def test_outputs_are_those_of_torch_for_any_number_of_pictures(name):
    task = task_of()
    theirs, ours = start(name, "", task), TorchEngine(task, torch.device("cpu"))
    for count in (1, SHARE - 1, SHARE, 3 * SHARE + 2):
        batch = pictures(count)
        for got, wanted in zip(theirs(batch), ours(batch), strict=True):
            assert got.shape == wanted.shape
            torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_int8_is_near_and_is_not_float32(name):
    task, batch = task_of(), pictures(40)
    pytest.importorskip("onnxruntime")
    (got, _), (wanted, _) = start(name, "int8", task, batch)(batch), start(name, "", task)(batch)
    difference = (got - wanted).abs().max()
    assert 1e-5 < difference < 0.1
    torch.testing.assert_close(got.sum(1), torch.ones(len(batch)))


def test_bf16_is_near():
    pytest.importorskip("openvino")
    task, batch = task_of(), pictures(40)
    got, wanted = start("openvino", "bf16", task)(batch), start("openvino", "", task)(batch)
    torch.testing.assert_close(got[0], wanted[0], rtol=0, atol=0.02)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_weights_that_are_cast_once_give_the_numbers_of_those_that_are_cast_each_time(amp):
    task, batch = task_of(), pictures(SHARE)
    found = TorchEngine(task, torch.device("cpu"), amp)(batch)
    kind = {"bf16": torch.bfloat16, "fp16": torch.float16}[amp]
    with torch.inference_mode(), torch.autocast("cpu", kind):
        blobs = task.net({"data": batch}).blobs
    for name, got in zip(task.outputs, found, strict=True):
        assert torch.equal(got, blobs[name])
    assert {blob.dtype for blob in task.net.parameters()} == {torch.float32}


def test_what_an_engine_cannot_do_is_one_line(name, monkeypatch):
    task = task_of()
    with pytest.raises(CatdogError, match=f"--amp: {name} has no fp16; it has float32 "):
        start(name, "fp16", task)
    with pytest.raises(CatdogError, match="int8 is calibrated on photos, and there are none"):
        start(name, "int8", task, torch.zeros(0))
    random = NET.replace("type: LRN, bottom: c", "type: Dropout, phase: TRAIN, bottom: c")
    with pytest.raises(CatdogError, match=r'"norm" \(Dropout\) draws random numbers: only'):
        start(name, "", task_of(random))
    fixed = NET.replace(
        "type: LRN, bottom: c, top: n",
        "type: Reshape, bottom: c, top: n, reshape_param: {shape: {dim: [1, 8, 18, 18]}}",
    )
    with pytest.raises(CatdogError, match=f"fixes the batch at one picture, {name} takes"):
        start(name, "", task_of(fixed))
    monkeypatch.setitem(KINDS, name, replace(KINDS[name], make=_broken))
    with pytest.raises(
        CatdogError, match=f"{name} cannot compute this net: no such layer and more; leave"
    ):
        start(name, "", task)
    monkeypatch.setattr(table, "optional", lambda _, need, remedy: _missing(need, remedy))
    with pytest.raises(CatdogError, match=f"--engine {name} needs {name}; pip install"):
        start(name, "", task)


def test_python_layers_stay_with_torch():
    node = SimpleNamespace(name="mine", type="Python", layer=None)
    with pytest.raises(CatdogError, match=r'"mine" \(Python\) runs Python code: only torch can'):
        table._check(SimpleNamespace(net=[node]))


def _broken(*_: object) -> None:
    raise NotImplementedError("no such layer\nand more")


def _missing(need: str, remedy: str) -> None:
    raise CatdogError(need, remedy=remedy)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Photos of 20 x 20 in an LMDB and as files."""
    folder = tmp_path_factory.mktemp("job")
    draw_sample(folder / "input", train=90, test=1, seed=3)
    record = DatasetParameter(width=20, height=20, validation_every=6)
    create(folder / "input", folder, record)
    return folder


def weights() -> Weights:
    carried = NetParameter()
    carried.dataset.width = carried.dataset.height = 20
    parse_yaml(NET.replace("num_output: 4", "num_output: 2"), carried.deploy, "net.yaml")
    net = Net(filter_net(carried.deploy, net_state(TEST)), setting=Setting(Randomness(3)))
    return weights_of(net, carried)


def rows(predictor: Predictor, photos: list[Path]) -> np.ndarray:
    return np.stack([each.probabilities for each in predictor.predict(photos)])


def test_a_predictor_with_an_engine_says_how_it_differs(name, built):
    photos = photos_in(built / "input/train")
    ours, theirs = Predictor(weights()), Predictor(weights(), engine=name, examples=photos)
    np.testing.assert_allclose(rows(theirs, photos), rows(ours, photos), atol=1e-4)
    (note,) = theirs.engine.notes
    assert note.startswith(f"engine {name}: probabilities differ from torch's by at most ")
    assert "0 labels change (of 64 photos); started in" in note
    assert ours.engine.notes == []
    (note,) = Predictor(weights(), engine=name, amp="int8", examples=photos[:1]).engine.notes
    assert "(of 1 photo); started in" in note
    assert note.endswith("; int8 has the ranges of 1 photo, 128 are better")
    both = Ensemble([ours, theirs], ["a", "b"])
    (batch,) = both.batches(photos[:3])
    np.testing.assert_allclose(batch[0].probabilities, rows(ours, photos[:1])[0], atol=1e-4)


def test_auto_takes_the_fastest(built, monkeypatch):
    photos = photos_in(built / "input/train")
    few = Predictor(weights(), engine="auto", examples=photos)
    assert few.engine.name == "torch"
    (note,) = few.engine.notes
    assert note.startswith("engine auto: torch; others take seconds to start, it needs ")
    none = Predictor(weights(), engine="auto").engine
    assert none.notes == ["engine auto: torch; there are no photos to measure others on"]
    monkeypatch.setattr(engine_choice, "WORTH", 0.0)
    monkeypatch.setattr(
        engine_choice, "KINDS", {"slow": KINDS["openvino"], "fast": KINDS["openvino"]}
    )
    monkeypatch.setattr(engine_choice, "is_installed", lambda _: True)
    monkeypatch.setattr(engine_choice, "start", lambda name, *_: Timed(name))
    monkeypatch.setattr(engine_choice, "_rate", lambda engine, _: getattr(engine, "rate", 2.0))
    found = Predictor(weights(), engine="auto", examples=photos).engine
    assert found.name == "fast"
    assert found.notes[0].startswith("engine auto: fast, of torch 2, slow 1, fast 3 photos/s")
    assert found.notes[1].startswith("engine fast: probabilities differ")


class Timed:
    def __init__(self, name: str) -> None:
        self.rate = {"slow": 1.0, "fast": 3.0}[name]

    def __call__(self, batch: torch.Tensor) -> list[torch.Tensor]:
        return [torch.full((len(batch), 2), 0.5), torch.full((len(batch), 1), 0.5)]


def test_names_and_devices_that_there_are_not():
    with pytest.raises(CatdogError, match='--engine: no engine "openvno"; did you mean "openvino"'):
        Predictor(weights(), engine="openvno")
    with pytest.raises(CatdogError, match="torch computes no int8 here; add --engine openvino or"):
        Predictor(weights(), amp="int8")
    asked = engine_choice.Asked("openvino", "", task_of(), torch.device("cuda"), [])
    with pytest.raises(CatdogError, match="openvino computes on the CPU, not on cuda; add --dev"):
        choose(asked, lambda _: torch.zeros(0), 0, lambda *_: [])
