"""Caffe's blob as Python sees it: an array and its gradient, both live (caffe/blob.cpp)."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.errors import CatdogError
from catdog.spec.shape import Shape

Array = NDArray[np.float32]

CPU = torch.device("cpu")


class Memory:
    """A row of numbers on the host, on a device or on both, copied only when the other side is
    asked for (caffe/syncedmem.cpp).

    Once `array` has handed the host's numbers out they stay at their address, so that arrays
    which somebody holds show every later result.
    """

    def __init__(self, host: Tensor) -> None:
        self._host = host
        self._there: Tensor | None = None
        self._host_is_fresh, self._there_is_fresh = True, False
        self._handed_out = False

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return self._host.numel()

    def on(self, device: torch.device) -> Tensor:
        """The present numbers on a device, to read."""
        if device.type == "cpu":
            if not self._host_is_fresh and self._there is not None:
                self._host.copy_(self._there)
                self._host_is_fresh = True
            return self._host
        if self._there is None or self._there.device != device:
            self._there, self._there_is_fresh = self.on(CPU).to(device), True
        elif not self._there_is_fresh:
            self._there.copy_(self._host)
            self._there_is_fresh = True
        return self._there

    def array(self) -> Tensor:
        """The numbers on the host, for somebody who reads, writes and keeps them."""
        host = self.on(CPU)
        self._handed_out, self._there_is_fresh = True, False
        return host

    def changed_on(self, device: torch.device) -> None:
        """What `on` gave for this device has been written to."""
        self._host_is_fresh = device.type == "cpu"
        self._there_is_fresh = not self._host_is_fresh

    def stays_on(self, device: torch.device) -> bool:
        """Whether new numbers will be written over those that `on` gives for the device."""
        return self._handed_out and device.type == "cpu"

    def put(self, numbers: Tensor) -> None:
        """Take as many new numbers or fewer; they are kept without a copy where that can be."""
        device = numbers.device
        if device.type != "cpu" and numbers.numel() == self.count:
            self._there = numbers
        elif device.type != "cpu" or self._handed_out or numbers.numel() != self.count:
            target = self.on(device)[: numbers.numel()]
            if target.data_ptr() != numbers.data_ptr():
                target.copy_(numbers)
        else:
            self._host = numbers
        self.changed_on(device)


class Blob:
    """An array of float32 and its gradient, `data` and `diff`, by shape.

    Both are NumPy arrays that show what the net computes and take what is written to them. They
    begin as zeros. Blobs may share one memory.
    """

    def __init__(self, *shape: int) -> None:
        self._shape: Shape = ()
        self._data = Memory(torch.zeros(0))
        # most nets need no gradients: their memory is made when first asked for
        self._diff: Memory | None = None
        self.reshape(*shape)

    @classmethod
    def of(cls, tensor: Tensor) -> "Blob":
        """A blob whose data lie where a contiguous tensor on the host has them."""
        blob = cls(0)
        blob._shape = tuple(tensor.shape)
        blob._data = Memory(tensor.detach().view(-1))
        return blob

    @property
    def shape(self) -> Shape:
        """The extents, outermost first."""
        return self._shape

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return math.prod(self._shape)

    @property
    def num(self) -> int:
        """The first of four extents."""
        return self._legacy(0)

    @property
    def channels(self) -> int:
        """The second of four extents."""
        return self._legacy(1)

    @property
    def height(self) -> int:
        """The third of four extents."""
        return self._legacy(2)

    @property
    def width(self) -> int:
        """The last of four extents."""
        return self._legacy(3)

    def _legacy(self, axis: int) -> int:
        if len(self._shape) > 4:
            raise CatdogError(
                f"a blob of shape {list(self._shape)} has no num, channels, height and width",
                remedy="use shape",
            )
        return self._shape[axis] if axis < len(self._shape) else 1

    @property
    def data(self) -> Array:
        """The numbers, live."""
        return self._view(self._data.array()).numpy()

    @property
    def diff(self) -> Array:
        """The gradient, live."""
        return self._view(self.diff_memory.array()).numpy()

    @property
    def diff_memory(self) -> Memory:
        """Where the gradient lies."""
        if self._diff is None or self._diff.count < self.count:
            self._diff = Memory(torch.zeros(self.count))
        return self._diff

    @property
    def data_memory(self) -> Memory:
        """Where the numbers lie."""
        return self._data

    def reshape(self, *shape: int) -> None:
        """Change the extents; a larger blob begins as zeros, a smaller one keeps what it has."""
        if any(extent < 0 for extent in shape):
            raise CatdogError(f"a blob cannot have the shape {list(shape)}")
        self._shape = tuple(map(int, shape))
        if self._data.count < self.count:
            self._data = Memory(torch.zeros(self.count))

    def share_data(self, other: "Blob") -> None:
        """Have one memory for the data with another blob of the same count."""
        self._data = other.data_memory

    def share_diff(self, other: "Blob") -> None:
        """Have one memory for the gradients with another blob of the same count."""
        self._diff = other.diff_memory

    def tensor(self, device: torch.device = CPU) -> Tensor:
        """The data on a device, to read."""
        return self._view(self._data.on(device))

    def diff_tensor(self, device: torch.device = CPU) -> Tensor:
        """The gradient on a device, to read."""
        return self._view(self.diff_memory.on(device))

    def put(self, tensor: Tensor) -> None:
        """Take shape and data from a tensor, which nobody writes to afterwards."""
        self.reshape(*tensor.shape)
        self._data.put(tensor.reshape(-1))

    def put_diff(self, tensor: Tensor) -> None:
        """Take the gradient from a tensor of this count, which nobody writes to afterwards."""
        self.diff_memory.put(tensor.reshape(-1))

    def add_diff(self, tensor: Tensor) -> None:
        """Add to the gradient."""
        self.diff_memory.on(tensor.device)[: self.count].add_(tensor.reshape(-1))
        self.diff_memory.changed_on(tensor.device)

    def clear_diff(self) -> None:
        """Make the gradient zero."""
        if self._diff is not None:
            self._diff.on(CPU).zero_()
            self._diff.changed_on(CPU)

    def _view(self, row: Tensor) -> Tensor:
        return row[: self.count].view(self._shape)


class BlobVec(list[Blob]):
    """The parameter blobs of a layer."""

    def add_blob(self, *shape: int) -> None:
        """Add a blob of zeros."""
        self.append(Blob(*shape))
