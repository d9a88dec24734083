"""BatchNorm of Intel's Caffe, in the engines MKL2017 and MKLDNN."""

from collections.abc import Sequence

import torch
from torch import Tensor

from catdog.layers.base import Layer
from catdog.layers.forks import Choice
from catdog.layers.forks.scaled_norm import ScaledBatchNorm
from catdog.layers.norm import BatchNorm
from catdog.proto.caffe_pb2 import TRAIN, BatchNormParameter, FillerParameter, LayerParameter
from catdog.spec.shape import Shape

_FIELDS = ("use_weight_bias", "bias_term", "filler", "stats_batch_size")
_NVIDIA = ("scale_bias", "scale_filler")
_ENGINES = (BatchNormParameter.MKL2017, BatchNormParameter.MKLDNN)


class _InSlices(BatchNorm):
    """With stats_batch_size the statistics are those of so many examples at a time."""

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        for field in _NVIDIA:
            if self.param.batch_norm_param.HasField(field):
                raise self.error(
                    f"has {field}, a field of NVIDIA's, beside Intel's",
                    field=f"batch_norm_param.{field}",
                    remedy="leave out the fields of one of them",
                )
        if self.param.phase == TRAIN and not self.uses_global_stats:
            self._check_slices(shapes[0])

    def _check_slices(self, shape: Shape) -> None:
        size = self.param.batch_norm_param.stats_batch_size
        if size and shape[0] % size:
            raise self.error(
                f"cannot share {shape[0]} examples among slices of {size}",
                field="batch_norm_param.stats_batch_size",
                remedy="give a number that divides the batch",
            )

    def _by_batch(self, x: Tensor, scale: Tensor | None, bias: Tensor | None) -> Tensor:
        size = self.param.batch_norm_param.stats_batch_size
        if not size:
            return super()._by_batch(x, scale, bias)
        self._check_slices(x.shape)
        by_batch = super()._by_batch
        return torch.cat([by_batch(part, scale, bias) for part in torch.split(x, size)])


class IntelBatchNorm(_InSlices, ScaledBatchNorm):
    """Caffe's BatchNorm with a scale (1 unless `filler` says otherwise) and, unless bias_term is
    false, a bias (`bias_filler`, 0) among its blobs.

    With stats_batch_size the batch counts in slices of so many examples, each of which changes the
    running statistics. Raises LayerError where it does not divide the batch, and for fields of
    NVIDIA's beside Intel's.
    """

    def _fillers(self) -> Sequence[FillerParameter]:
        param = self.param.batch_norm_param
        scale = FillerParameter(type="constant", value=1)
        scale = param.filler if param.HasField("filler") else scale
        return (scale, param.bias_filler) if param.bias_term else (scale,)


class IntelPlainBatchNorm(_InSlices):
    """Intel's with use_weight_bias: false, which has neither a scale nor a bias."""


def _by_fields(param: LayerParameter, _shapes: Sequence[Shape]) -> type[Layer] | None:
    """Intel's engines and fields; in other engines it is Caffe's, whatever the fields say."""
    norm = param.batch_norm_param
    given = any(map(norm.HasField, _FIELDS))
    if norm.engine in _ENGINES or (given and norm.engine == BatchNormParameter.DEFAULT):
        return IntelBatchNorm if norm.use_weight_bias else IntelPlainBatchNorm
    return BatchNorm if given else None


VARIANTS: dict[str, Choice] = {"BatchNorm": _by_fields}
