"""Layers that move, join, cut and drop numbers without changing them."""

from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from catdog.layers.axes import canonical_axis, same_but_one
from catdog.layers.base import ANY, NONE, ONE, TWO, Family, Layer
from catdog.proto.caffe_pb2 import ConcatParameter, LayerParameter, SliceParameter
from catdog.spec.shape import Shape


class Concat(Layer):
    """The bottoms joined on `axis` (or its old name `concat_dim`); all other axes are equal."""

    messages = ("concat_param",)
    family = Family.SHAPING
    keeps_zeros = True
    bottoms = ANY
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        self.axis = _axis_or_dim(self, self.param.concat_param, "concat", shapes[0])
        same_but_one(self, shapes, self.axis)

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # to join without numbers, torch imports its compiler, which takes seconds
        at = self.axis
        return [(*shapes[0][:at], sum(shape[at] for shape in shapes), *shapes[0][at + 1 :])]

    def per_example(self) -> bool:
        return self.axis > 0

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"axis {param.concat_param.axis}"

    def forward(self, *bottoms: Tensor) -> Tensor:
        return torch.cat(bottoms, self.axis)


class Slice(Layer):
    """The bottom cut on `axis` (or its old name `slice_dim`) into as many pieces as there are
    tops: at the `slice_point`s, or into equal ones.

    Raises LayerError where the points do not fit the tops or the size of the axis.
    """

    messages = ("slice_param",)
    family = Family.SHAPING
    keeps_zeros = True
    passes_statistics = True
    tops = ANY

    def setup(self, *shapes: Shape) -> None:
        self._axis = _axis_or_dim(self, self.param.slice_param, "slice", shapes[0])
        size, pieces = shapes[0][self._axis], len(self.param.top)
        points = list(self.param.slice_param.slice_point)
        if points:
            self._check_points(points, size)
        elif size % pieces:
            raise self.error(
                f"cannot cut axis {self._axis} of size {size} into {pieces} equal pieces",
                field="slice_param",
                remedy=f"give {pieces - 1} slice_point values",
            )

    def _check_points(self, points: list[int], size: int) -> None:
        pieces = len(self.param.top)
        if len(points) != pieces - 1:
            raise self.error(
                f"has {len(points)} slice_point values for {pieces} tops",
                field="slice_param.slice_point",
                remedy=f"give {pieces - 1}",
            )
        if any(low >= high for low, high in pairwise([0, *points, size])):
            raise self.error(
                f"has slice_point values {points} on axis {self._axis} of size {size}",
                field="slice_param.slice_point",
                remedy=f"let them rise between 0 and {size}",
            )

    def per_example(self) -> bool:
        return self._axis > 0

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"axis {param.slice_param.axis}"

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        points = [0, *self.param.slice_param.slice_point, x.shape[self._axis]]
        if len(points) == 2:
            return tuple(x.chunk(len(self.param.top), self._axis))
        return tuple(x.split_with_sizes([high - low for low, high in pairwise(points)], self._axis))


def _axis_or_dim(
    layer: Layer, param: ConcatParameter | SliceParameter, word: str, shape: Shape
) -> int:
    """The axis of a Concat or Slice layer; the old field takes no negative numbers."""
    old, new = f"{word}_dim", f"{word}_param.axis"
    if not param.HasField(old):
        return canonical_axis(layer, param.axis, shape, new)
    if param.HasField("axis"):
        raise layer.error(f"has axis and {old}", field=new, remedy=f"leave out {old}")
    return canonical_axis(layer, getattr(param, old), shape, f"{word}_param.{old}")


class Split(Layer):
    """The bottom once for each top; their gradients add up."""

    family = Family.SHAPING
    keeps_zeros = True
    passes_statistics = True
    tops = ANY

    def setup(self, *_: Shape) -> None:
        check_not_in_place(self)

    def per_example(self) -> bool:
        return True

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(x.view_as(x) for _ in self.param.top)


class Flatten(Layer):
    """The axes from `axis` to `end_axis` (with it) made one, in row-major order."""

    messages = ("flatten_param",)
    family = Family.SHAPING
    keeps_zeros = True
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        check_not_in_place(self)
        param = self.param.flatten_param
        self._start = canonical_axis(self, param.axis, shapes[0], "flatten_param.axis")
        self._end = canonical_axis(self, param.end_axis, shapes[0], "flatten_param.end_axis")
        if self._start > self._end:
            raise self.error(
                f"has axis {self._start} after end_axis {self._end}",
                field="flatten_param.end_axis",
                remedy="give an end_axis that is not before axis",
            )

    def per_example(self) -> bool:
        return self._start > 0

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(self._start, self._end)


class Reshape(Layer):
    """The same numbers in another shape: `num_axes` axes from `axis` on (-1: all the rest)
    become `shape`, in which 0 copies the axis of the bottom and one -1 is what remains.

    Raises LayerError where the shape does not hold the bottom's count.
    """

    messages = ("reshape_param",)
    family = Family.SHAPING
    keeps_zeros = True
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        check_not_in_place(self)
        (shape,) = shapes
        param = self.param.reshape_param
        axes = len(shape)
        self._start = param.axis if param.axis >= 0 else axes + param.axis + 1
        self._end = axes if param.num_axes == -1 else self._start + param.num_axes
        if not 0 <= self._start <= axes:
            raise self.error(
                f"has axis {param.axis}, but its bottom has {axes} axes {list(shape)}",
                field="reshape_param.axis",
                remedy=f"give one from {-axes - 1} to {axes}",
            )
        if param.num_axes < -1 or self._end > axes:
            raise self.error(
                f"has num_axes {param.num_axes}, but from axis {self._start} on its bottom has "
                f"{axes - self._start} axes",
                field="reshape_param.num_axes",
                remedy="give fewer, or -1 for all of them",
            )
        self._check(shape)

    def _check(self, shape: Shape) -> None:
        wanted = list(self.param.reshape_param.shape.dim)
        if wanted.count(-1) > 1 or any(size < -1 for size in wanted):
            raise self._fault(
                f"has shape {wanted}", "give sizes, 0 to copy one, and at most one -1"
            )
        if any(size == 0 and self._start + i >= len(shape) for i, size in enumerate(wanted)):
            raise self._fault(
                f"has a 0 in shape {wanted} where its bottom {list(shape)} has no axis to copy",
                "write the size",
            )
        result = self._resolve(shape)
        explicit = prod(size for size in result if size != -1)
        count = prod(shape)
        fits = explicit and count % explicit == 0 if -1 in result else count == explicit
        if not fits:
            raise self._fault(
                f"cannot make {list(result)} of its bottom {list(shape)}, which has "
                f"{count} numbers",
                "give a shape of the same count, or one -1 in it",
            )

    def _fault(self, what: str, remedy: str) -> Exception:
        return self.error(what, field="reshape_param.shape", remedy=remedy)

    def _resolve(self, shape: Shape) -> Shape:
        middle = tuple(
            size or shape[self._start + i]
            for i, size in enumerate(self.param.reshape_param.shape.dim)
        )
        return shape[: self._start] + middle + shape[self._end :]

    def per_example(self) -> bool:
        return self._start > 0 or self.param.reshape_param.shape.dim[:1] == [0]

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(self._resolve(tuple(x.shape)))


class Crop(Layer):
    """Bottom 0 cut to the size of bottom 1 from `axis` on, at `offset`: one for all these axes
    or one for each.

    Raises LayerError where the cut reaches out of bottom 0.
    """

    messages = ("crop_param",)
    family = Family.SHAPING
    keeps_zeros = True
    bottoms = TWO
    no_gradient = frozenset({1})

    def setup(self, *shapes: Shape) -> None:
        shape, like = shapes
        self._axis = canonical_axis(self, self.param.crop_param.axis, shape, "crop_param.axis")
        axes = len(shape) - self._axis
        offset = list(self.param.crop_param.offset) or [0]
        if len(offset) not in (1, axes):
            raise self.error(
                f"has {len(offset)} offset values for {axes} axes",
                field="crop_param.offset",
                remedy=f"give one, or {axes}",
            )
        self._offset = offset if len(offset) == axes else offset * axes
        if len(like) < len(shape):
            raise self.error(
                f"cuts {list(shape)} to the size of {list(like)}, which has fewer axes",
                field="bottom",
                remedy="give a bottom 1 with as many axes",
            )
        for i, at in enumerate(self._offset, start=self._axis):
            if at + like[i] > shape[i]:
                raise self.error(
                    f"cuts {at} to {at + like[i]} out of axis {i} of size {shape[i]}",
                    field="crop_param.offset",
                    remedy="give a smaller offset or a smaller bottom 1",
                )

    def per_example(self) -> bool:
        return self._axis > 0

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        for i, at in enumerate(self._offset, start=self._axis):
            x = x.narrow(i, at, like.shape[i])
        return x


class Tile(Layer):
    """The bottom `tiles` times one after the other on `axis`."""

    messages = ("tile_param",)
    family = Family.SHAPING
    keeps_zeros = True
    passes_statistics = True
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        param = self.param.tile_param
        if param.tiles < 1:
            raise self.error(
                f"has {param.tiles} tiles" if param.HasField("tiles") else "has no tiles",
                field="tile_param.tiles",
                remedy="give 1 or more",
            )
        self._axis = canonical_axis(self, param.axis, shapes[0], "tile_param.axis")

    def per_example(self) -> bool:
        return self._axis > 0

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # found by arithmetic: `forward` makes a list of as many tensors as there are tiles
        shape = list(shapes[0])
        shape[self._axis] *= self.param.tile_param.tiles
        return [tuple(shape)]

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x] * self.param.tile_param.tiles, self._axis)


class Silence(Layer):
    """Nothing: takes blobs so that they are no outputs."""

    family = Family.RESULT
    bottoms = ANY
    tops = NONE

    def per_example(self) -> bool:
        return True

    def forward(self, *_: Tensor) -> tuple[Tensor, ...]:
        return ()


class Parameter(Layer):
    """Its own parameter blob, of parameter_param.shape, as the top."""

    messages = ("parameter_param",)
    family = Family.DATA
    bottoms = NONE
    tops = ONE

    def setup(self, *_: Shape) -> None:
        param = self.param.parameter_param
        if not param.HasField("shape"):
            raise self.error(
                "has no shape", field="parameter_param", remedy="give parameter_param.shape"
            )
        self.add_blob(tuple(param.shape.dim))

    def forward(self) -> Tensor:
        return self.blobs[0]


def check_not_in_place(layer: Layer) -> None:
    """Raise LayerError where a top has the name of the bottom, as Caffe does."""
    if layer.param.bottom and layer.param.bottom[0] in layer.param.top:
        raise layer.error(
            f'cannot write over its bottom "{layer.param.bottom[0]}"',
            field="top",
            remedy="give the top another name",
        )


TABLE: dict[str, type[Layer]] = {
    "Concat": Concat,
    "Slice": Slice,
    "Split": Split,
    "Flatten": Flatten,
    "Reshape": Reshape,
    "Crop": Crop,
    "Tile": Tile,
    "Silence": Silence,
    "Parameter": Parameter,
}
