"""A folder of photos to a submission, beside one photo at a time and beside other engines."""

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from benchmarks.busy import taken
from benchmarks.comparison import Comparison, Missing, Side
from benchmarks.limits import DTYPES, prediction_rate
from benchmarks.workplace import Workplace, dataset, script
from catdog.data.build.photo_files import photos_in
from catdog.data.images import load
from catdog.data.mean import read_mean
from catdog.engines.quantization import quantize
from catdog.engines.table import INT8, TORCH
from catdog.export.convert import Conversion, convert
from catdog.inference.predictor import Predictor
from catdog.inference.submission import write_submission
from catdog.weights import read_weights

_PHOTOS = 256
CASE = "photos to a submission with caffenet"
OPENVINO, ONNXRUNTIME = "OpenVINO in throughput mode", "onnxruntime in batches"
IN_BF16 = f"{CASE}, --amp bf16"
BUSY = f"{CASE}, half of the cores taken"

_SHARE = 0.85
"""Of the machine's limit."""


def _folder(place: Workplace) -> Path:
    folder = place.folder / "to_predict"
    if not folder.exists():
        folder.mkdir()
        for photo in photos_in(place.photos)[:_PHOTOS]:
            (folder / photo.name).symlink_to(photo.resolve())
    return folder


def _ours(place: Workplace, amp: str = "", engine: str = TORCH) -> Side:
    photos = photos_in(_folder(place))
    predictor = Predictor(read_weights(place.caffenet), amp=amp, engine=engine, examples=photos)

    def run() -> float:
        began = time.perf_counter()
        found = {str(each.path): each for each in predictor.predict(photos)}
        write_submission(place.folder / "ours.csv", found, predictor.heads)
        return len(photos) / (time.perf_counter() - began)

    return run


def _busy(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    quiet = _ours(place)
    return taken(quiet), quiet


def _mean(place: Workplace) -> Path:
    path = place.folder / "mean.npy"
    np.save(path, read_mean(place.lmdb(227) / "mean.binaryproto"))
    return path


def _pytorch(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    return _ours(place), _by_pytorch(place)


def _pytorch_in_bf16(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    return _ours(place, "bf16"), _by_pytorch(place)


def _by_pytorch(place: Workplace) -> Side:
    state = place.folder / "caffenet.pt"
    torch.save(
        {
            f"{layer}.{name}": torch.from_numpy(blob)
            for layer, blobs in read_weights(place.caffenet).blobs.items()
            for name, blob in zip(("weight", "bias"), blobs, strict=True)
            if blob is not None
        },
        state,
    )
    arguments = [state, _mean(place), _folder(place), place.folder / "theirs.csv"]
    return lambda: script("predict_pytorch", arguments)


def _opencv(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    if not reads_caffe(place.opencv4):
        raise Missing(f"no OpenCV 4 in {place.opencv4}; `make bench` puts it there")
    deploy = place.caffenet.with_name("caffenet_deploy.prototxt")
    arguments = [deploy, place.caffenet, _mean(place), _folder(place), place.folder / "theirs.csv"]
    return _ours(place), lambda: script("predict_opencv", arguments, place.opencv4)


def reads_caffe(python: Path) -> bool:
    """Whether this Python has an OpenCV that reads nets of Caffe."""
    command = [str(python), "-c", "import cv2; cv2.dnn.readNetFromCaffe"]
    return python.exists() and not subprocess.run(command, stderr=subprocess.DEVNULL).returncode


def _onnx(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    return _ours(place), lambda: script("predict_onnx", _arguments(place))


def _arguments(place: Workplace, amp: str = "") -> list[Path]:
    """The net as ONNX, the mean, the photos, and where the submission goes."""
    net = _int8(place) if amp == INT8 else onnx_net(place)
    return [net, _mean(place), _folder(place), place.folder / "theirs.csv"]


def onnx_net(place: Workplace) -> Path:
    """CaffeNet as an ONNX file."""
    _check_installed("onnx", "onnxscript", "onnxruntime")
    net, deploy = place.folder / "caffenet.onnx", place.folder / "deploy.prototxt"
    if not net.exists():
        shutil.copy(place.caffenet.with_name("caffenet_deploy.prototxt"), deploy)
        convert(Conversion(deploy, net, weights=place.caffenet))
    return net


def _int8(place: Workplace) -> Path:
    """The net as onnxruntime's tools quantise it, by photos of the folder."""
    target = place.folder / "caffenet_int8.onnx"
    if not target.exists():
        mean = read_mean(place.lmdb(227) / "mean.binaryproto")
        photos = [load(path, dataset(227)) for path in photos_in(_folder(place))[::2]]
        pictures = np.stack(photos).astype(np.float32) - mean
        quantize(onnx_net(place), target, "data", pictures)
    return target


def _check_installed(*packages: str) -> None:
    if missing := [name for name in packages if find_spec(name) is None]:
        raise Missing(f"pip install {' '.join(missing)}")


def _beside(peer: str, amp: str, engine: str, goal: float | None = 1) -> Comparison:
    """Our prediction by an engine beside a program that uses one as well as it can be used."""

    def prepare(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
        _check_installed("openvino", "onnxruntime")
        arguments = _arguments(place, amp)
        if peer == ONNXRUNTIME:
            return _ours(place, amp, engine), lambda: script("predict_onnx_batches", arguments)
        words = [*arguments, "bf16" if amp == "bf16" else "f32"]
        return _ours(place, amp, engine), lambda: script("predict_openvino", words)

    flags = [f"--engine {engine}"] * (engine != TORCH) + [f"--amp {amp}"] * bool(amp)
    kind = {"": "float32"}.get(amp, amp)
    case = ", ".join([CASE, *flags])
    limit = _limit(amp)
    share = _SHARE if limit else None
    return Comparison(case, f"{peer}, {kind}", "photos/s", goal, prepare, limit, share)


def _limit(amp: str = "") -> Callable[[Workplace], float] | None:
    """What the machine could do in this precision; of int8 it is not known."""
    return partial(prediction_rate, dtype=DTYPES[amp]) if amp in DTYPES else None


_ALONE = "plain PyTorch, one at a time"
CASES = (
    Comparison(CASE, _ALONE, "photos/s", 4, _pytorch, _limit(), _SHARE),
    Comparison(IN_BF16, _ALONE, "photos/s", None, _pytorch_in_bf16, _limit("bf16"), _SHARE),
    Comparison(CASE, "OpenCV 4's dnn, one at a time", "photos/s", 4, _opencv, _limit(), _SHARE),
    Comparison(CASE, "onnxruntime, one at a time", "photos/s", None, _onnx, _limit(), _SHARE),
    _beside(OPENVINO, "", TORCH),
    _beside(OPENVINO, "", "openvino"),
    _beside(ONNXRUNTIME, "", TORCH),
    _beside(ONNXRUNTIME, "", "onnxruntime"),
    _beside(OPENVINO, "bf16", TORCH),
    _beside(OPENVINO, "bf16", "openvino"),
    _beside(OPENVINO, INT8, "openvino"),
    _beside(ONNXRUNTIME, INT8, "onnxruntime"),
    Comparison(BUSY, "all cores free", "photos/s", 0.7, _busy),
)
