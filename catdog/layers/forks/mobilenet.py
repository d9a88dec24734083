"""Layers of small nets: depthwise convolutions, ReLU6, the shuffling of channels (Howard and others
2017, Sandler and others 2018, Zhang and others 2018) and Axpy of SENet (Hu and others 2018)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.base import ONE, Count, Family, Layer
from catdog.layers.overwritten import Rereading
from catdog.layers.shape import check_not_in_place
from catdog.layers.vision import Convolution
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape

LARGEST = 6.0
"""Above it ReLU6 does not rise."""


class DepthwiseConvolution(Convolution):
    """Convolution by another name (yonghenglh6/DepthwiseConvolution): `group` says that every
    channel has a kernel of its own."""


class ConvolutionDepthwise(Convolution):
    """Convolution with a kernel of its own for each channel (sp2823/caffe, branch
    convolution-depthwise); of convolution_param group and num_output are not looked at.

    Weights are (channels, 1, height, width), the bias (channels). Raises LayerError for a window
    that does not fit, as Convolution, and for a bottom that is not of 4 axes.
    """

    bottoms = ONE
    tops = ONE

    def setup(self, *shapes: Shape) -> None:
        if self.param.convolution_param.axis != 1 or len(shapes[0]) != 4:
            raise self.error(
                f"needs a bottom of 4 axes with the channels on axis 1, not {list(shapes[0])}",
                field="bottom",
                remedy='use type: "Convolution" with a group',
            )
        self._channels = shapes[0][1]
        super().setup(*shapes)

    def _check_channels(self, channels: int) -> None:
        # the bottom alone says how many there are
        pass

    @property
    def _group(self) -> int:
        return self._channels

    @property
    def _num_output(self) -> int:
        return self._channels


class ReLU6(Rereading):
    """min(max(x, 0) + negative_slope * min(x, 0), 6); the gradient at 0 is negative_slope, at 6 it
    is 0. `engine` is accepted: all give the same numbers."""

    messages = ("relu6_param",)
    may_run_in_place = True
    keeps_zeros = True

    def forward(self, x: Tensor) -> Tensor:
        slope = self.param.relu6_param.negative_slope
        if slope == 0:
            return F.relu6(x, inplace=self.in_place)
        line = F.leaky_relu(x, slope)
        # not clamp, which passes the gradient at 6
        return torch.where(line >= LARGEST, LARGEST, line)

    def keeps_signs(self) -> bool:
        return self.param.relu6_param.negative_slope >= 0

    def stops_at_zero(self) -> bool:
        return not self.param.relu6_param.negative_slope

    def reads_top_alone(self) -> bool:
        return self.keeps_signs()

    def slope(self, x: Tensor, _y: Tensor, _kept: Tensor | None) -> Tensor:
        below = torch.where(x > 0, 1.0, self.param.relu6_param.negative_slope)
        return below.where(x < LARGEST, 0.0)


class ShuffleChannel(Layer):
    """The channels, seen as (group, channels / group), as (channels / group, group).

    Raises LayerError where group does not divide the channels.
    """

    messages = ("shuffle_channel_param",)
    family = Family.SHAPING
    keeps_zeros = True
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        check_not_in_place(self)
        (shape,), group = shapes, self.param.shuffle_channel_param.group
        if len(shape) < 2 or not group or shape[1] % group:
            raise self.error(
                f"cannot share the channels of its bottom {list(shape)} among {group} groups",
                field="shuffle_channel_param.group",
                remedy="give a group that divides the channels, on axis 1",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return list(shapes)

    def per_example(self) -> bool:
        return True

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.shuffle_channel_param.group} groups"

    def forward(self, x: Tensor) -> Tensor:
        group = self.param.shuffle_channel_param.group
        if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
            # where the channels are the last axis, they stay there
            return _shuffled(x.permute(0, 2, 3, 1), 3, group).permute(0, 3, 1, 2)
        return _shuffled(x, 1, group)


def _shuffled(x: Tensor, axis: int, group: int) -> Tensor:
    shape = x.shape
    apart = x.reshape(*shape[:axis], group, shape[axis] // group, *shape[axis + 1 :])
    return apart.transpose(axis, axis + 1).reshape(shape)


class Axpy(Layer):
    """scale * x + y, the scale a number for each channel of each example.

    Bottoms are the scale (n, channels), with 1 on axes that follow, then x and y of one shape.
    """

    family = Family.NORMALIZATION
    bottoms = Count(3, 3)
    top_may_be_overwritten = True
    keeps_zeros = True

    def setup(self, *shapes: Shape) -> None:
        check_not_in_place(self)
        scale, x, y = shapes
        if x != y:
            raise self.error(
                f"adds bottoms of different shapes: {list(x)} and {list(y)}",
                field="bottom",
                remedy="name the scale first, then two blobs of one shape",
            )
        if len(x) < 2 or scale[:2] != x[:2] or any(size != 1 for size in scale[2:]):
            raise self.error(
                f"has scales {list(scale)} for a bottom {list(x)}",
                field="bottom",
                remedy="give one for each channel of each example",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [shapes[1]]

    def per_example(self) -> bool:
        return True

    def forward(self, scale: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return torch.addcmul(y, x, scale.reshape(*x.shape[:2], *[1] * (x.dim() - 2)))


TABLE: dict[str, type[Layer]] = {
    "DepthwiseConvolution": DepthwiseConvolution,
    "ConvolutionDepthwise": ConvolutionDepthwise,
    "ReLU6": ReLU6,
    "ShuffleChannel": ShuffleChannel,
    "Axpy": Axpy,
}
