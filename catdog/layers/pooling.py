"""Pooling over windows of the two last axes (caffe/layers/pooling_layer.cpp, spp_layer.cpp)."""

from abc import abstractmethod
from math import ceil

import torch
from torch import Tensor

from catdog.layers.base import Count, Family, Layer
from catdog.layers.captions import extents_text, kernel_text, unless_usual
from catdog.layers.frame import Frame, Pair, average_pool, check_images, max_pool, stochastic_pool
from catdog.proto.caffe_pb2 import LayerParameter, PoolingParameter
from catdog.spec.shape import Shape

#: Caffe's numbers of pixels are int, and torch's.
_MOST = 2**31 - 1
MAX, AVE, STOCHASTIC = PoolingParameter.MAX, PoolingParameter.AVE, PoolingParameter.STOCHASTIC


class _Pool(Layer):
    """What Pooling and SPP share: one bottom of images, pooled over a frame."""

    family = Family.POOLING
    keeps_zeros = True
    top_may_be_overwritten = True
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        check_images(self, shapes[0])

    @property
    @abstractmethod
    def method(self) -> int:
        """A method of PoolingParameter, whose numbers SPPParameter shares."""

    def per_example(self) -> bool:
        return True

    def is_random(self) -> bool:
        return self.training and self.method == STOCHASTIC

    def pool(self, x: Tensor, frame: Frame) -> Tensor:
        """The images pooled over a frame."""
        if self.method == MAX:
            return max_pool(x, frame)[0]
        if self.method == AVE:
            return average_pool(x, frame)
        generator = self.setting.randomness.on(x.device) if self.training else None
        return stochastic_pool(x, frame, generator)


class Pooling(_Pool):
    """The largest (MAX), the mean (AVE) or a random number (STOCHASTIC) of every window.

    A window that reaches out of the image is cut. MAX ignores the padding and sends the gradient
    to the first of equal numbers; its second top has the place of the maximum, h * width + w. AVE
    counts the padding as zeros, but not what lies beyond it. STOCHASTIC takes a number with the
    probability of its share in the window's sum; in the TEST phase it gives the expected value.
    `engine` is accepted: the numbers are those of Caffe's own. ceil_mode is what many forks have
    for round_mode.

    Raises LayerError for numbers that are missing or do not go together.
    """

    messages = ("pooling_param",)
    tops = Count(1, 2)

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        self.keeps_zeros = self.top_count == 1
        if self.top_count > 1 and self.param.pooling_param.pool != MAX:
            raise self.error(
                "has a second top, which only MAX pooling has",
                field="top",
                remedy="leave it out",
            )
        frame = self.frame(_size(shapes[0]))
        self._frames = {_size(shapes[0]): frame}
        self._check(frame)
        if min(frame.outputs(_size(shapes[0]))) < 1:
            raise self.error(
                f"has no room for kernel {list(frame.kernel)} in its bottom {list(shapes[0])}",
                field="pooling_param",
                remedy="give a smaller kernel",
            )

    def frame(self, size: Pair) -> Frame:
        """The windows over a picture of this height and width."""
        param = self.param.pooling_param
        if param.global_pooling:
            for field in ("kernel_size", "kernel_h", "kernel_w"):
                if param.HasField(field):
                    raise self._fault(f"has global_pooling and {field}", f"leave out {field}")
        return Frame(
            kernel=size if param.global_pooling else self._pair("kernel_size", "kernel"),
            stride=self._pair("stride", "stride"),
            pad=self._pair("pad", "pad"),
            rounds_up=self._rounds_up(),
        )

    def _rounds_up(self) -> bool:
        param = self.param.pooling_param
        up = param.round_mode == PoolingParameter.CEIL
        if not param.HasField("ceil_mode"):
            return up
        if param.HasField("round_mode") and up is not param.ceil_mode:
            raise self._fault("has round_mode and another ceil_mode", "leave one of them out")
        return param.ceil_mode

    def _pair(self, both: str, stem: str) -> Pair:
        param = self.param.pooling_param
        pair = [name for name in (f"{stem}_h", f"{stem}_w") if param.HasField(name)]
        if not pair:
            if stem == "kernel" and not param.HasField(both):
                raise self._fault("has no kernel_size", "give kernel_size, or global_pooling: true")
            return (getattr(param, both),) * 2
        if param.HasField(both):
            raise self._fault(f"has {both} and {pair[0]}", "leave one of them out")
        if len(pair) == 1:
            raise self._fault(f"has {pair[0]} alone", f"give both {stem}_h and {stem}_w")
        return getattr(param, pair[0]), getattr(param, pair[1])

    def _check(self, frame: Frame) -> None:
        param = self.param.pooling_param
        if 0 in frame.kernel or 0 in frame.stride:
            raise self._fault("has a kernel or a stride of 0", "give 1 or more")
        if max(*frame.kernel, *frame.stride, *frame.pad) > _MOST:
            raise self._fault(f"has a kernel, stride or pad above {_MOST}", "give a smaller one")
        if param.global_pooling and (frame.stride, frame.pad) != ((1, 1), (0, 0)):
            raise self._fault(
                "has global_pooling and a stride or a pad", "leave stride and pad out"
            )
        if any(frame.pad) and param.pool == STOCHASTIC:
            raise self._fault("has STOCHASTIC pooling and a pad", "leave pad out")
        if any(p >= k for p, k in zip(frame.pad, frame.kernel, strict=True)):
            raise self._fault(
                f"has pad {list(frame.pad)}, which is not smaller than kernel {list(frame.kernel)}",
                "give a smaller pad",
            )

    def _fault(self, what: str, remedy: str) -> Exception:
        return self.error(what, field="pooling_param", remedy=remedy)

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        (shape,) = shapes
        pooled = (*shape[:2], *self.frame(_size(shape)).outputs(_size(shape)))
        return [pooled] * len(self.param.top)

    def takes_plain_maximum(self, shape: Shape) -> bool:
        """Whether each number of its one top is the largest of a window, none of them empty."""
        size = _size(shape)
        alone = len(self.param.top) == 1
        return alone and self.param.pooling_param.pool == MAX and self.frame(size).fits_torch(size)

    @property
    def method(self) -> int:
        return self.param.pooling_param.pool

    def passes_gradient(self) -> bool:
        # the indices of the maxima have none
        return self.top_count == 1

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        pooling = param.pooling_param
        method = PoolingParameter.PoolMethod.Name(pooling.pool)
        if pooling.global_pooling:
            return f"{method}, global"
        kernel = kernel_text([pooling.kernel_size], pooling.kernel_h, pooling.kernel_w)
        stride = extents_text([pooling.stride], pooling.stride_h, pooling.stride_w)
        pad = extents_text([pooling.pad], pooling.pad_h, pooling.pad_w)
        strides, pads = unless_usual("stride", stride, "1"), unless_usual("pad", pad, "0")
        return ", ".join([f"{method} {kernel}", *strides, *pads])

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        size = _size(x.shape)
        frame = self._frames[size] if size in self._frames else self.frame(size)
        if self.top_count == 1:
            return self.pool(x, frame)
        top, indices = max_pool(x, frame, with_indices=True)
        # half precision has no room for the indices of a larger image
        return top, indices.to(torch.promote_types(x.dtype, torch.float32))


class SPP(_Pool):
    """Spatial pyramid pooling: 1, 4, 16 ... bins for an image of any size (He and others 2014).

    Level l has 2^l by 2^l bins; their kernel and stride are ceil(size / 2^l). The levels are
    joined as (images, numbers), except one alone. `engine` is accepted as in Pooling.

    Raises LayerError where an image has too few pixels for the bins.
    """

    messages = ("spp_param",)

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        if not self.param.spp_param.pyramid_height:
            raise self.error(
                "has no pyramid_height", field="spp_param", remedy="give pyramid_height"
            )
        for frame in self._frames(_size(shapes[0])):
            self._check(frame, shapes[0])

    def _check(self, frame: Frame, shape: Shape) -> None:
        if any(p >= k for p, k in zip(frame.pad, frame.kernel, strict=True)):
            raise self.error(
                f"has a bottom {list(shape)} too small for pyramid_height "
                f"{self.param.spp_param.pyramid_height}",
                field="spp_param.pyramid_height",
                remedy="give a smaller pyramid_height",
            )
        if any(frame.pad) and self.method == STOCHASTIC:
            raise self.error(
                f"cannot pool a bottom {list(shape)} with STOCHASTIC: it would need a pad",
                field="spp_param.pool",
                remedy="use MAX or AVE, or a size that the bins divide",
            )

    def _frames(self, size: Pair) -> list[Frame]:
        return [_bins(2**level, size) for level in range(self.param.spp_param.pyramid_height)]

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        (images, channels, *_), height = shapes[0], self.param.spp_param.pyramid_height
        if height == 1:
            return [(images, channels, 1, 1)]
        return [(images, channels * sum(4**level for level in range(height)))]

    @property
    def method(self) -> int:
        return self.param.spp_param.pool

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.spp_param.pyramid_height} levels"

    def forward(self, x: Tensor) -> Tensor:
        levels = [self.pool(x, frame) for frame in self._frames(_size(x.shape))]
        if len(levels) == 1:
            return levels[0]
        return torch.cat([level.flatten(1) for level in levels], 1)


def _bins(number: int, size: Pair) -> Frame:
    """The frame that cuts an image into so many bins on each axis."""
    kernel = ceil(size[0] / number), ceil(size[1] / number)
    pad = (kernel[0] * number - size[0] + 1) // 2, (kernel[1] * number - size[1] + 1) // 2
    return Frame(kernel, kernel, pad)


def _size(shape: Shape) -> Pair:
    return shape[2], shape[3]


TABLE: dict[str, type[Layer]] = {"Pooling": Pooling, "SPP": SPP}
