"""CIFAR-10 (Krizhevsky, 2009) as it is handed out: batches of pixels, pickled or binary.

A binary batch has a byte of label and 3,072 of pixels for each picture; a pickled one a dict with
`data`, pictures x 3,072, and `labels`. Pixels are the rows of the red plane, then green, then blue.
"""

import io
import pickle
import pickletools
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from catdog.data.build.listing import Listing, Photo
from catdog.data.images import Pixels
from catdog.errors import DataError
from catdog.runtime.files import read_regular

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_SIDE, _PLANES = 32, 3
_BYTES = _PLANES * _SIDE * _SIDE
_TRAIN, _TEST = [f"data_batch_{number}" for number in range(1, 6)], "test_batch"


class _Batch(NamedTuple):
    """Pixels, pictures x 3,072, with their labels and names."""

    pixels: Pixels
    labels: Sequence[int]
    names: Sequence[str]


class _Form(NamedTuple):
    """A form of the batches: their folder when unpacked, the end of their names, a reader."""

    folder: str
    ending: str
    read: Callable[[Path], _Batch]


def find_cifar(root: str | Path) -> Path | None:
    """The folder of CIFAR-10's batches: this one, or one in it by the name it is unpacked to."""
    for form in _FORMS:
        for folder in (Path(root), Path(root, form.folder)):
            if (folder / f"{_TRAIN[0]}{form.ending}").is_file():
                return folder
    return None


def read_cifar(folder: str | Path) -> Listing:
    """The pictures of the five training batches, and those of the test batch if it is there.

    Raises DataError for a batch that is missing, damaged or none.
    """
    folder = Path(folder)
    form = next(form for form in _FORMS if (folder / f"{_TRAIN[0]}{form.ending}").is_file())
    train = [photo for name in _TRAIN for photo in _photos(folder / f"{name}{form.ending}", form)]
    test = folder / f"{_TEST}{form.ending}"
    return Listing(
        f"CIFAR-10, {len(_TRAIN)} training batches{' and a test batch' * test.exists()}",
        list(CLASSES),
        train,
        test=list(_photos(test, form)) if test.exists() else None,
    )


def _photos(path: Path, form: _Form) -> Iterator[Photo]:
    try:
        batch = form.read(path)
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise DataError(what, where=str(path)) from error
    wrong = next((label for label in batch.labels if not 0 <= label < len(CLASSES)), None)
    if wrong is not None:
        raise _damaged(path, f"has label {wrong}, CIFAR-10 has 0 to {len(CLASSES) - 1}")
    # red, green, blue planes as height x width x blue, green, red; nothing is copied yet
    pictures = batch.pixels.reshape(-1, _PLANES, _SIDE, _SIDE)[:, ::-1].transpose(0, 2, 3, 1)
    for pixels, label, name in zip(pictures, batch.labels, batch.names, strict=True):
        yield Photo(path, f"{path.stem}/{name}", label, pixels=pixels)


def _damaged(path: Path, what: str) -> DataError:
    return DataError(what, where=str(path), remedy="get the file again")


def _read_binary(path: Path) -> _Batch:
    length = path.stat().st_size
    if not length or length % (1 + _BYTES):
        what = f"no batch of CIFAR-10: {length} bytes are not pictures of {1 + _BYTES}"
        raise _damaged(path, what)
    records = np.asarray(np.memmap(path, np.uint8, "r")).reshape(-1, 1 + _BYTES)
    return _Batch(records[:, 1:], records[:, 0].tolist(), _numbers(len(records)))


def _read_pickled(path: Path) -> _Batch:
    data = read_regular(path)
    try:
        content = _unpickle(data)
    except Exception as error:  # the standard library promises no kind of exception
        why = " ".join(ascii(str(error))[1:-1].split()) or "it makes no sense"
        raise _damaged(path, f"no pickle of plain values: {why}") from None
    batch = _batch(content)
    if batch is None:
        what = f"no batch of CIFAR-10: no dict with data, pictures x {_BYTES}, and labels"
        raise _damaged(path, what)
    return batch


@dataclass(eq=False)
class _Call:
    """What a pickle would call, with which arguments, and the state it would set then."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


_NAMES = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("_codecs", "encode"),
    ("__builtin__", "bytes"),
}
"""What makes arrays, and the bytes that Python 3 gives to Python 2."""


class _Unpickler(pickle.Unpickler):
    """Makes plain values, and a _Call where a pickle would call something: nothing is called.

    Not even NumPy: its dtype takes any flags from a pickle, such as that bytes are pointers.
    """

    def find_class(self, module: str, name: str) -> Callable[..., _Call]:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        # a new function each time: a pickle can set attributes of what it has named
        return lambda *arguments: _Call(name, arguments)


def _unpickle(data: bytes) -> Any:
    """The value in a pickle, in which texts of Python 2 are bytes; raises anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd escapes in a text
        for opcode, argument, _ in pickletools.genops(data):
            # the unpickler's memo gets as long as the largest index in it
            if opcode.name in ("PUT", "LONG_BINPUT") and (argument or 0) > len(data):
                raise pickle.UnpicklingError(f"it puts a value at index {argument}")
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()


def _batch(content: Any) -> _Batch | None:
    """The batch in CIFAR's dict; None where it is no such dict."""
    if not isinstance(content, dict):
        return None
    fields = {_text(key): value for key, value in content.items()}
    labels = fields.get("labels")
    if not isinstance(labels, list) or not all(map(_is_short, labels)):
        return None
    names = fields.get("filenames") or _numbers(len(labels))
    pixels = _pixels(fields.get("data"), (len(labels), _BYTES))
    if pixels is None or not isinstance(names, list) or len(names) != len(labels):
        return None
    return _Batch(pixels, labels, list(map(_text, names)))


def _is_short(label: Any) -> bool:
    """Whether it is a number that can be shown in a message."""
    return isinstance(label, int) and label.bit_length() < 64


def _pixels(array: Any, expected: tuple[int, int]) -> Pixels | None:
    """The bytes of an array of this shape, for which NumPy has two calls."""
    match array:
        case _Call("_reconstruct", state=(_, shape, dtype, fortran, content)):
            order: Literal["F", "C"] = "F" if fortran else "C"
        case _Call("_frombuffer", (content, dtype, shape, "F" | "C" as order)):
            pass
        case _:
            return None
    data = _bytes(content)
    match dtype:
        case _Call("dtype", ("u1" | b"u1", *_)):
            if shape == expected and len(data) == expected[0] * expected[1]:
                return np.frombuffer(data, np.uint8).reshape(expected, order=order)
    return None


def _bytes(value: Any) -> bytes | bytearray:
    """Bytes, or the text from which they were to be encoded; none where it is neither."""
    match value:
        case bytes() | bytearray():
            return value
        case _Call("encode", (str() as text, *_)):
            return text.encode("latin1", "ignore")
    return b""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _bytes(value).decode("latin1")


def _numbers(count: int) -> list[str]:
    return [f"{number:05d}" for number in range(count)]


_FORMS = (
    _Form("cifar-10-batches-py", "", _read_pickled),
    _Form("cifar-10-batches-bin", ".bin", _read_binary),
)
