"""The mean picture of an LMDB, as Caffe's compute_image_mean writes it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from catdog.data.datum import Array, array_to_legacy_blob, blob_to_array, read_example
from catdog.data.lmdb_store import NotBuilt
from catdog.data.numpy_file import read_npy
from catdog.data.records import Records
from catdog.data.shards import open_records
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import BlobProto
from catdog.runtime.files import replacing
from catdog.runtime.parallel import cores

BUILT_MEAN = "mean.binaryproto"
"""What `make lmdb` calls the mean of the training photos."""

_EXACT = 2**16 // 255
"""Sums of that many bytes fit in 16 bits, in which addition is several times faster."""
_LEAST = 64
"""Fewer pictures than these are not worth a thread."""


class Mean:
    """The mean of pictures of one shape, without the pictures.

    Sums of bytes are exact integers; Caffe adds in float32, which is the same up to 65,793
    pictures. `shape`, by default that of the first one, and how many are `before` matter where
    others add other pictures of the same data.
    """

    def __init__(self, shape: tuple[int, ...] = (), before: int = 0) -> None:
        self.count, self._before, self._unsettled = 0, before, 0
        self._sum: NDArray[np.float64] = np.zeros(shape)
        self._recent: NDArray[np.uint16] = np.zeros(shape, np.uint16)

    def add(self, planes: Array) -> None:
        """One more picture, channels x height x width; DataError when its shape is another."""
        if not self._sum.shape:
            self._sum = np.zeros(planes.shape)
            self._recent = np.zeros(planes.shape, np.uint16)
        if planes.shape != self._sum.shape:
            raise DataError(
                f"picture {self._before + self.count} is {_size(planes.shape)}, the ones before "
                f"it are {_size(self._sum.shape)}",
                remedy="a mean needs pictures of one size: give one when the LMDB is built",
            )
        if planes.dtype == np.uint8:
            if self._unsettled == _EXACT:
                self._settle()
            np.add(self._recent, planes, out=self._recent)
            self._unsettled += 1
        else:
            np.add(self._sum, planes, out=self._sum)
        self.count += 1

    def merge(self, other: "Mean") -> None:
        """Add the pictures of another mean of the same shape."""
        self.add_sum(other.sum(), other.count)

    def add_sum(self, total: NDArray[np.float64], count: int) -> None:
        """Add the sum of so many pictures of the same shape."""
        self._sum = self._sum + total
        self.count += count

    def sum(self) -> NDArray[np.float64]:
        """The sum of the pictures so far, channels x height x width."""
        self._settle()
        return self._sum

    def _settle(self) -> None:
        self._sum += self._recent
        self._recent[...] = 0
        self._unsettled = 0

    def result(self) -> NDArray[np.float32]:
        """The mean, channels x height x width; DataError when there was no picture."""
        if not self.count:
            raise DataError("no pictures, so no mean")
        return (self.sum() / self.count).astype(np.float32)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def compute_mean(lmdb: str | Path) -> NDArray[np.float32]:
    """The mean of all examples of an LMDB, channels x height x width; encoded ones are decoded.

    Each core adds the pictures of one part.
    """
    with open_records(lmdb) as reader:
        shape = read_example(reader.first()).array.shape
        step = max(_LEAST, -(-len(reader) // cores()))
        parts = [range(at, min(at + step, len(reader))) for at in range(0, len(reader), step)]
        with ThreadPoolExecutor(len(parts), "catdog-mean") as pool:
            first, *others = pool.map(lambda part: _part_of_mean(reader, part, shape), parts)
    for other in others:
        first.merge(other)
    return first.result()


def _part_of_mean(reader: Records, part: range, shape: tuple[int, ...]) -> Mean:
    mean = Mean(shape, part.start)
    for key, value in reader.views(part):
        try:
            mean.add(read_example(value).array)
        except DataError as error:
            where = f"{reader.path}, key {key.decode(errors='replace')}"
            raise DataError(error.what, where=where, remedy=error.remedy) from error
    return mean


def write_mean(mean: NDArray[np.float32], path: str | Path) -> None:
    """Write a .binaryproto, 1 x channels x height x width, byte for byte as Caffe does."""
    with replacing(path) as beside:
        beside.write_bytes(array_to_legacy_blob(mean).SerializeToString())


def read_mean(path: str | Path) -> NDArray[np.float32]:
    """The array in a .binaryproto or .npy, in its shape, a leading 1 left out.

    Raises DataError when the file is missing or neither, and for numbers that are not finite.
    """
    path = Path(path)
    if path.name == BUILT_MEAN and not path.exists():
        raise NotBuilt("no such mean", path)
    try:
        mean = _read_npy(path) if path.suffix == ".npy" else _read_binaryproto(path)
    except OSError as error:
        raise DataError(
            f"cannot read the mean ({error.strerror or error})",
            where=str(path),
            remedy="tools/compute_image_mean.py makes one from an LMDB",
        ) from error
    except (DecodeError, DataError, ValueError) as error:
        raise DataError(
            "not a mean file", where=str(path), remedy="name a .binaryproto or an .npy"
        ) from error
    if not np.isfinite(mean).all():
        raise DataError(
            "the mean has numbers that are not finite",
            where=str(path),
            remedy="compute it again with tools/compute_image_mean.py",
        )
    return mean[0] if mean.ndim == 4 and mean.shape[0] == 1 else mean


def _read_binaryproto(path: Path) -> NDArray[np.float32]:
    return blob_to_array(BlobProto.FromString(path.read_bytes()))


def _read_npy(path: Path) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.asarray(read_npy(path), np.float32)


def compute_mean_file(lmdb: str | Path, path: str | Path | None) -> list[str]:
    """Compute the mean of an LMDB, write it if there is a path; what to tell the user.

    Caffe's tool tells the mean of each channel, in the order of the channels.
    """
    mean = compute_mean(lmdb)
    if path is not None:
        write_mean(mean, path)
    return [f"Number of channels: {len(mean)}"] + [
        f"mean_value channel [{index}]: {plane.mean(dtype=np.float64):g}"
        for index, plane in enumerate(mean)
    ]
