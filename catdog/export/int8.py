"""An ONNX model in bytes: ranges from photos, and what the bytes change of what it says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catdog.data.images import Unreadable
from catdog.engines.engine import Task
from catdog.engines.onnxruntime_engine import OnnxRuntimeEngine
from catdog.engines.quantization import quantize
from catdog.errors import CatdogError, DataError
from catdog.export.deployed import Deployed
from catdog.inference.engine_choice import CALIBRATED
from catdog.inference.heads import Head
from catdog.inference.intervals import with_interval
from catdog.inference.photos import GivenPhoto
from catdog.inference.predictor import Predictor
from catdog.inference.preparation import input_of
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.files import replacing
from catdog.runtime.optional import optional
from catdog.runtime.wording import counted
from catdog.weights import Weights, weights_of

#: Photos that the two models are compared on, at most.
COMPARED = 512
_MEGABYTE = 1e6

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class _Photos:
    """Prepared photos, and of each the number of its class, -1 where its folder names none."""

    pictures: Numbers
    classes: NDArray[np.int64]

    def some(self, which: NDArray[np.bool_]) -> "_Photos":
        return _Photos(self.pictures[which], self.classes[which])


def quantized(found: Deployed, model: Path, target: Path, given: Sequence[GivenPhoto]) -> list[str]:
    """Write a model of a net with bytes for weights and blobs; lines about what that changes.

    `given` are photos, by some of which the range of each blob is found; the models are compared
    on the others. Where they lie in folders with the names of the net's classes, the accuracy of
    both is told, else how often they say the same. Raises CatdogError for a net that does not
    judge photos, and where none can be read.
    """
    predictor, lines = _predictor(found)
    photos = _prepared(predictor, given)
    calibrated, compared = _divided(photos)
    with TemporaryDirectory(prefix="catdog-int8-") as folder:
        small = Path(folder) / "int8.onnx"
        quantize(model, small, predictor.input.name, calibrated.pictures)
        _keep_metadata(model, small)
        with replacing(target) as beside:
            beside.write_bytes(small.read_bytes())
    head = predictor.heads[0]
    task = Task(found.net, predictor.input.name, (head.blob,))
    before, after = (_chosen(each, task, head, compared.pictures) for each in (model, target))
    lines.append(f"ranges of {counted(len(calibrated.pictures), 'photo')}")
    lines += _changes(before, after, compared.classes)
    sizes = [each.stat().st_size / _MEGABYTE for each in (model, target)]
    return [*lines, f"size: {sizes[0]:.2f} MB before, {sizes[1]:.2f} MB in int8"]


def _predictor(found: Deployed) -> tuple[Predictor, list[str]]:
    """What prepares the photos, and what is assumed of that."""
    carried = found.carried
    dataset, lines = found.dataset, []
    if dataset is None:
        dataset = _assumed(found)
        order = DatasetParameter.ChannelOrder.Name(dataset.channel_order)
        lines = [
            "nothing says how photos are prepared: they are taken to be "
            f"{order} from 0 to 255, stretched to {dataset.width} x {dataset.height}"
        ]
    weights = Weights(weights_of(found.net).blobs, carried)
    return Predictor(weights, deploy=found.net.message, dataset=dataset, scores=True), lines


def _assumed(found: Deployed) -> DatasetParameter:
    """Photos as Caffe's tools give them to a net, of the size of its input."""
    _, channels, *size = found.net.inputs[input_of(found.net.message).name]
    if len(size) != 2 or channels not in (1, 3):
        raise CatdogError("takes no photos", where=f"net {found.net.name}", remedy=_LEAVE)
    order = DatasetParameter.GRAY if channels == 1 else DatasetParameter.BGR
    return DatasetParameter(width=size[1], height=size[0], channel_order=order)


_LEAVE = "leave --int8 out"


def _prepared(predictor: Predictor, given: Sequence[GivenPhoto]) -> _Photos:
    """Photos from everywhere among those that are given."""
    count = min(len(given), CALIBRATED + COMPARED)
    classes = {name: number for number, name in enumerate(predictor.heads[0].names)}
    pictures: list[torch.Tensor] = []
    labels: list[int] = []
    for at in range(count):
        photo = given[at * len(given) // count]
        try:
            _, batch = predictor.prepared(photo.file)
        except Unreadable:
            continue
        pictures.append(batch)
        folders = (*Path(photo.file.parent if isinstance(photo.file, Path) else "").parts[-1:],)
        inside = photo.inside.parts[:-1] or folders
        labels.append(next((classes[name] for name in inside if name in classes), -1))
    if not pictures:
        raise DataError("none of the photos can be read", where="--int8", remedy="name others")
    return _Photos(torch.cat(pictures).contiguous().numpy(), np.array(labels))


def _divided(photos: _Photos) -> tuple[_Photos, _Photos]:
    """Those that ranges are found by, and others to compare on; of a few all are for both."""
    count = len(photos.classes)
    if count < CALIBRATED:
        return photos, photos
    step = max(2, count // CALIBRATED)
    first = np.arange(count) % step == 0
    return photos.some(first), photos.some(~first)


def _chosen(model: Path, task: Task, head: Head, pictures: Numbers) -> list[list[int]]:
    """What a model says of each picture."""
    onnxruntime = optional("onnxruntime", "int8 needs onnxruntime", "pip install onnxruntime")
    (rows,) = OnnxRuntimeEngine(onnxruntime, model, task)(torch.from_numpy(pictures))
    return [_choice(head, row) for row in rows.numpy()]


def _choice(head: Head, row: Numbers) -> list[int]:
    """The class, or the labels that apply; one sigmoid tells two classes apart."""
    if len(row) == 1 and not head.several:
        return [int(row[0] > 0.5)]
    return head.chosen(row)


def _changes(
    before: list[list[int]], after: list[list[int]], classes: NDArray[np.int64]
) -> list[str]:
    same = np.mean([one == other for one, other in zip(before, after, strict=True)])
    lines = [f"the same answer for {same:.2%} of {counted(len(before), 'photo')}"]
    known = classes >= 0
    if known.all():
        old, new = (
            sum(each == [label] for each, label in zip(rows, classes, strict=True))
            for rows in (before, after)
        )
        of = len(before)
        shares = f"{with_interval(old, of)} before, {with_interval(new, of)} in int8"
        lines.append(f"accuracy: {shares} (of {counted(of, 'photo')})")
    return lines


def _keep_metadata(model: Path, small: Path) -> None:
    """onnxruntime leaves out what a model says of itself."""
    onnx: Any = optional("onnx", "int8 needs onnx", "pip install onnx")
    made = onnx.load(small)
    there = {entry.key for entry in made.metadata_props}
    for entry in onnx.load(model).metadata_props:
        if entry.key not in there:
            made.metadata_props.add(key=entry.key, value=entry.value)
    onnx.save(made, small)
