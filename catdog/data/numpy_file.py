"""NumPy's files that nobody vouches for: no more is believed than they have bytes for.

The header of an array is text of Python, alone or in a zip; NumPy raises whatever its parts raise.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.errors import CatdogError


def read_npy(path: Path) -> NDArray[Any]:
    """The array of an .npy, in its own type; OSError, and ValueError for what holds no numbers."""
    with _explained():
        # a map of the file cannot be longer than it
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
        if stored.dtype.kind not in "fiub":
            raise ValueError("no numbers")
        return np.array(stored)
    raise AssertionError


@contextmanager
def opened_npz(path: str | Path) -> Iterator[Any]:
    """The arrays of an .npz by name; OSError, and ValueError for what is none, also while read."""
    # NumPy leaves a file open that it cannot read
    with (
        _explained(),
        Path(path).open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        yield arrays


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (OSError, CatdogError):
        raise
    except Exception as error:
        raise ValueError("no array of numbers") from error
