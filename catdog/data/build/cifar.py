"""CIFAR-10 (Krizhevsky, 2009) as it is handed out: batches of pixels, pickled or binary.

A binary batch has a byte of label and 3,072 of pixels for each picture; a pickled one a dict with
`data`, pictures x 3,072, and `labels`. Pixels are the rows of the red plane, then green, then blue.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from catdog.data.build.listing import Listing, Photo
from catdog.data.build.pickled import read_pickle
from catdog.data.images import Pixels
from catdog.errors import DataError

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
    batch = form.read(path)
    wrong = next((label for label in batch.labels if not 0 <= label < len(CLASSES)), None)
    if wrong is not None:
        raise DataError(
            f"has label {wrong}, CIFAR-10 has 0 to {len(CLASSES) - 1}",
            where=str(path),
            remedy="get the file again",
        )
    # red, green, blue planes as height x width x blue, green, red; nothing is copied yet
    pictures = batch.pixels.reshape(-1, _PLANES, _SIDE, _SIDE)[:, ::-1].transpose(0, 2, 3, 1)
    for pixels, label, name in zip(pictures, batch.labels, batch.names, strict=True):
        yield Photo(path, f"{path.stem}/{name}", label, pixels=pixels)


def _read_pickled(path: Path) -> _Batch:
    content = read_pickle(path)
    if isinstance(content, dict):
        content = {_text(key): value for key, value in content.items()}
        pixels, labels = content.get("data"), content.get("labels")
        if isinstance(pixels, np.ndarray) and isinstance(labels, list):
            names = content.get("filenames") or _numbers(len(labels))
            if pixels.shape == (len(labels), _BYTES) and pixels.dtype == np.uint8:
                return _Batch(pixels, list(map(int, labels)), list(map(_text, names)))
    raise DataError(
        f"no batch of CIFAR-10: no dict with data, pictures x {_BYTES}, and labels",
        where=str(path),
        remedy="get the file again",
    )


def _read_binary(path: Path) -> _Batch:
    try:
        length = path.stat().st_size
        if not length or length % (1 + _BYTES):
            raise DataError(
                f"no batch of CIFAR-10: {length} bytes are not pictures of {1 + _BYTES}",
                where=str(path),
                remedy="get the file again",
            )
        records = np.asarray(np.memmap(path, np.uint8, "r")).reshape(-1, 1 + _BYTES)
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise DataError(what, where=str(path)) from error
    return _Batch(records[:, 1:], records[:, 0].tolist(), _numbers(len(records)))


def _numbers(count: int) -> list[str]:
    return [f"{number:05d}" for number in range(count)]


def _text(value: str | bytes) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else value


_FORMS = (
    _Form("cifar-10-batches-py", "", _read_pickled),
    _Form("cifar-10-batches-bin", ".bin", _read_binary),
)
