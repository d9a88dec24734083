"""One photo at a time, and any job while another process counts on every second core."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec

import numpy as np
import torch

from benchmarks.busy import taken
from benchmarks.comparison import Comparison, Missing, Side
from benchmarks.feeding import feeding
from benchmarks.limits import forward_rate
from benchmarks.prediction import onnx_net
from benchmarks.training import RepeatedBatch, opened, stepping
from benchmarks.workplace import Workplace, script
from catdog.engines.table import TORCH
from catdog.inference.predictor import Predictor
from catdog.proto.caffe_pb2 import TEST
from catdog.pycaffe.net import Net
from catdog.weights import read_weights

_CASE = "one photo at a time with caffenet"
_PHOTOS = 200
Ours = Callable[[Workplace, ExitStack], Side]


def _predicting(place: Workplace, _: ExitStack, engine: str = TORCH) -> Side:
    predictor = Predictor(read_weights(place.caffenet), engine=engine)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 227, 227), np.uint8)
    return _repeated(lambda: predictor.probabilities([pixels]))


def _pycaffe(place: Workplace, _: ExitStack) -> Side:
    deploy = place.caffenet.with_name("caffenet_deploy.prototxt")
    net = Net(deploy, TEST, weights=place.caffenet)
    pixels = np.random.default_rng(0).normal(size=(1, 3, 227, 227)).astype(np.float32)
    net.blobs["data"].reshape(*pixels.shape)
    return _repeated(lambda: net.forward(data=pixels))


def _repeated(work: Callable[[], object]) -> Side:
    def run() -> float:
        began = time.perf_counter()
        for _ in range(_PHOTOS):
            work()
        return _PHOTOS / (time.perf_counter() - began)

    return run


def _step(place: Workplace, stack: ExitStack) -> Side:
    solver = opened(place, stack, "caffenet", 227, 64)
    return stepping(solver, RepeatedBatch(dict(solver.feed.next())), 64, 2)


def _beside_openvino(engine: str) -> Comparison:
    def prepare(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
        if find_spec("openvino") is None:
            raise Missing("pip install openvino")
        words = [onnx_net(place), _PHOTOS]
        return _predicting(place, stack, engine), lambda: script("openvino_single", words)

    case = _CASE if engine == TORCH else f"{_CASE}, --engine {engine}"
    return Comparison(case, "OpenVINO, float32", "photos/s", 0.8, prepare, _limit)


def _limit(_: Workplace) -> float:
    return forward_rate("caffenet", 227, 1)


def _crowded(case: str, unit: str, ours: Ours) -> tuple[Comparison, ...]:
    """A job with half of the cores taken, beside all of them free and beside one thread alone."""

    def beside_free(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
        side = ours(place, stack)
        return taken(side), side

    def beside_one(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
        side = ours(place, stack)
        return taken(side), lambda: _alone(side)

    name = f"{case}, half of the cores taken"
    return (
        Comparison(name, "all cores free", unit, 0.7, beside_free),
        Comparison(name, "one thread, all cores free", unit, 1, beside_one),
    )


def _alone(side: Side) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return side()
    finally:
        torch.set_num_threads(threads)


CASES = (
    _beside_openvino(TORCH),
    _beside_openvino("openvino"),
    *_crowded(_CASE, "photos/s", _predicting),
    *_crowded(f"{_CASE}, pycaffe", "photos/s", _pycaffe),
    *_crowded("step of caffenet, batch 64", "images/s", _step),
    _crowded("batches of 227 x 227 from an LMDB", "images/s", feeding)[0],
)
