"""BatchNorm with a scale and a bias of its own, as forks of Caffe have it."""

from collections.abc import Sequence

from torch import Tensor

from catdog.layers.base import Numbers
from catdog.layers.norm import BatchNorm
from catdog.proto.caffe_pb2 import FillerParameter, LayerParameter
from catdog.spec.shape import Shape

STATISTICS = frozenset({0, 1, 2})
"""The blobs mean, variance and factor."""


class ScaledBatchNorm(BatchNorm):
    """BatchNorm whose blobs 3 and 4, which learn, are a scale and a bias for each channel.

    Raises LayerError for a rate of the blobs 0 to 2, which are statistics.
    """

    learns = True
    statistics = STATISTICS
    keeps_zeros = False

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        if any(spec.HasField("lr_mult") and spec.lr_mult for spec in self.param.param[:3]):
            raise self.error(
                "keeps its statistics itself and cannot learn them",
                field="param",
                remedy="write lr_mult: 0 for the first three blobs",
            )
        for filler in self._fillers():
            self.add_blob(self.blobs.shape(0), filler)

    def _fillers(self) -> Sequence[FillerParameter]:
        """Those of the scale and, where there is one, of the bias."""
        raise NotImplementedError

    def normalize(
        self, x: Tensor, scale: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        own_scale, *own_bias = list(self.blobs)[3:]
        own = own_bias[0] if own_bias else None
        if scale is None:
            return super().normalize(x, own_scale, own)
        # one after the other: scale * (own_scale * x + own) + bias
        joined = bias if own is None else scale * own + (0 if bias is None else bias)
        return super().normalize(x, scale * own_scale, joined)

    @classmethod
    def channel_line(
        cls, param: LayerParameter, blobs: Sequence[Numbers]
    ) -> tuple[Numbers, Numbers]:
        gain, offset = cls._line(param, blobs[:3])
        scale, *bias = blobs[3:]
        return gain * scale, offset * scale + (bias[0] if bias else 0)

    @classmethod
    def _line(cls, param: LayerParameter, blobs: Sequence[Numbers]) -> tuple[Numbers, Numbers]:
        return super().channel_line(param, blobs)
