"""HDF5 files that are made in memory: where a disk is full, HDF5 itself ends the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py


@contextmanager
def hdf5_image(path: Path) -> Iterator[h5py.File]:
    """An empty HDF5 file to fill, written in the end; raises OSError where that fails."""
    with h5py.File("in memory", "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    path.write_bytes(image)
