"""Nets of Caffe under OpenCV's interface, beside OpenCV 4: one photo, with all that follows."""

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.comparison import Comparison, Missing, Side
from benchmarks.prediction import reads_caffe
from benchmarks.workplace import ROOT, Workplace, script
from catdog import opencv
from catdog.net.deploy import deploy_net
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST
from catdog.spec import net_state, read_net, to_prototxt
from catdog.weights import Weights, weights_of, write_weights
from catdog.weights.model import BlobsOfLayers

_MODELS = ROOT.parent / "shared/data/models"
_GOLDEN = ROOT / "tests/goldens_forks/composites/ssd_deploy"
_SECONDS = 2.0

Files = Callable[[Workplace], tuple[Path, Path]]


def _ours(files: tuple[Path, Path], blob: np.ndarray) -> Side:
    net = opencv.readNetFromCaffe(*files)
    names = net.getUnconnectedOutLayersNames()

    def rate(seconds: float) -> float:
        began, passes = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            net.setInput(blob)
            net.forward(names)
            passes += 1
        return passes / (time.perf_counter() - began)

    rate(0.5)
    return partial(rate, _SECONDS)


def _squeezenet(place: Workplace) -> tuple[Path, Path]:
    """SqueezeNet as it ships, in its deploy form, with the numbers of its fillers."""
    text, weights = place.folder / "squeezenet.prototxt", place.folder / "squeezenet.caffemodel"
    spec = read_net(ROOT / "net_specs/squeezenet1_1.yaml")
    shapes = {"data": (1, 3, 224, 224), "label": (1,)}
    text.write_text(to_prototxt(deploy_net(resolve(spec, net_state(TEST)).message, shapes)))
    net = Net(read_net(text), phase="TEST")
    write_weights(weights, weights_of(net, net.message))
    return text, weights


def _golden_ssd(place: Workplace) -> tuple[Path, Path]:
    """The small SSD of the goldens, with its parameters."""
    text, weights = place.folder / "ssd.prototxt", place.folder / "ssd.caffemodel"
    shutil.copy(_GOLDEN.with_suffix(".prototxt"), text)
    net, stored = Net(read_net(text), phase="TEST"), np.load(_GOLDEN.with_suffix(".npz"))
    blobs: BlobsOfLayers = {
        node.name: [stored[f"param:{node.name}:{i}"] for i in range(len(node.layer.blobs))]
        for node in net
        if len(node.layer.blobs)
    }
    write_weights(weights, Weights(blobs, net.message))
    return text, weights


def _stored(name: str, _: Workplace) -> tuple[Path, Path]:
    files = _MODELS / f"{name}.prototxt", _MODELS / f"{name}.caffemodel"
    if not files[0].exists():
        raise Missing(f"{files[0]} is not here")
    return files


def _beside(name: str, shape: tuple[int, ...], files: Files) -> Comparison:
    def prepare(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
        if not reads_caffe(place.opencv4):
            raise Missing(f"no OpenCV 4 in {place.opencv4}; `make bench` puts it there")
        found = files(place)
        blob = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        stored = place.folder / f"{name}.npy"
        np.save(stored, blob)
        theirs = partial(script, "opencv_dnn", [*found, stored], place.opencv4)
        return _ours(found, blob), theirs

    return Comparison(f"{name} by catdog.opencv", "OpenCV 4's dnn", "photos/s", 1, prepare)


CASES = (
    _beside("SqueezeNet 1.1", (1, 3, 224, 224), _squeezenet),
    _beside("SSD of the goldens (16 x 16)", (1, 3, 16, 16), _golden_ssd),
    _beside("slim-320", (1, 3, 240, 320), partial(_stored, "slim-320")),
    _beside(
        "face-detection-retail-0044",
        (1, 3, 300, 300),
        partial(_stored, "face-detection-retail-0044"),
    ),
)
