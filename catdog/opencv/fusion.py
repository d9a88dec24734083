"""Layers that run as one: a convolution with what follows it on each channel."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from catdog.layers.activation import ReLU
from catdog.layers.affine import Scale
from catdog.layers.base import Layer
from catdog.layers.forks.mobilenet import LARGEST, ReLU6
from catdog.layers.vision import Convolution, Deconvolution
from catdog.layers.window import read_window
from catdog.opencv.steps import ProgramStep

Numbers = NDArray[np.float64]
#: oneDNN's word for one, and its numbers.
Activation = tuple[str, list[float]]

# no public function of torch's has them; torch.compile emits them
_CONVOLVE: Any = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
_PACK: Any = getattr(torch._C._nn, "mkldnn_reorder_conv2d_weight", None)  # noqa: SLF001
_ONEDNN = bool(
    _CONVOLVE and _PACK and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
)


def fused(steps: Sequence[ProgramStep], wanted: frozenset[int]) -> list[ProgramStep]:
    """Steps of which those are one that can be: nobody else reads, or wants, what lies between."""
    readers: dict[int, list[ProgramStep]] = {}
    for step in steps:
        for blob in step.reads:
            readers.setdefault(blob, []).append(step)

    def follower(step: ProgramStep) -> ProgramStep | None:
        (top, *others), after = step.makes, readers.get(step.makes[0], [])
        plain = all(each.compute is each.layer for each in after)
        fits = plain and len(after) == 1 and after[0].reads == (top,) and len(after[0].makes) == 1
        return after[0] if fits and not others and top not in wanted else None

    found: list[ProgramStep] = []
    taken: set[int] = set()
    for step in steps:
        if step.number in taken:
            continue
        chain = list(_chain(step, follower))
        taken.update(each.number for each in chain)
        found.append(_joined(chain) if chain else step)
    return found


def _chain(
    step: ProgramStep, follower: Callable[[ProgramStep], ProgramStep | None]
) -> Iterator[ProgramStep]:
    """A step and those after it that can be one with it; nothing where it stands alone."""
    if not step.makes or step.compute is not step.layer:
        return
    if not (_convolves(step.layer) or _line(step.layer)):
        return
    yield step
    after = follower(step)
    while after and _line(after.layer):
        yield after
        after = follower(after)
    if after and activation_of(after.layer):
        yield after


def _joined(chain: Sequence[ProgramStep]) -> ProgramStep:
    first, last = chain[0], chain[-1]
    activation = activation_of(last.layer)
    lines = [line for each in chain if (line := _line(each.layer)) is not None]
    compute: Callable[..., Tensor]
    if _convolves(first.layer):
        compute = FusedConvolution(first.layer, lines, activation)
    else:
        compute = ChannelLine(_together(lines), activation)
    return replace(first, compute=compute, makes=last.makes)


def _convolves(layer: Layer) -> bool:
    """Whether it is a convolution of pictures with one bottom."""
    return (
        isinstance(layer, Convolution)
        and not isinstance(layer, Deconvolution)
        and layer.param.convolution_param.axis == 1
        and len(layer.param.bottom) == 1
        and layer.blobs[0].dim() == 4
    )


def _line(layer: Layer) -> tuple[Numbers, Numbers] | None:
    """What a layer multiplies each channel by and what it adds, where that is all that it does."""
    if layer.scales_channels(layer.param):
        return layer.channel_line(layer.param, _numbers(layer))
    if type(layer) is Scale and Scale.learns_channels(layer.param) and layer.blobs[0].dim() == 1:
        gain, *offset = _numbers(layer)
        return gain, offset[0] if offset else np.zeros_like(gain)
    return None


def _numbers(layer: Layer) -> list[Numbers]:
    return [blob.detach().numpy().astype(np.float64) for blob in layer.blobs]


def _together(lines: Sequence[tuple[Numbers, Numbers]]) -> tuple[Numbers, Numbers]:
    gain, offset = lines[0]
    for factor, term in lines[1:]:
        gain, offset = gain * factor, offset * factor + term
    return gain, offset


def activation_of(layer: Layer) -> Activation | None:
    """oneDNN's word for an activation, and its numbers."""
    if type(layer) is ReLU:
        slope = layer.param.relu_param.negative_slope
        return ("leaky_relu", [slope]) if slope else ("relu", [])
    if type(layer) is ReLU6 and not layer.param.relu6_param.negative_slope:
        return "hardtanh", [0.0, LARGEST]
    return None


class ChannelLine:
    """Times and plus something on each channel, and an activation."""

    def __init__(self, line: tuple[Numbers, Numbers], activation: Activation | None) -> None:
        self.gain, self.offset = (torch.from_numpy(each.astype(np.float32)) for each in line)
        self.activation = activation

    def __call__(self, x: Tensor) -> Tensor:
        """The top."""
        shape = (-1, *[1] * (x.dim() - 2))
        made = torch.addcmul(self.offset.view(shape), x, self.gain.view(shape))
        return _activated(made, self.activation)


def _activated(x: Tensor, activation: Activation | None) -> Tensor:
    """In place."""
    if activation is None:
        return x
    kind, numbers = activation
    if kind == "relu":
        return F.relu_(x)
    return F.leaky_relu_(x, *numbers) if kind == "leaky_relu" else F.hardtanh_(x, *numbers)


class FusedConvolution:
    """A convolution, times and plus something on each channel, and an activation.

    The weights are multiplied beforehand and, by oneDNN, brought into the order that is fastest
    for bottoms of the first one's shape.
    """

    def __init__(
        self,
        layer: Layer,
        lines: Sequence[tuple[Numbers, Numbers]],
        activation: Activation | None,
    ) -> None:
        weight, *bias = _numbers(layer)
        offset = bias[0] if bias else np.zeros(len(weight))
        if lines:
            gain, term = _together(lines)
            weight, offset = weight * gain.reshape(-1, 1, 1, 1), offset * gain + term
        self.weight = torch.from_numpy(weight.astype(np.float32))
        self.bias = torch.from_numpy(offset.astype(np.float32))
        self.window = read_window(layer, 2)
        self.activation = activation
        self._packed: Tensor | None = None
        self._lacking = False

    def __call__(self, x: Tensor) -> Tensor:
        """The top."""
        if self._packed is None:
            self._packed = self._pack(x)
        if self._lacking:
            x = self.window.completed(x)
        _, stride, pad, dilation = self.window
        groups = x.shape[1] // self.weight.shape[1]
        if not _ONEDNN:
            top = F.conv2d(x, self._packed, self.bias, stride, pad, dilation, groups)
            return _activated(top, self.activation)
        kind, numbers = self.activation or ("none", [])
        made: Tensor = _CONVOLVE(
            *(x, self._packed, self.bias, pad, stride, dilation, groups, kind, numbers, "")
        )
        return made

    def _pack(self, x: Tensor) -> Tensor:
        self._lacking = any(self.window.lacking(tuple(x.shape[2:])))
        if not _ONEDNN:
            return self.weight.contiguous(memory_format=torch.channels_last)
        _, stride, pad, dilation = self.window
        groups = x.shape[1] // self.weight.shape[1]
        shape = list(self.window.completed(x).shape)
        packed: Tensor = _PACK(self.weight.to_mkldnn(), pad, stride, dilation, groups, shape)
        return packed
