"""Files from one form to another: nets, solvers, weights and means (caffe/tools/upgrade_*.cpp)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from catdog.data.mean import read_mean, write_mean
from catdog.data.numpy_file import read_npy
from catdog.errors import CatdogError, DataError, some_of
from catdog.export.binary_specs import read_binary, serialized
from catdog.export.deployed import deployed
from catdog.export.deployed_files import FileForm, to_onnx, to_program
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.runtime.files import replacing
from catdog.spec import read_net, to_text
from catdog.spec.additions import added_fields
from catdog.spec.read import read_spec
from catdog.spec.shape import Shape
from catdog.weights import Weights, fold_net, fold_weights, read_weights, write_weights
from catdog.weights.fold import folded_by_stored

_TEXT, _BINARY, _MODEL, _WEIGHTS = "text", "binary message", "caffemodel", "weights"
_MEAN, _ARRAY, _ONNX, _PROGRAM = "mean", "array", "ONNX", "exported program"
#: What a deploy net is written as.
_DEPLOYED = (_ONNX, _PROGRAM)

#: The form that a suffix stands for.
FORMS = {
    **dict.fromkeys((".yaml", ".yml", ".prototxt", ".pbtxt", ".txt"), _TEXT),
    **dict.fromkeys((".pb", ".bin", ".binary"), _BINARY),
    ".caffemodel": _MODEL,
    **dict.fromkeys((".h5", ".safetensors", ".pt", ".pth"), _WEIGHTS),
    ".binaryproto": _MEAN,
    ".npy": _ARRAY,
    ".onnx": _ONNX,
    ".pt2": _PROGRAM,
}


@dataclass(frozen=True)
class Conversion:
    """A file to convert, and the file to write.

    Args:
        weights, shapes: parameters, and shapes of data blobs, for ONNX and .pt2 alone.
        fold: fold batch normalisation into the layers before it; for a net and for weights.
        model: the net of weights that carry no net, for folding.
        tell: hears what is assumed of data that are not there, and which fields are not Caffe's.
        stages: of the net's rules, for ONNX and .pt2.
        file_form: how these are written.
        fork: of Caffe, by whose field numbers binary files are read and written.
    """

    source: Path
    target: Path
    weights: Path | None = None
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    fold: bool = False
    model: Path | None = None
    tell: Callable[[str], object] = lambda _: None
    stages: Sequence[str] = ()
    file_form: FileForm = field(default_factory=FileForm)
    fork: str = ""


def convert(conversion: Conversion) -> None:
    """Write the source in the form that the target's suffix asks for.

    A net or solver of an old form becomes a new one on the way. Raises CatdogError for forms
    between which there is no way, and what reading and writing raise.
    """
    start, end = FORMS.get(conversion.source.suffix, ""), FORMS.get(conversion.target.suffix, "")
    way = _WAYS.get((start, end))
    if (name := conversion.target.name) in FORMS:
        remedy = f"name it, such as net{name}"
        raise CatdogError(
            "is an ending without a name", where=str(conversion.target), remedy=remedy
        )
    if way is None:
        there = [suffix for suffix, form in FORMS.items() if (start, form) in _WAYS]
        remedy = f"it can become {', '.join(there)}" if there else f"known are {', '.join(FORMS)}"
        raise CatdogError(
            f"cannot become {conversion.target.name}", where=str(conversion.source), remedy=remedy
        )
    _check_deployed(conversion, start, end)
    if conversion.fold:
        way = _folding(way)
    elif conversion.model:
        raise CatdogError("--model is for --fold-batch-norm", remedy="leave it out")
    way(conversion)


def _check_deployed(conversion: Conversion, start: str, end: str) -> None:
    """Raise CatdogError for what is asked of a deploy net where none is written."""
    if end in _DEPLOYED:
        if conversion.weights and start != _TEXT:
            raise CatdogError("--weights is for the text of a net", remedy="leave it out")
    elif conversion.weights or conversion.shapes:
        raise CatdogError("--weights and --shape are for ONNX and .pt2", remedy="leave them out")
    elif not conversion.file_form.is_plain():
        what = "--opset, --dynamic and --int8 are for ONNX"
        raise CatdogError(what, remedy="leave them out")


def _folding(way: Callable[[Conversion], None]) -> Callable[[Conversion], None]:
    """The conversion with folding; raises CatdogError where it is not possible."""
    if way is _text_to_text:
        return _net_to_folded_net
    # a .caffemodel to another one goes by message otherwise
    if way is _weights_to_weights or way is _WAYS[_MODEL, _MODEL]:
        return _weights_to_folded_weights
    raise CatdogError(
        "--fold-batch-norm is for text of a net and for weights", remedy="leave it out"
    )


def _net_to_folded_net(conversion: Conversion) -> None:
    net = read_net(conversion.source).message
    _write_text(conversion, fold_net(net))
    _tell_all(conversion, folded_by_stored(net))


def _weights_to_folded_weights(conversion: Conversion) -> None:
    net = read_net(conversion.model).message if conversion.model else None
    weights = _weights_of(conversion)
    write_weights(conversion.target, fold_weights(weights, net))
    _tell_all(conversion, folded_by_stored(net or weights.as_net()))


def _tell_all(conversion: Conversion, lines: Sequence[str]) -> None:
    for line in lines:
        conversion.tell(line)


def _text_to_text(conversion: Conversion) -> None:
    message = read_spec(conversion.source).message
    _write_text(conversion, message)
    is_caffes = conversion.target.suffix not in (".yaml", ".yml")
    if is_caffes and (names := dict.fromkeys(added_fields(message))):
        conversion.tell(f"Caffe itself does not have, and refuses: {some_of(names, 8)}")


def _text_to_binary(conversion: Conversion) -> None:
    message = read_spec(conversion.source).message
    _write_bytes(conversion, serialized(message, conversion.fork))


def _binary_to_text(conversion: Conversion) -> None:
    """A net without its parameters, or a solver."""
    binary = read_binary(conversion.source, conversion.fork)
    _write_text(conversion, binary.for_text())
    if left_out := binary.left_out():
        conversion.tell(f"left out, as catdog does not have it: {some_of(left_out, 8)}")


def _binary_to_binary(conversion: Conversion) -> None:
    _write_bytes(conversion, read_binary(conversion.source, conversion.fork).upgraded())


def _write_text(conversion: Conversion, message: NetParameter | SolverParameter) -> None:
    source, target = conversion.source, conversion.target
    if FORMS[source.suffix] == _TEXT and target.exists() and target.samefile(source):
        what = "would be written over itself, without its comments"
        raise CatdogError(what, where=str(source), remedy="name another file, and move it")
    with replacing(conversion.target) as beside:
        beside.write_text(to_text(message, conversion.target), encoding="utf-8")


def _write_bytes(conversion: Conversion, content: bytes) -> None:
    with replacing(conversion.target) as beside:
        beside.write_bytes(content)


def _weights_to_weights(conversion: Conversion) -> None:
    write_weights(conversion.target, _weights_of(conversion))


def _weights_of(conversion: Conversion) -> Weights:
    return read_weights(conversion.source, conversion.fork)


def _mean_to_array(conversion: Conversion) -> None:
    """channels x height x width, as scripts for pycaffe expect it."""
    mean = read_mean(conversion.source)
    with replacing(conversion.target) as beside, beside.open("wb") as file:
        np.save(file, mean, allow_pickle=False)


def _array_to_mean(conversion: Conversion) -> None:
    try:
        array = read_npy(conversion.source)
    except (OSError, ValueError) as error:
        raise DataError(
            "is no array of numbers, or not there", where=str(conversion.source)
        ) from error
    if array.dtype.kind == "b" or not 1 <= array.ndim <= 4:
        raise DataError("holds no array of one to four axes", where=str(conversion.source))
    with np.errstate(over="ignore"):
        mean = array.astype(np.float32)
    if not np.isfinite(mean).all():
        raise DataError("has numbers that are not finite", where=str(conversion.source))
    write_mean(mean, conversion.target)


def _text_to_deployed(conversion: Conversion) -> None:
    _deploy(conversion, conversion.source, conversion.weights)


def _weights_to_deployed(conversion: Conversion) -> None:
    _deploy(conversion, None, conversion.source)


def _deploy(c: Conversion, model: Path | None, weights: Path | None) -> None:
    found = deployed(model, weights, c.shapes, c.tell, c.stages, c.fork)
    _tell_all(c, found.remarks)
    try:
        _WRITERS[FORMS[c.target.suffix]](found, c.target, c.file_form, c.tell)
    except CatdogError as error:
        if weights is None and not error.remedy:
            error.remedy = "its weights are drawn: give trained ones with --weights"
        raise


_WRITERS = {_ONNX: to_onnx, _PROGRAM: to_program}
_WAYS: dict[tuple[str, str], Callable[[Conversion], None]] = {
    (_TEXT, _TEXT): _text_to_text,
    (_TEXT, _BINARY): _text_to_binary,
    **{(_TEXT, form): _text_to_deployed for form in _DEPLOYED},
    (_BINARY, _TEXT): _binary_to_text,
    (_BINARY, _BINARY): _binary_to_binary,
    (_MODEL, _TEXT): _binary_to_text,
    # by message, so that everything in the file stays
    (_MODEL, _MODEL): _binary_to_binary,
    (_MODEL, _WEIGHTS): _weights_to_weights,
    **{(_MODEL, form): _weights_to_deployed for form in _DEPLOYED},
    (_WEIGHTS, _MODEL): _weights_to_weights,
    (_WEIGHTS, _WEIGHTS): _weights_to_weights,
    **{(_WEIGHTS, form): _weights_to_deployed for form in _DEPLOYED},
    (_MEAN, _ARRAY): _mean_to_array,
    (_ARRAY, _MEAN): _array_to_mean,
}
