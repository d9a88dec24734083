"""Normalisation (caffe/layers/lrn_layer.cpp, mvn_layer.cpp, batch_norm_layer.cpp)."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from catdog.layers.base import Family, Layer, Numbers
from catdog.layers.frame import check_images
from catdog.proto.caffe_pb2 import FillerParameter, LayerParameter, LRNParameter
from catdog.spec.shape import Shape

BLOCK = 1 << 18
"""Numbers of a part that stays in a processor's cache with all that is made of it."""


class LRN(Layer):
    """x * scale^-beta, with scale from the squares around (Krizhevsky and others 2012).

    ACROSS_CHANNELS: scale = k + alpha / local_size * sum of the squares of local_size channels.
    WITHIN_CHANNEL: scale = 1 + alpha * mean of the squares in a square of local_size, zeros
    outside the image; k is ignored there, as in Caffe. `engine` is accepted: the numbers are
    those of Caffe's own.

    Raises LayerError for an even local_size and for a bottom without four axes.
    """

    messages = ("lrn_param",)
    family = Family.NORMALIZATION
    keeps_zeros = True
    top_may_be_overwritten = True
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        size = self.param.lrn_param.local_size
        if size % 2 == 0:
            raise self.error(
                f"has local_size {size}",
                field="lrn_param.local_size",
                remedy="give an odd number",
            )
        check_images(self, shapes[0])

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return list(shapes)

    def per_example(self) -> bool:
        return True

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"size {param.lrn_param.local_size}"

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.lrn_param
        # squares of half precision overflow
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        if param.norm_region == LRNParameter.WITHIN_CHANNEL:
            size = param.local_size
            mean = F.avg_pool2d(wide.square(), size, 1, size // 2)
            return (wide * inverse_power(1 + param.alpha * mean, param.beta)).to(x.dtype)
        share = param.alpha / param.local_size
        top: Tensor = _Across.apply(wide, param.local_size // 2, share, param.beta, param.k)
        return top.to(x.dtype)


class _Across(torch.autograd.Function):
    """x * scale^-beta over neighbouring channels, keeping only x and scale for the backward pass:
    dx = dy * scale^-beta - 2 * share * beta * x * neighbours(dy * y / scale)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, radius: int, share: float, beta: float, k: float) -> Tensor:
        top, scale = torch.empty_like(x), torch.empty_like(x)
        for part, result, by in _in_cache(x, top, scale):
            by.copy_(neighbours(part.square(), radius).mul_(share).add_(k))
            torch.mul(part, inverse_power(by, beta), out=result)
        ctx.save_for_backward(x, scale)
        ctx.radius, ctx.share, ctx.beta = radius, share, beta
        return top

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, scale = ctx.saved_tensors
        of_x = torch.empty_like(diff)
        for part, by, of_top, result in _in_cache(x, scale, diff, of_x):
            direct = torch.mul(of_top, inverse_power(by, ctx.beta), out=result)
            around = neighbours(direct * part / by, ctx.radius)
            direct.addcmul_(part, around, value=-2 * ctx.share * ctx.beta)
        return of_x, None, None, None, None


def _in_cache(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """On the CPU some images at a time, which stay in its cache from one operation to the next."""
    count = len(tensors[0])
    if tensors[0].device.type != "cpu" or torch.compiler.is_compiling() or not count:
        yield tensors
        return
    images = max(1, BLOCK * count // tensors[0].numel())
    yield from zip(*(torch.split(tensor, images) for tensor in tensors), strict=True)


def neighbours(x: Tensor, radius: int) -> Tensor:
    """The sum over the channels around each, up to `radius` away on both sides."""
    total, channels = x.clone(), x.shape[1]
    for away in range(1, min(radius, channels - 1) + 1):
        rest = channels - away
        total.narrow(1, away, rest).add_(x.narrow(1, 0, rest))
        total.narrow(1, 0, rest).add_(x.narrow(1, away, rest))
    return total


def inverse_power(x: Tensor, beta: float) -> Tensor:
    """x^-beta; for the usual 0.75 by square roots, which are many times faster than pow."""
    if beta != 0.75:
        return x.pow(-beta)
    root = x.rsqrt()
    return root.sqrt().mul(root)


class MVN(Layer):
    """Each channel (with across_channels: each image) minus its mean and, with
    normalize_variance, by (standard deviation + eps), the variance with divisor m.

    Raises LayerError for a bottom of more than four axes.
    """

    messages = ("mvn_param",)
    family = Family.NORMALIZATION
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        if len(shapes[0]) > 4:
            raise self.error(
                f"needs a bottom of at most 4 axes, not {list(shapes[0])}",
                field="bottom",
                remedy="put a Reshape layer before it",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return list(shapes)

    def per_example(self) -> bool:
        return True

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.mvn_param
        # missing axes count as size 1
        image = x.reshape(*x.shape, *[1] * (4 - x.dim()))
        axes = (1, 2, 3) if param.across_channels else (2, 3)
        if not param.normalize_variance:
            return (image - image.mean(axes, keepdim=True)).reshape(x.shape)
        top: Tensor = _Standardized.apply(image, axes, param.eps)
        return top.reshape(x.shape)


class _Standardized(torch.autograd.Function):
    """(x - mean) / (deviation + eps), with Caffe's gradient, which takes eps as if it stood inside
    the root: (dy - mean(dy) - y * mean(dy * y)) / (deviation + eps)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
        centred = x - x.mean(axes, keepdim=True)
        deviation = centred.square().mean(axes, keepdim=True).sqrt_().add_(eps)
        top = centred.div_(deviation)
        ctx.save_for_backward(top, deviation)
        ctx.axes = axes
        return top

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor, None, None]:
        top, deviation = ctx.saved_tensors
        mean = diff.mean(ctx.axes, keepdim=True)
        slope = (diff * top).mean(ctx.axes, keepdim=True)
        return (diff - mean).addcmul_(top, slope, value=-1).div_(deviation), None, None


class BatchNorm(Layer):
    """Each channel minus its mean and by the root of (variance + eps).

    Blobs are the running sums of mean and variance and the factor that divides both; the layer
    updates them by moving_average_fraction whenever it uses the statistics of the batch: in the
    TRAIN phase, or as use_global_stats sets it; a frozen layer never does. Axis 1 has the
    channels; a bottom of one axis is one channel. The variance of one number is 0.
    """

    messages = ("batch_norm_param",)
    family = Family.NORMALIZATION
    keeps_zeros = True
    learns = False
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        if not shapes[0]:
            raise self.error(
                "needs a bottom with an axis, not one number",
                field="bottom",
                remedy="put a Reshape layer before it",
            )
        param = self.param.batch_norm_param
        self._use_global_stats = (
            param.use_global_stats if param.HasField("use_global_stats") else None
        )
        channels = shapes[0][1] if len(shapes[0]) > 1 else 1
        self.add_blob((channels,))
        self.add_blob((channels,))
        self.add_blob((1,), self._factor_filler())

    def _factor_filler(self) -> FillerParameter | None:
        return None

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return list(shapes)

    @property
    def uses_global_stats(self) -> bool:
        """Whether the running statistics are used, and stay as they are."""
        if self.param.frozen:
            return True
        return not self.training if self._use_global_stats is None else self._use_global_stats

    def per_example(self) -> bool:
        return self.uses_global_stats

    def updates_blobs(self) -> bool:
        return not self.uses_global_stats

    def forward(self, x: Tensor) -> Tensor:
        return self.normalize(x)

    def normalize(
        self, x: Tensor, scale: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """The top; with them, times a scale and plus a bias for each channel."""
        rows = x if x.dim() > 1 else x.unsqueeze(1)
        by_statistics = self._by_running if self.uses_global_stats else self._by_batch
        return by_statistics(rows, scale, bias).reshape(x.shape)

    def _by_running(self, x: Tensor, scale: Tensor | None, bias: Tensor | None) -> Tensor:
        mean, variance = self._running()
        return F.batch_norm(x, mean, variance, scale, bias, training=False, eps=self._eps)

    @property
    def _eps(self) -> float:
        return self.param.batch_norm_param.eps

    def _running(self) -> tuple[Tensor, Tensor]:
        """The running mean and variance."""
        mean, variance, factor = (blob.detach() for blob in list(self.blobs)[:3])
        share = torch.where(factor == 0, 0.0, 1 / factor)
        return mean * share, variance * share

    def _by_batch(self, x: Tensor, scale: Tensor | None, bias: Tensor | None) -> Tensor:
        normed = normalized_by_batch(x, scale, bias, self._eps)
        self._update(normed.mean, normed.variance, normed.divisor)
        return normed.top

    def _update(self, mean: Tensor, variance: Tensor, _count: int, /) -> None:
        """Add those of a batch to the running ones; the variance has the divisor - 1."""
        fraction = self.param.batch_norm_param.moving_average_fraction
        factor = torch.ones_like(self.blobs[2])
        for blob, new in zip(list(self.blobs)[:3], (mean, variance, factor), strict=True):
            blob.detach().mul_(fraction).add_(new)

    @property
    def is_untrained(self) -> bool:
        """Whether no batch is counted in the running statistics."""
        return not self.blobs[2].item()

    @classmethod
    def asks_for_batch(cls, layer: LayerParameter) -> bool:
        norm = layer.batch_norm_param
        given = norm.HasField("use_global_stats") and not norm.use_global_stats
        return given and not layer.frozen

    @classmethod
    def scales_channels(cls, param: LayerParameter) -> bool:
        return not cls.asks_for_batch(param)

    @classmethod
    def channel_line(
        cls, param: LayerParameter, blobs: Sequence[Numbers]
    ) -> tuple[Numbers, Numbers]:
        mean, variance, factor = blobs
        by = 1 / factor if factor else np.zeros_like(factor)
        gain = 1 / np.sqrt(variance * by + param.batch_norm_param.eps)
        return gain, -mean * by * gain


class Normed(NamedTuple):
    """A top by the statistics of its batch, and these: the variance has the divisor - 1."""

    top: Tensor
    mean: Tensor
    variance: Tensor
    divisor: int

    @property
    def plain_variance(self) -> Tensor:
        """The variance with the whole divisor."""
        return self.variance * ((self.divisor - 1) / self.divisor)


def normalized_by_batch(x: Tensor, scale: Tensor | None, bias: Tensor | None, eps: float) -> Normed:
    """Each channel (axis 1) of x minus its mean and by the root of (its variance + eps), times a
    scale and plus a bias for each channel; the variance of one number is 0."""
    wide = torch.promote_types(x.dtype, torch.float32)
    mean, variance = (torch.zeros(x.shape[1], dtype=wide, device=x.device) for _ in range(2))
    if x.numel() == x.shape[1]:
        top = _of_single_numbers(x, scale, bias, eps)
        return Normed(top, x.detach().reshape(-1).to(wide), variance, 1)
    # with momentum 1 these become the mean and the variance of the batch, divisor m - 1
    cudnn = torch.backends.cudnn.enabled
    top = torch.batch_norm(x, scale, bias, mean, variance, True, 1.0, eps, cudnn)
    return Normed(top, mean, variance, x.numel() // max(x.shape[1], 1))


def _of_single_numbers(x: Tensor, scale: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """The top where every channel has one number, its own mean: torch's x * slope + offset would
    leave the rounding of large numbers, and a variance of 0 / 0."""
    channels = (1, -1, *[1] * (x.dim() - 2))
    zeros = x - x
    top = zeros * (zeros.detach() + eps).rsqrt()
    if scale is not None:
        top = top * scale.view(channels)
    return top if bias is None else top + bias.view(channels)


TABLE: dict[str, type[Layer]] = {"LRN": LRN, "MVN": MVN, "BatchNorm": BatchNorm}
