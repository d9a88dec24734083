"""Regions of interest, rows of [image, x1, y1, x2, y2], as the layers that pool them read them."""

import math

import torch
from torch import Tensor

from catdog.layers.base import TWO, Family, Layer
from catdog.layers.forks.boxes import first_of_overlapping
from catdog.layers.frame import check_images
from catdog.spec.shape import Shape


class RegionPooling(Layer):
    """What ROIPooling and PSROIPooling share: features in bottom 0, and regions R x 5 in bottom 1,
    which get no gradient.

    Raises LayerError for bottoms of other shapes.
    """

    family = Family.POOLING
    bottoms = TWO
    no_gradient = frozenset({1})
    top_may_be_overwritten = True
    keeps_zeros = True

    def setup(self, *shapes: Shape) -> None:
        check_images(self, shapes[0])
        if len(shapes[1]) < 2 or math.prod(shapes[1][1:]) != 5:
            raise self.error(
                "needs regions of 5 numbers (image, x1, y1, x2, y2) in bottom 1, not "
                f"{list(shapes[1])}",
                field="bottom",
                remedy="name the features first, then the regions",
            )


def images_of(layer: Layer, regions: Tensor, count: int) -> Tensor:
    """The number of the image of each region, a row of `regions`.

    Raises LayerError for a number that is none of `count` images: the kernels that pool look at
    the memory that it names, whatever lies there.
    """
    images = regions[:, 0].long()
    # a graph cannot stop
    if not torch.compiler.is_compiling() and images.numel():
        low, high = (int(bound) for bound in images.aminmax())
        if low < 0 or high >= count:
            raise layer.error(
                f"has a region in image {low if low < 0 else high} of a batch of {count}",
                field="bottom",
                remedy=f"give images 0 to {count - 1}, or a larger batch",
            )
    return images


def round_away(x: Tensor) -> Tensor:
    """The nearest whole number, away from zero where two are equally near, as C's round()."""
    whole = x.trunc()
    return whole + x.sign() * ((x - whole).abs() >= 0.5)


def suppress(
    boxes: Tensor, threshold: float, alike: bool = False, most: int | None = None
) -> Tensor:
    """The indices of the boxes (xmin, ymin, xmax, ymax), best first, that none before them covers.

    A box goes where its intersection over union with one that stays is larger than the threshold,
    with `alike` also where it is equal to it. With `most` only the first so many are given.
    """
    if alike:
        threshold = math.nextafter(threshold, -math.inf)
    boxes = boxes.double()
    # whether a box stays hangs on those before it alone: mostly the best ones are enough
    count = len(boxes) if most is None else 4 * most
    kept = first_of_overlapping(boxes[:count], threshold)
    if most is not None and len(kept) < most and count < len(boxes):
        kept = first_of_overlapping(boxes, threshold)
    return kept[:most]
