"""Layers that take some examples of a batch, by the numbers of another blob."""

from torch import Tensor

from catdog.layers.base import ANY, TWO, Count, Family, Layer
from catdog.layers.shape import check_not_in_place
from catdog.spec.shape import Shape


class BatchReindex(Layer):
    """The examples of bottom 0 that bottom 1 names by number, in its order and as often.

    Raises LayerError for a number that is no example (on the CPU; a GPU stops by itself).
    """

    family = Family.SHAPING
    bottoms = TWO
    no_gradient = frozenset({1})
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        check_not_in_place(self)
        if len(shapes[1]) != 1:
            raise self.error(
                f"needs a bottom 1 with one axis, but it is {list(shapes[1])}",
                field="bottom",
                remedy="put a Reshape layer before it",
            )

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        index = index.long()
        if index.device.type == "cpu" and index.numel():
            low, high = (int(bound) for bound in index.aminmax())
            if low < 0 or high >= len(x):
                raise self.error(
                    f"has index {low if low < 0 else high} for a batch of {len(x)}",
                    field="bottom",
                    remedy=f"give numbers from 0 to {len(x) - 1}",
                )
        return x.index_select(0, index)


class Filter(Layer):
    """The examples of the first bottoms for which the last bottom is not 0.

    Tops as many as bottoms without the last; their first axis is only known from the numbers.
    """

    family = Family.SHAPING
    bottoms = Count(2, None)
    tops = ANY
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        *_, selector = shapes
        if len(self.param.top) != len(shapes) - 1:
            raise self.error(
                f"has {len(self.param.top)} tops for {len(shapes)} bottoms",
                field="top",
                remedy="give one for each bottom but the last, the selector",
            )
        if any(size != 1 for size in selector[1:]):
            raise self.error(
                f"needs a selector with one number for each example, but it is {list(selector)}",
                field="bottom",
                remedy="put a Reshape layer before it",
            )
        if any(shape[:1] != selector[:1] for shape in shapes):
            raise self.error(
                f"has bottoms with different first axes {[list(shape) for shape in shapes]}",
                field="bottom",
                remedy="give as many examples in each as in the selector",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # as large as they can get
        return list(shapes[:-1])

    def passes_gradient(self) -> bool:
        # where no example is left the layers after it may have none
        return False

    def forward(self, *bottoms: Tensor) -> tuple[Tensor, ...]:
        *data, selector = bottoms
        kept = selector.reshape(-1).nonzero().squeeze(1)
        return tuple(x.index_select(0, kept) for x in data)


TABLE: dict[str, type[Layer]] = {"BatchReindex": BatchReindex, "Filter": Filter}
