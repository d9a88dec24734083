"""Upsample: two layers of one name, SegNet's with a mask and that of MobileNet-YOLO without."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from catdog.layers.base import TWO, Count, Family, Layer
from catdog.layers.forks import Choice
from catdog.layers.frame import check_images
from catdog.proto.caffe_pb2 import LayerParameter, UpsampleParameter
from catdog.spec.shape import Shape

_USUAL = 2
"""SegNet's scale, where none is given."""


class Upsample(Layer):
    """Every pixel as a square of scale x scale (1 unless given), as MobileNet-YOLO and
    darknet2caffe have it; its gradient is the sum over the square.

    Raises LayerError for the fields of SegNet's layer.
    """

    messages = ("upsample_param",)
    family = Family.POOLING
    bottoms = Count(1, 2)
    keeps_zeros = True

    def setup(self, *shapes: Shape) -> None:
        for shape in shapes:
            check_images(self, shape)
        for field, _ in self._numbers.ListFields():
            if field.name != "scale":
                raise self._fault(
                    f"has {field.name}, which goes with a mask as bottom 1",
                    field.name,
                    "give scale alone, or the mask of a Pooling layer",
                )
        if self._numbers.HasField("scale") and not self._numbers.scale:
            raise self._fault("has scale 0", "scale", "give 1 or more")

    @property
    def _numbers(self) -> UpsampleParameter:
        return self.param.upsample_param

    def _fault(self, what: str, field: str, remedy: str) -> Exception:
        return self.error(what, field=f"upsample_param.{field}", remedy=remedy)

    def per_example(self) -> bool:
        return True

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        numbers = param.upsample_param
        return f"scale {numbers.scale}" if numbers.scale else ""

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        (images, channels, height, width), scale = shapes[0], self._numbers.scale or 1
        return [(images, channels, height * scale, width * scale)]

    def forward(self, x: Tensor, *_: Tensor) -> Tensor:
        (shape,) = self.top_shapes(tuple(x.shape))
        return F.interpolate(x, shape[2:], mode="nearest")


class MaskedUpsample(Upsample):
    """SegNet's: the numbers of bottom 0 at the places in their planes that bottom 1, the second
    top of a MAX Pooling layer, has for them; 0 elsewhere.

    Of those for one place the last one stays, and all of them get its gradient. The size is
    upsample_h x upsample_w, or that of the bottom times scale (2 unless given) or scale_h and
    scale_w; pad_out_h and pad_out_w, with scale 2, take one row and one column off.

    Raises LayerError for sizes that are missing or do not go together, and, on the CPU, for a place
    out of the plane.
    """

    bottoms = TWO
    no_gradient = frozenset({1})
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        data, mask = shapes
        check_images(self, data)
        if data != mask:
            raise self.error(
                f"has a mask {list(mask)} for a bottom {list(data)}",
                field="bottom",
                remedy="give the mask of a Pooling layer, whose size the bottom has",
            )
        self._check_pair("upsample_h", "upsample_w")
        if not self._numbers.HasField("upsample_h"):
            self._check_scale()

    def _check_pair(self, *pair: str) -> None:
        given = [name for name in pair if self._numbers.HasField(name)]
        if len(given) == 1:
            raise self._fault(f"has {given[0]} alone", given[0], f"give both {' and '.join(pair)}")
        for name in given:
            if getattr(self._numbers, name) < 2:
                raise self._fault(
                    f"has {name} {getattr(self._numbers, name)}", name, "give 2 or more"
                )

    def _check_scale(self) -> None:
        numbers = self._numbers
        self._check_pair("scale_h", "scale_w")
        if numbers.HasField("scale"):
            if numbers.HasField("scale_h"):
                raise self._fault("has scale and scale_h", "scale", "leave one of them out")
            if numbers.scale < 2:
                raise self._fault(f"has scale {numbers.scale}", "scale", "give 2 or more")
        for name, scale in zip(("pad_out_h", "pad_out_w"), self._scales(), strict=True):
            if getattr(numbers, name) and scale != _USUAL:
                raise self._fault(
                    f"has {name} with a scale of {scale}", name, "give upsample_h and upsample_w"
                )

    def _scales(self) -> tuple[int, int]:
        numbers = self._numbers
        if numbers.HasField("scale_h"):
            return numbers.scale_h, numbers.scale_w
        return (numbers.scale or _USUAL,) * 2

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        numbers = param.upsample_param
        if numbers.upsample_h:
            return f"to {numbers.upsample_h}x{numbers.upsample_w}"
        return f"scale {numbers.scale or _USUAL}"

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        (images, channels, height, width), numbers = shapes[0], self._numbers
        if numbers.HasField("upsample_h"):
            return [(images, channels, numbers.upsample_h, numbers.upsample_w)]
        down, across = self._scales()
        rows, columns = height * down - numbers.pad_out_h, width * across - numbers.pad_out_w
        return [(images, channels, rows, columns)]

    def forward(self, x: Tensor, *mask: Tensor) -> Tensor:
        (shape,) = self.top_shapes(tuple(x.shape))
        places = mask[0].detach().long().flatten(2)
        flat, size = x.flatten(2), shape[2] * shape[3]
        learns = flat.requires_grad and torch.is_grad_enabled()
        try:
            top: Tensor = (_Placed.apply if learns else _placed)(flat, places, size)
        except RuntimeError:
            self._check_places(places, size)
            raise
        return top.reshape(shape)

    def _check_places(self, places: Tensor, size: int) -> None:
        """Say which place torch has stumbled over."""
        low, high = (int(bound) for bound in places.aminmax())
        if low < 0 or high >= size:
            raise self.error(
                f"has place {low if low < 0 else high} in its mask, but its top has the places 0 "
                f"to {size - 1}",
                field="upsample_param",
                remedy="give the size of what the Pooling layer had as its bottom",
            )


class _Placed(torch.autograd.Function):
    """Each number at its place in a plane of `size`; all that have one place get its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(places)
        return _placed(x, places, size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        return diff.gather(2, places), None, None


def _placed(x: Tensor, places: Tensor, size: int) -> Tensor:
    """x (n, channels, numbers) on planes of zeros; of those for one place the last one stays."""
    plane = x.new_zeros((*x.shape[:2], size))
    if x.device.type == "cpu":
        # one after the other
        return plane.scatter_(2, places, x)
    order = torch.arange(x.shape[2], device=x.device).expand_as(places)
    nobody = torch.full(plane.shape, -1, device=x.device)
    last = nobody.scatter_reduce(2, places, order, "amax")
    return x.gather(2, last.clamp(min=0)).where(last >= 0, 0) if x.shape[2] else plane


def _by_bottoms(_param: LayerParameter, shapes: Sequence[Shape]) -> type[Layer] | None:
    return MaskedUpsample if len(shapes) == 2 else None


TABLE: dict[str, type[Layer]] = {"Upsample": Upsample}
VARIANTS: dict[str, Choice] = {"Upsample": _by_bottoms}
