"""BatchNorm of NVIDIA/caffe."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from catdog.layers.base import Layer, Numbers
from catdog.layers.forks import Choice
from catdog.layers.forks.scaled_norm import ScaledBatchNorm
from catdog.proto.caffe_pb2 import FillerParameter, LayerParameter
from catdog.spec.shape import Shape

LEAST_EPS = 1e-5
"""What cuDNN takes at the least."""


class NvidiaBatchNorm(ScaledBatchNorm):
    """NVIDIA's BatchNorm with `scale_bias`, or with the filler of one of both.

    Blobs are the moving mean and variance, a factor that stays 1 and is not used, a scale (1 unless
    scale_filler says otherwise) and a bias (0). eps is 1e-5 or more. In the TRAIN phase, whatever
    use_global_stats says, those of the batch count, the variance with divisor m; the moving ones
    are those of the batch in the first two passes, then moving_average_fraction * old +
    (1 - moving_average_fraction) * new, to the variance eps is added first.
    """

    _passes: Tensor

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        self.register_buffer("_passes", torch.zeros((), dtype=torch.long), persistent=False)

    def _factor_filler(self) -> FillerParameter:
        return FillerParameter(type="constant", value=1)

    def _fillers(self) -> Sequence[FillerParameter]:
        param = self.param.batch_norm_param
        scale = FillerParameter(type="constant", value=1)
        return (param.scale_filler if param.HasField("scale_filler") else scale, param.bias_filler)

    @property
    def uses_global_stats(self) -> bool:
        return self.param.frozen or not self.training

    @property
    def _eps(self) -> float:
        return max(self.param.batch_norm_param.eps, LEAST_EPS)

    def _running(self) -> tuple[Tensor, Tensor]:
        return self.blobs[0].detach(), self.blobs[1].detach()

    def _update(self, mean: Tensor, variance: Tensor, count: int) -> None:
        fraction = self.param.batch_norm_param.moving_average_fraction
        plain = variance * ((count - 1) / count) + self._eps
        first = self._passes < 2
        for blob, new in zip(self.blobs, (mean, plain), strict=False):
            old = blob.detach()
            old.copy_(torch.where(first, new, fraction * old + (1 - fraction) * new))
        self._passes += 1

    @classmethod
    def asks_for_batch(cls, _layer: LayerParameter) -> bool:
        return False

    @classmethod
    def _line(cls, param: LayerParameter, blobs: Sequence[Numbers]) -> tuple[Numbers, Numbers]:
        mean, variance, _ = blobs
        gain = 1 / np.sqrt(variance + max(param.batch_norm_param.eps, LEAST_EPS))
        return gain, -mean * gain


def _by_fields(param: LayerParameter, _shapes: Sequence[Shape]) -> type[Layer] | None:
    norm = param.batch_norm_param
    filled = norm.HasField("scale_filler") or norm.HasField("bias_filler")
    return NvidiaBatchNorm if norm.scale_bias or filled else None


VARIANTS: dict[str, Choice] = {"BatchNorm": _by_fields}
