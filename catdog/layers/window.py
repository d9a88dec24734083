"""How a window moves over the spatial axes (caffe/layers/base_conv_layer.cpp)."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from catdog.layers.base import Layer
from catdog.spec.shape import Shape


class SlidingWindow(NamedTuple):
    """Kernel, stride, padding on each side and dilation, a number for each spatial axis."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape

    @property
    def reach(self) -> Shape:
        """How far a window reaches: dilation * (kernel - 1) + 1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def convolved(self, size: Shape) -> Shape:
        """(in + 2 * pad - reach) / stride + 1, the quotient cut off towards 0, as C++ has it.

        So a window that reaches beyond the padding by less than the stride still has a place; it
        sees zeros there.
        """
        return tuple(
            int((n + 2 * p - r) / s) + 1
            for n, p, r, s in zip(size, self.pad, self.reach, self.stride, strict=True)
        )

    def lacking(self, size: Shape) -> Shape:
        """How far on each axis a window reaches beyond the padding."""
        return tuple(
            max(0, r - n - 2 * p) for n, p, r in zip(size, self.pad, self.reach, strict=True)
        )

    def completed(self, x: Tensor) -> Tensor:
        """x (n, channels, *size) with zeros behind it where it is too small for a window."""
        lacking = self.lacking(tuple(x.shape[2:]))
        if not any(lacking):
            return x
        return F.pad(x, [n for axis in reversed(lacking) for n in (0, axis)])

    def deconvolved(self, size: Shape) -> Shape:
        """stride * (in - 1) + reach - 2 * pad."""
        return tuple(
            s * (n - 1) + r - 2 * p
            for n, p, r, s in zip(size, self.pad, self.reach, self.stride, strict=True)
        )


def read_window(layer: Layer, axes: int) -> SlidingWindow:
    """The window of a convolution_param over so many spatial axes.

    Raises LayerError for numbers that are missing, zero, or given in two ways.
    """
    return SlidingWindow(
        kernel=_sizes(layer, "kernel_size", ("kernel_h", "kernel_w"), axes),
        stride=_sizes(layer, "stride", ("stride_h", "stride_w"), axes, default=1),
        pad=_sizes(layer, "pad", ("pad_h", "pad_w"), axes, default=0),
        dilation=_sizes(layer, "dilation", (), axes, default=1),
    )


def _sizes(
    layer: Layer, field: str, pair: tuple[str, ...], axes: int, default: int | None = None
) -> Shape:
    param = layer.param.convolution_param
    given = list(getattr(param, field))
    names = [field] * len(given)
    if any(param.HasField(name) for name in pair):
        _check_pair(layer, field, pair, axes)
        given, names = [getattr(param, name) for name in pair], list(pair)
    elif not given and axes:
        if default is None:
            raise layer.error(f"has no {field}", field="convolution_param", remedy=f"give {field}")
        given = [default]
    if len(given) not in (1, axes):
        raise layer.error(
            f"has {len(given)} {field} values for {axes} spatial axes",
            field=f"convolution_param.{field}",
            remedy=f"give one, or {axes}",
        )
    if field != "pad" and 0 in given:
        name = names[given.index(0)]
        raise layer.error(
            f"has {name} 0", field=f"convolution_param.{field}", remedy=f"give {name} of 1 or more"
        )
    return tuple(given if len(given) == axes else given[:1] * axes)


def _check_pair(layer: Layer, field: str, pair: tuple[str, ...], axes: int) -> None:
    if axes != 2:
        raise layer.error(
            f"has {pair[0]} or {pair[1]}, but its bottom has {axes} spatial axes, not 2",
            field="convolution_param",
            remedy=f"give {field} for each axis instead",
        )
    if getattr(layer.param.convolution_param, field):
        raise layer.error(
            f"has {field} and {pair[0]} or {pair[1]}",
            field=f"convolution_param.{field}",
            remedy="leave one of them out",
        )


def patches(x: Tensor, window: SlidingWindow) -> Tensor:
    """What every window sees, as channels: (n, channels * kernel, *outputs), zeros outside.

    x is (n, channels, *size). The channel is the slowest, the last axis of the kernel the fastest.
    """
    axes = len(window.kernel)
    x = F.pad(window.completed(x), [pad for pad in reversed(window.pad) for _ in range(2)])
    moves = zip(window.reach, window.stride, window.dilation, strict=True)
    for axis, (reach, stride, dilation) in enumerate(moves, start=2):
        x = x.unfold(axis, reach, stride)[..., ::dilation]
    outputs, kernel = range(2, axes + 2), range(axes + 2, 2 * axes + 2)
    return x.permute(0, 1, *kernel, *outputs).flatten(1, axes + 1)
