"""Convolutions (caffe/layers/base_conv_layer.cpp and its children)."""

from collections.abc import Callable, Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.axes import canonical_axis, same_but_one
from catdog.layers.base import ANY, Family, Layer
from catdog.layers.captions import extents_text, kernel_text, unless_usual
from catdog.layers.window import patches, read_window
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape

#: By the number of spatial axes; a bottom without any gets one of size 1.
CONVOLVE: list[Callable[..., Tensor]] = [F.conv1d, F.conv1d, F.conv2d, F.conv3d]
DECONVOLVE: list[Callable[..., Tensor]] = [
    F.conv_transpose1d,
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
]


class Convolution(Layer):
    """Correlation with num_output kernels over the axes after `axis`, the same kernels for every
    bottom.

    Weights are (num_output, channels / group, *kernel), the bias, unless bias_term is false,
    (num_output). `engine` and force_nd_im2col are accepted: the numbers are the same.

    Raises LayerError for numbers that do not fit the bottom or each other, and for more than
    three spatial axes.
    """

    messages = ("convolution_param",)
    family = Family.CONVOLUTION
    multiplies = True
    bottoms = ANY
    tops = ANY
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        param = self.param.convolution_param
        self._axis = canonical_axis(self, param.axis, shapes[0], "convolution_param.axis")
        self._check_bottoms(shapes)
        self._window = read_window(self, len(shapes[0]) - self._axis - 1)
        self._check_channels(shapes[0][self._axis])
        self._check_tops(shapes[0])
        kernels = self._kernels(shapes[0][self._axis]) + self._window.kernel
        self.add_blob(kernels, param.weight_filler)
        if param.bias_term:
            self.add_blob((self._num_output,), param.bias_filler)

    def _check_bottoms(self, shapes: tuple[Shape, ...]) -> None:
        same_but_one(self, shapes)
        bottoms, tops = len(self.param.bottom), len(self.param.top)
        if bottoms != tops:
            raise self.error(
                f"has {bottoms} bottoms and {tops} tops",
                field="top",
                remedy="give a top for each bottom",
            )
        axes = len(shapes[0]) - self._axis - 1
        if axes > 3:
            raise self.error(
                f"has {axes} spatial axes in its bottom {list(shapes[0])}, and can have 3",
                field="convolution_param.axis",
                remedy="give a later axis, or put a Reshape layer before it",
            )

    def _check_channels(self, channels: int) -> None:
        outputs, group = self.param.convolution_param.num_output, self._group
        if not outputs:
            raise self.error(
                "has no num_output", field="convolution_param", remedy="give num_output"
            )
        if not group or channels % group or outputs % group:
            raise self.error(
                f"cannot share {channels} channels and num_output {outputs} among {group} groups",
                field="convolution_param.group",
                remedy="give a group that divides both",
            )

    def _check_tops(self, shape: Shape) -> None:
        size = shape[self._axis + 1 :]
        if min(self._outputs(size), default=1) < 1:
            raise self.error(
                f"has no room for kernel {list(self._window.kernel)} with dilation "
                f"{list(self._window.dilation)} and pad {list(self._window.pad)} in its bottom "
                f"{list(shape)}",
                field="convolution_param",
                remedy="change the kernel, the pad or the layers before it",
            )

    @property
    def _group(self) -> int:
        return self.param.convolution_param.group

    @property
    def _num_output(self) -> int:
        return self.param.convolution_param.num_output

    def _kernels(self, channels: int) -> Shape:
        return self._num_output, channels // self._group

    def _outputs(self, size: Shape) -> Shape:
        return self._window.convolved(size)

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        at = self._axis
        outputs = self._num_output
        return [(*shape[:at], outputs, *self._outputs(shape[at + 1 :])) for shape in shapes]

    def per_example(self) -> bool:
        return self._axis > 0

    def passes_gradient(self) -> bool:
        # every top sends its own to one bottom
        return len(self.param.bottom) == 1

    def multiply_adds(self, _: Sequence[Shape], tops: Sequence[Shape], /) -> int:
        # every number of a top is a product with one filter: out x in/group x kernel
        return sum(map(prod, tops)) * prod(self.blobs.shape(0)[1:])

    @classmethod
    def folds_norm(cls, param: LayerParameter) -> bool:
        return param.convolution_param.axis == 1

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        conv = param.convolution_param
        kernel = kernel_text(conv.kernel_size, conv.kernel_h, conv.kernel_w)
        stride = extents_text(conv.stride, conv.stride_h, conv.stride_w)
        pad = extents_text(conv.pad, conv.pad_h, conv.pad_w)
        return ", ".join(
            [
                *filter(None, [f"{conv.num_output} @ {kernel}" if conv.num_output else kernel]),
                *unless_usual("stride", stride, "1"),
                *unless_usual("pad", pad, "0"),
                *unless_usual("dilation", extents_text(conv.dilation, 0, 0), "1"),
                *unless_usual("group", str(conv.group), "1"),
            ]
        )

    def forward(self, *bottoms: Tensor) -> Tensor | tuple[Tensor, ...]:
        tops = tuple(self._convolve(x) for x in bottoms)
        return tops if len(tops) > 1 else tops[0]

    def _convolve(self, x: Tensor) -> Tensor:
        blobs = [blob.to(x.dtype) for blob in self.blobs]
        if not self._window.kernel:
            return self._run(x.unsqueeze(-1), blobs[0].unsqueeze(-1), *blobs[1:]).squeeze(-1)
        return self._run(x, *blobs)

    def _run(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        images = x if self._axis == 1 else x.reshape(-1, *x.shape[self._axis :])
        y = self._operation(images, weight, bias)
        return y if self._axis == 1 else y.reshape(*x.shape[: self._axis], *y.shape[1:])

    def _operation(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        _, stride, pad, dilation = (list(sizes) for sizes in self._window)
        operation = CONVOLVE[len(pad)]
        if pad:
            x = self._window.completed(x)
        if torch.is_grad_enabled() and self._only_picks(x):
            all_of = slice(None)
            x, stride = x[(all_of, all_of, *(slice(None, None, step) for step in stride))], []
        return operation(x, weight, bias, stride or 1, pad or 0, dilation or 1, self._group)

    def _only_picks(self, x: Tensor) -> bool:
        """Whether the stride only leaves out numbers, which is to be done before the kernel runs.

        In channels_last, on a processor with AVX2 and no AVX-512, the backward pass that oneDNN has
        for it (torch 2.14) writes past its memory where 8 does not divide the channels.
        """
        if x.dim() != 4 or x.is_contiguous():
            return False
        kernel, stride, pad, _ = self._window
        picks = max(kernel) == 1 and max(stride) > 1 and not any(pad)
        return picks and x.shape[1] // self._group % 8 > 0


class Deconvolution(Convolution):
    """The transpose of Convolution: its backward pass as a forward pass.

    Weights are (channels, num_output / group, *kernel). Otherwise as Convolution.
    """

    def multiply_adds(self, bottoms: Sequence[Shape], _: Sequence[Shape], /) -> int:
        # every number of a bottom is spread by one filter: in x out/group x kernel
        return sum(map(prod, bottoms)) * prod(self.blobs.shape(0)[1:])

    @classmethod
    def folds_norm(cls, _: LayerParameter) -> bool:
        # the rows of its weights are channels of the bottom
        return False

    def _kernels(self, channels: int) -> Shape:
        return channels, self.param.convolution_param.num_output // self._group

    def _outputs(self, size: Shape) -> Shape:
        return self._window.deconvolved(size)

    def _operation(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        _, stride, pad, dilation = (list(sizes) for sizes in self._window)
        operation = DECONVOLVE[len(pad)]
        return operation(x, weight, bias, stride or 1, pad or 0, 0, self._group, dilation or 1)


class Im2col(Layer):
    """What every window of a convolution_param sees, as channels: the channel is the slowest.

    Of convolution_param only axis and the window count, as in Caffe; force_nd_im2col is accepted:
    the numbers are the same.
    """

    messages = ("convolution_param",)
    family = Family.CONVOLUTION
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        (shape,) = shapes
        param = self.param.convolution_param
        self._axis = canonical_axis(self, param.axis, shape, "convolution_param.axis")
        size = shape[self._axis + 1 :]
        self._window = read_window(self, len(size))
        if not size or min(self._window.convolved(size)) < 1:
            raise self.error(
                f"has no room for kernel {list(self._window.kernel)} in its bottom {list(shape)}",
                field="convolution_param",
                remedy="change the kernel, the pad or the layers before it",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        (shape,), at = shapes, self._axis
        channels = shape[at] * prod(self._window.kernel)
        return [(*shape[:at], channels, *self._window.convolved(shape[at + 1 :]))]

    def per_example(self) -> bool:
        return self._axis > 0

    def forward(self, x: Tensor) -> Tensor:
        columns = patches(x.reshape(-1, *x.shape[self._axis :]), self._window)
        return columns.reshape(*x.shape[: self._axis], *columns.shape[1:])


TABLE: dict[str, type[Layer]] = {
    "Convolution": Convolution,
    "Deconvolution": Deconvolution,
    "Im2col": Im2col,
}
