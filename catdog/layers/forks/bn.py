"""BN: two layers of one name, SegNet's and that of PSPNet and yjxiong/caffe."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from catdog.layers.base import ONE, Count, Family, Layer, Numbers
from catdog.layers.forks import Choice
from catdog.layers.norm import normalized_by_batch
from catdog.proto.caffe_pb2 import BNParameter, FillerParameter, LayerParameter
from catdog.spec.shape import Shape

_SEGNET = frozenset({"scale_filler", "shift_filler", "bn_mode"})
EPS = 1e-9
"""What SegNet's adds to a variance."""


class BN(Layer):
    """What both layers of this name share: a bottom of which axis 1 has the channels.

    By itself it is neither. Raises LayerError where nothing tells which one is meant, or where
    fields of both stand side by side.
    """

    messages = ("bn_param",)
    family = Family.NORMALIZATION
    tops = Count(1, 3)
    multiplies = True
    top_may_be_overwritten = True
    #: How many blobs of 1 x channels x 1 x 1 it has.
    _blob_count = 0

    def setup(self, *shapes: Shape) -> None:
        segnet, pspnet = _given(self.param)
        if segnet and pspnet:
            raise self.error(
                f"has {segnet} of SegNet's BN beside {pspnet} of PSPNet's",
                field="bn_param",
                remedy="leave out what belongs to one of them",
            )
        if not self._blob_count:
            raise self.error(
                "may be SegNet's (2 blobs, statistics of the batch) or PSPNet's (4 blobs, moving "
                "statistics)",
                field="bn_param",
                remedy="write bn_mode: LEARN or INFERENCE for SegNet's, eps: 1e-5 for PSPNet's",
            )
        if not 0 < len(shapes[0]) <= 4:
            raise self.error(
                f"needs a bottom of 1 to 4 axes, not {list(shapes[0])}",
                field="bottom",
                remedy="put a Reshape layer before it",
            )
        self._channels = shapes[0][1] if len(shapes[0]) > 1 else 1
        for filler in self._fillers():
            self.add_blob((1, self._channels, 1, 1), filler)

    def _fillers(self) -> Sequence[FillerParameter]:
        raise NotImplementedError

    @property
    def _numbers(self) -> BNParameter:
        return self.param.bn_param

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [shapes[0], *[(1, self._channels, 1, 1)] * (self.top_count - 1)]

    def _flat(self) -> list[Tensor]:
        """The blobs, each along its one long axis."""
        return [blob.reshape(-1) for blob in self.blobs]


class SegNetBN(BN):
    """SegNet's: in every phase each channel minus its mean and by the root of (variance + 1e-9) in
    this batch, times a scale and plus a shift; with bn_mode INFERENCE, for which a script has
    folded the statistics in, scale * x + shift.

    Tops 2 and 3 are the mean and the variance of the batch. Blobs are the scale and the shift; each
    starts at 0 unless its filler says otherwise.
    """

    _blob_count = 2

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        if self.infers and self.top_count > 1:
            raise self.error(
                "has tops for statistics, which bn_mode INFERENCE does not make",
                field="top",
                remedy="leave them out",
            )

    def _fillers(self) -> Sequence[FillerParameter]:
        return self._numbers.scale_filler, self._numbers.shift_filler

    @property
    def infers(self) -> bool:
        return self._numbers.bn_mode == BNParameter.INFERENCE

    def per_example(self) -> bool:
        return self.infers

    def passes_gradient(self) -> bool:
        # statistics of the batch send none
        return self.top_count == 1

    @classmethod
    def scales_channels(cls, param: LayerParameter) -> bool:
        return param.bn_param.bn_mode == BNParameter.INFERENCE

    @classmethod
    def channel_line(
        cls, _param: LayerParameter, blobs: Sequence[Numbers]
    ) -> tuple[Numbers, Numbers]:
        scale, shift = (blob.reshape(-1) for blob in blobs)
        return scale, shift

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        rows = x if x.dim() > 1 else x.unsqueeze(1)
        scale, shift = self._flat()
        if self.infers:
            return torch.addcmul(_along(shift, rows), rows, _along(scale, rows)).view_as(x)
        normed = normalized_by_batch(rows, scale, shift, EPS)
        top = normed.top.reshape(x.shape)
        if self.top_count == 1:
            return top
        statistics = normed.mean, normed.plain_variance
        return top, *(each.view(1, -1, 1, 1) for each in statistics[: self.top_count - 1])


class MovingBN(BN):
    """PSPNet's and yjxiong's: slope * (x - mean) / sqrt(variance + eps) + bias.

    In the TRAIN phase mean and variance (divisor m) are those of the batch, and the moving ones
    become momentum * old + (1 - momentum) * new; in the TEST phase, or `frozen`, the moving ones
    count. Blobs are slope, bias, moving mean and moving variance; each starts at 0 unless its
    filler says otherwise, a frozen variance at 1. A frozen layer learns nothing.

    The gradient in the TEST phase, unless frozen, is the fork's: that of batch statistics, with the
    moving ones put in.
    """

    tops = ONE
    statistics = frozenset({2, 3})
    _blob_count = 4

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        if self._numbers.frozen:
            self.statistics = frozenset(range(self._blob_count))

    def _fillers(self) -> Sequence[FillerParameter]:
        numbers = self._numbers
        moving = (FillerParameter(type="constant", value=value) for value in (0, numbers.frozen))
        return numbers.slope_filler, numbers.bias_filler, *moving

    @property
    def _frozen(self) -> bool:
        return self._numbers.frozen or self.param.frozen

    @property
    def uses_global_stats(self) -> bool:
        """Whether the moving statistics are used, and stay as they are."""
        return self._frozen or not self.training

    def per_example(self) -> bool:
        return self.uses_global_stats

    def updates_blobs(self) -> bool:
        return not self.uses_global_stats

    @classmethod
    def scales_channels(cls, _param: LayerParameter) -> bool:
        return True

    @classmethod
    def channel_line(
        cls, param: LayerParameter, blobs: Sequence[Numbers]
    ) -> tuple[Numbers, Numbers]:
        slope, bias, mean, variance = (blob.reshape(-1) for blob in blobs)
        gain = slope / np.sqrt(variance + param.bn_param.eps)
        return gain, bias - mean * gain

    def forward(self, x: Tensor) -> Tensor:
        rows = x if x.dim() > 1 else x.unsqueeze(1)
        by_statistics = self._by_moving if self.uses_global_stats else self._by_batch
        return by_statistics(rows).reshape(x.shape)

    def _by_batch(self, x: Tensor) -> Tensor:
        slope, bias, *moving = self._flat()
        normed = normalized_by_batch(x, slope, bias, self._numbers.eps)
        momentum = self._numbers.momentum
        for old, new in zip(moving, (normed.mean, normed.plain_variance), strict=True):
            old.detach().mul_(momentum).add_(new, alpha=1 - momentum)
        return normed.top

    def _by_moving(self, x: Tensor) -> Tensor:
        slope, bias, mean, variance = self._flat()
        eps = self._numbers.eps
        if self._numbers.frozen:
            slope, bias = slope.detach(), bias.detach()
        mean, variance = mean.detach(), variance.detach()
        if not self._frozen and torch.is_grad_enabled():
            top: Tensor = _AsOfBatch.apply(x, slope, bias, mean, (variance + eps).rsqrt())
            return top
        return F.batch_norm(x, mean, variance, slope, bias, training=False, eps=eps)


class _AsOfBatch(torch.autograd.Function):
    """y * slope + bias, y = (x - mean) * gain, with the gradient that it would have, were mean and
    gain those of this batch: dx = slope * gain * (dy - mean(dy) - y * mean(dy * y))."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, slope: Tensor, bias: Tensor, mean: Tensor, gain: Tensor
    ) -> Tensor:
        mean, gain, slope, bias = (_along(each, x) for each in (mean, gain, slope, bias))
        y = (x - mean) * gain
        ctx.save_for_backward(y, slope, gain)
        return torch.addcmul(bias, y, slope)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor | None, ...]:
        y, slope, gain = ctx.saved_tensors
        axes = [axis for axis in range(y.dim()) if axis != 1]
        bias_diff, slope_diff = diff.sum(axes), (diff * y).sum(axes)
        share = len(bias_diff) / max(y.numel(), 1)
        centred = diff - _along(bias_diff * share, y)
        projected = centred.addcmul_(y, _along(slope_diff * share, y), value=-1)
        return projected * (slope * gain), slope_diff, bias_diff, None, None


def _along(channels: Tensor, x: Tensor) -> Tensor:
    """A number for each channel, in the type of x and to be broadcast with it."""
    return channels.to(x.dtype).view(1, -1, *[1] * (x.dim() - 2))


def _given(param: LayerParameter) -> tuple[str, str]:
    """What tells of SegNet's, and what of PSPNet's."""
    fields = {field.name for field, _ in param.bn_param.ListFields()}
    segnet, pspnet = fields & _SEGNET, fields - _SEGNET
    by_shape = {2: ("2 blobs", ""), 4: ("", "4 blobs")}.get(len(param.blobs), ("", ""))
    more_tops = "tops for statistics" if len(param.top) > 1 else ""
    more_params = "more than 2 param" if len(param.param) > 2 else ""
    return (
        ", ".join(filter(None, [*sorted(segnet), by_shape[0], more_tops])),
        ", ".join(filter(None, [*sorted(pspnet), by_shape[1], more_params])),
    )


def _by_fields(param: LayerParameter, _shapes: Sequence[Shape]) -> type[Layer] | None:
    segnet, pspnet = _given(param)
    if segnet:
        return SegNetBN
    return MovingBN if pspnet else None


TABLE: dict[str, type[Layer]] = {"BN": BN}
VARIANTS: dict[str, Choice] = {"BN": _by_fields}
