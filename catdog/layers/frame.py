"""Pooling of images over a frame that slides, cut at their edges as in Caffe."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.base import Layer
from catdog.spec.shape import Shape

Pair = tuple[int, int]


def check_images(layer: Layer, shape: Shape) -> None:
    """Raise LayerError for a bottom that is not (images, channels, height, width)."""
    if len(shape) != 4:
        raise layer.error(
            f"needs a bottom of 4 axes (images, channels, height, width), not {list(shape)}",
            field="bottom",
            remedy="put a Reshape layer before it",
        )


class Frame(NamedTuple):
    """The window of a pooling layer: numbers for height and width."""

    kernel: Pair
    stride: Pair
    pad: Pair = (0, 0)
    rounds_up: bool = True

    def outputs(self, size: Pair) -> Pair:
        """Height and width of the pooled image."""
        return self._along(0, size[0]), self._along(1, size[1])

    def _along(self, axis: int, size: int) -> int:
        kernel, stride, pad = self.kernel[axis], self.stride[axis], self.pad[axis]
        room = size + 2 * pad - kernel
        number = (-(-room // stride) if self.rounds_up else room // stride) + 1
        # without any padding, Caffe keeps a last window that begins beyond the image
        beyond = any(self.pad) and (number - 1) * stride >= size + pad
        return number - 1 if beyond else number

    def starts(self, axis: int, size: int) -> torch.Tensor:
        """Where the windows begin on an axis; the padding begins at -pad."""
        return torch.arange(self._along(axis, size)) * self.stride[axis] - self.pad[axis]

    def fits_torch(self, size: Pair) -> bool:
        """Whether torch's own pooling gives the same: it takes less padding, and no window that
        begins beyond the image."""
        outputs = self.outputs(size)
        return all(
            2 * self.pad[i] <= self.kernel[i]
            and (outputs[i] - 1) * self.stride[i] < size[i] + self.pad[i]
            for i in range(2)
        )

    def padded(self, x: Tensor, value: float) -> Tensor:
        """The images with a margin of this value that holds the last windows as a whole."""
        below, right = self.behind((x.shape[2], x.shape[3]))
        return F.pad(x, [self.pad[1], right, self.pad[0], below], value=value)

    def behind(self, size: Pair) -> Pair:
        """How far the last windows reach beyond the lower and the right edge of the image."""
        below, right = (
            max(0, (number - 1) * stride - pad + kernel - extent)
            for number, stride, pad, kernel, extent in zip(
                self.outputs(size), self.stride, self.pad, self.kernel, size, strict=True
            )
        )
        return below, right

    def areas(self, size: Pair) -> Tensor:
        """The area of each window within the padded image, with Caffe's sign and zero beyond."""
        rows, columns = (
            (self.starts(i, size[i]) + self.kernel[i]).clamp(max=size[i] + self.pad[i])
            - self.starts(i, size[i])
            for i in range(2)
        )
        return torch.outer(rows, columns)


def max_pool(x: Tensor, frame: Frame, with_indices: bool = False) -> tuple[Tensor, Tensor]:
    """The largest of each window and, if wanted, its place h * width + w (-1 without one).

    An empty window gives -FLT_MAX.
    """
    height, width = x.shape[2:]
    if frame.fits_torch((height, width)):
        kernel, stride, pad, rounds_up = frame
        if not with_indices:
            top = F.max_pool2d(x, kernel, stride, pad, ceil_mode=rounds_up)
            return top, top
        return F.max_pool2d_with_indices(x, kernel, stride, pad, ceil_mode=rounds_up)
    padded = frame.padded(x, -torch.inf)
    top, indices = F.max_pool2d_with_indices(padded, frame.kernel, frame.stride)
    rows = indices // padded.shape[3] - frame.pad[0]
    columns = indices % padded.shape[3] - frame.pad[1]
    empty = top == -torch.inf
    lowest = max(torch.finfo(x.dtype).min, torch.finfo(torch.float32).min)
    return top.masked_fill(empty, lowest), (rows * width + columns).masked_fill(empty, -1)


def average_pool(x: Tensor, frame: Frame) -> Tensor:
    """The sum of each window by its area in the padded image."""
    size = x.shape[2], x.shape[3]
    kernel, stride, pad, rounds_up = frame
    if kernel == size and not any(pad):
        return x.mean((2, 3), keepdim=True)
    if frame.fits_torch(size):
        return F.avg_pool2d(x, kernel, stride, pad, ceil_mode=rounds_up)
    sums = F.avg_pool2d(frame.padded(x, 0.0), kernel, stride, divisor_override=1)
    return sums / frame.areas(size).to(x)


def stochastic_pool(x: Tensor, frame: Frame, generator: torch.Generator | None) -> Tensor:
    """A number of each window, drawn with the probability of its share in the sum (Zeiler and
    Fergus 2013); without a generator the expected value, 0 where the sum is not positive.
    """
    (height, width), stride = frame.kernel, frame.stride
    windows = frame.padded(x, 0.0).unfold(2, height, stride[0]).unfold(3, width, stride[1])
    windows = windows.flatten(4)
    if generator is None:
        total = windows.sum(-1)
        mean = windows.square().sum(-1) / total.where(total > 0, 1.0)
        return mean.where(total > 0, 0.0)
    heaped = windows.detach().cumsum(-1)
    draw = torch.rand(heaped.shape[:-1], generator=generator, device=x.device, dtype=x.dtype)
    below = heaped < (draw * heaped[..., -1]).unsqueeze(-1)
    chosen = below.sum(-1, keepdim=True).clamp(max=heaped.shape[-1] - 1)
    return windows.gather(-1, chosen).squeeze(-1)
