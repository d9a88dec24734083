"""All pictures of a data set as bytes on the device, where batches are cut out of them."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from catdog.data.datum import Example
from catdog.data.transform import Draw, Transform, shape_text
from catdog.errors import DataError

Read = Callable[[Sequence[int]], Sequence[Example]]

_CHUNK = 256
_REMEDY = "build the data with one size, or cache: MEMORY"


class Resident:
    """The pictures of `count` records, all of one size, and their labels.

    Pictures stay on the host until the first batch is wanted on another device, and move there.
    Raises DataError for pictures of several sizes, or of floats; `where` names the data.
    """

    def __init__(self, read: Read, count: int, where: str) -> None:
        first = read([0])[0].array
        self._where = where
        self._pictures = torch.from_numpy(np.empty((count, *first.shape), np.uint8))
        host = self._pictures.numpy()
        # the shape of a picture and no memory
        blank = np.broadcast_to(np.uint8(0), first.shape)
        #: Labels, with blank pictures.
        self.examples: list[Example] = []
        for start in range(0, count, _CHUNK):
            indices = range(start, min(start + _CHUNK, count))
            for index, example in zip(indices, read(indices), strict=True):
                self._check(index, example, first.shape)
                host[index] = example.array
                self.examples.append(example._replace(array=blank))

    def gather(self, rows: Tensor, draw: Draw, transform: Transform) -> Tensor:
        """These pictures as `transform.gather` makes a batch of them, on the device of `rows`."""
        pictures = self._on(rows.device)
        if pictures.device.type == "cpu":
            return transform.gather([pictures[row].numpy() for row in rows.tolist()], draw)
        height, width = transform.shape(pictures.shape[1:])[1:]
        return pictures[rows] if transform.keeps_whole else cut(pictures, rows, draw, height, width)

    def _on(self, device: torch.device) -> Tensor:
        if self._pictures.device != device:
            try:
                self._pictures = self._pictures.to(device)
            except torch.OutOfMemoryError:
                raise DataError(
                    f"{self._pictures.nbytes / 2**30:.1f} GiB of pictures have no room on {device}",
                    where=self._where,
                    remedy="cache: MEMORY",
                ) from None
        return self._pictures

    def _check(self, index: int, example: Example, shape: tuple[int, ...]) -> None:
        array = example.array
        if array.dtype != np.uint8:
            what = f"cache: DEVICE keeps pictures of bytes, record {index} is {array.dtype}"
            raise DataError(what, where=self._where, remedy="cache: MEMORY")
        if array.shape != shape:
            what = (
                f"cache: DEVICE keeps pictures of one size, record {index} is "
                f"{shape_text(array.shape)}, the first {shape_text(shape)}"
            )
            raise DataError(what, where=self._where, remedy=_REMEDY)


def cut(pictures: Tensor, rows: Tensor, draw: Draw, height: int, width: int) -> Tensor:
    """N x C x height x width: what `draw` chose of the pictures of these rows, by index alone."""
    device = pictures.device
    corners = [(one.top, one.left, one.mirrored) for one in draw]
    top, left, mirrored = torch.tensor(corners).to(device, non_blocking=True).T[:, :, None]
    along = torch.arange(width, device=device)
    columns = left + torch.where(mirrored.bool(), width - 1 - along, along)
    lines = top + torch.arange(height, device=device)
    channels = torch.arange(pictures.shape[1], device=device)[:, None, None]
    return pictures[
        rows[:, None, None, None], channels, lines[:, None, :, None], columns[:, None, None, :]
    ]
