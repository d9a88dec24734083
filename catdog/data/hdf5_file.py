"""HDF5 files that nobody vouches for: nothing outside of them is read, no size in them believed.

HDF5 lets a file name others, whose bytes would come in as weights (external links, external
storage, virtual datasets), declare more numbers than it holds, and link in circles.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from catdog.errors import CatdogError, DataError
from catdog.runtime.room import check_fits

#: Deflate, which every HDF5 reads, makes a byte of 1,032 at most.
_DENSEST = 1100
#: What h5py raises for a damaged file: it has no error of its own.
_FAULTS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)

Item: TypeAlias = h5py.Group | h5py.Dataset


class DamagedHDF5(DataError):
    """A file that is no HDF5, or not a whole one."""


@contextmanager
def hdf5_file(path: str | Path) -> Iterator[h5py.File]:
    """A file open for reading; what h5py raises for a damaged one comes as DamagedHDF5.

    FileNotFoundError, and other faults that have a number of the system's, come as they are.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except CatdogError:
        raise
    except _FAULTS as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise DamagedHDF5("is damaged or cut short", where=str(path)) from error


def members(group: h5py.Group) -> Iterator[tuple[str, Item]]:
    """The names in a group and what is there; links that lead out of the file are refused."""
    return ((name, member(group, name)) for name in group)


def member(group: h5py.Group, name: str) -> Item:
    """What a name stands for; DataError where that is in another file, KeyError for nothing."""
    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise DataError(
            f'"{name}" is a link into another file, which is not followed',
            where=str(group.file.filename),
            remedy="get a file that has its numbers in it",
        )
    return group[name]


def numbers(dataset: h5py.Dataset) -> NDArray[np.float32]:
    """The numbers of a dataset as float32.

    Raises DataError where they lie in another file, and where there are fewer than it says;
    CatdogError where they do not fit into the memory.
    """
    if _is_dataset(dataset).dtype.kind not in "fiub":
        raise _refused(dataset, "holds no numbers")
    return np.asarray(stored(dataset, 4), np.float32)


def stored_bytes(dataset: h5py.Dataset) -> bytes:
    """The content of a dataset of bytes; the same is refused as of numbers."""
    if _is_dataset(dataset).dtype != np.uint8:
        raise _refused(dataset, "holds no bytes")
    return bytes(stored(dataset))


def stored(dataset: h5py.Dataset, width: int = 1) -> NDArray[np.generic]:
    """All that a dataset holds, if it holds it; each element will take so many bytes at least."""
    if _is_dataset(dataset).external or dataset.is_virtual:
        raise _refused(dataset, "lies in another file, which is not read")
    count, there = dataset.size or 0, dataset.id.get_storage_size()
    if count * dataset.dtype.itemsize > _DENSEST * there:
        raise _refused(dataset, f"should have {count:,} numbers, and {there:,} bytes are stored")
    needed = count * max(width, dataset.dtype.itemsize)
    check_fits(needed, f'"{dataset.name}"', str(dataset.file.filename))
    values: NDArray[np.generic] = np.asarray(dataset[()])
    return values


def _is_dataset(item: Item) -> h5py.Dataset:
    """What stands at a name, if it is no group."""
    if not isinstance(item, h5py.Dataset):
        raise DamagedHDF5(f"{item.name} is no dataset", where=str(item.file.filename))
    return item


def _refused(dataset: h5py.Dataset, why: str) -> DataError:
    return DataError(f'dataset "{dataset.name}" {why}', where=str(dataset.file.filename))


def arrays(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every dataset below a group, with its path; a group that is met twice is refused."""
    ahead = [("", group)]
    met = set()
    while ahead:
        name, group = ahead.pop(0)
        address = h5py.h5o.get_info(group.id).addr
        if address in met:
            raise DamagedHDF5("its groups are in a circle", where=str(group.file.filename))
        met.add(address)
        for each, item in members(group):
            path = f"{name}/{each}" if name else each
            if isinstance(item, h5py.Group):
                ahead.append((path, item))
            else:
                yield path, item
