"""The mean of pictures, and whether they are of one size."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog.data.images import Pixels
from catdog.data.mean import Mean
from catdog.data.numpy_file import read_npy
from catdog.proto.caffe_pb2 import DatasetParameter


class SizedMean:
    """The mean of pictures while all that were seen are of one size.

    Unless they `may_differ`, adding one of another size raises DataError.
    """

    def __init__(self, *, may_differ: bool = False) -> None:
        self.mean = Mean()
        #: Channels x height x width of all of them; empty for none, and for several sizes.
        self.shape: tuple[int, ...] = ()
        self.one_size = True
        self._may_differ = may_differ

    def see(self, shape: tuple[int, ...]) -> None:
        """One more picture, which is not for the mean."""
        self.one_size = self.one_size and shape == (self.shape or shape)
        self.shape = shape if self.one_size else ()

    def add(self, planes: Pixels) -> None:
        """One more picture, channels x height x width."""
        self.see(planes.shape)
        if self.one_size or not self._may_differ:
            self.mean.add(planes)

    def take(self, sums: Path, count: int) -> None:
        """The sum of `count` more pictures, in a file where they are of one size; without a count
        only their size matters."""
        if not sums.exists():
            self.one_size, self.shape = False, ()
            return
        total = read_npy(sums)
        self.see(total.shape)
        if self.one_size and count:
            self.mean.add_sum(total, count)

    def result(self) -> NDArray[np.float32] | None:
        """The mean, channels x height x width; None for pictures of several sizes."""
        return self.mean.result() if self.one_size else None


def may_differ(dataset: DatasetParameter) -> bool:
    """Whether the pictures of a data set may be of several sizes."""
    return dataset.encoding == DatasetParameter.KEEP
