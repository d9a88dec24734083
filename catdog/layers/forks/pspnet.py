"""Interp and SegAccuracy of DeepLab and PSPNet (Zhao and others 2017)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.base import TWO, Family, Layer
from catdog.layers.frame import check_images
from catdog.layers.labels import class_labels
from catdog.proto.caffe_pb2 import InterpParameter, LayerParameter
from catdog.spec.shape import Shape

Pair = tuple[int, int]


class Interp(Layer):
    """A bilinear picture of another size, the corners on the corners: row i of `out` rows is at
    i * (in - 1) / (out - 1), a single one at 0.

    pad_beg and pad_end, 0 or less, first crop the picture at the start and at the end of both axes.
    The size is (in - 1) / shrink_factor + 1 or in + (in - 1) * (zoom_factor - 1) where one of the
    factors stands alone; else height x width; else the picture shrinks, then it is zoomed.

    Raises LayerError for a size that is not given and for numbers that make none.
    """

    messages = ("interp_param",)
    family = Family.POOLING
    keeps_zeros = True
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        check_images(self, shapes[0])
        numbers = self._numbers
        for name in ("pad_beg", "pad_end"):
            if getattr(numbers, name) > 0:
                raise self._fault(f"has {name} {getattr(numbers, name)}", name, "give 0 or less")
        self._check_least("shrink_factor", "zoom_factor")
        self._check_size()
        if min(self._cropped(shapes[0][2:])) < 1:
            raise self._fault(
                f"crops all of its bottom {list(shapes[0])}", "pad_beg", "crop less of it"
            )

    def _check_size(self) -> None:
        sides = "height", "width"
        if self._by_sides:
            self._check_least(*sides)
        elif not self._has("shrink_factor", "zoom_factor"):
            raise self.error(
                "has no size" if not self._has(*sides) else "has one of height and width",
                field="interp_param",
                remedy="give height and width, zoom_factor or shrink_factor",
            )

    def _check_least(self, *names: str) -> None:
        for name in names:
            if (given := getattr(self._numbers, name)) < 1:
                raise self._fault(f"has {name} {given}", name, "give 1 or more")

    @property
    def _by_sides(self) -> bool:
        """Whether height and width are the size: one factor alone goes before them."""
        return self._has("height", "width") == 2 and self._has("shrink_factor", "zoom_factor") != 1

    @property
    def _numbers(self) -> InterpParameter:
        return self.param.interp_param

    def _has(self, *names: str) -> int:
        return sum(map(self._numbers.HasField, names))

    def _fault(self, what: str, field: str, remedy: str) -> Exception:
        return self.error(what, field=f"interp_param.{field}", remedy=remedy)

    def _cropped(self, size: Shape) -> Shape:
        return tuple(side + self._numbers.pad_beg + self._numbers.pad_end for side in size)

    def _size(self, size: Shape) -> Shape:
        numbers = self._numbers
        if self._by_sides:
            return numbers.height, numbers.width
        shrunk = ((side - 1) // numbers.shrink_factor + 1 for side in self._cropped(size))
        return tuple(side + (side - 1) * (numbers.zoom_factor - 1) for side in shrunk)

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        (shape,) = shapes
        return [(*shape[:2], *self._size(shape[2:]))]

    def per_example(self) -> bool:
        return True

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        numbers = param.interp_param
        factors = [
            f"{name} {getattr(numbers, f'{name}_factor')}"
            for name in ("shrink", "zoom")
            if numbers.HasField(f"{name}_factor")
        ]
        return ", ".join(factors) or f"{numbers.height}x{numbers.width}"

    def forward(self, x: Tensor) -> Tensor:
        start, end = -self._numbers.pad_beg, self._numbers.pad_end
        size = self._size(tuple(x.shape[2:]))
        within = slice(start, end or None)
        return F.interpolate(x[:, :, within, within], size, mode="bilinear", align_corners=True)


class SegAccuracy(Layer):
    """Three scores of a segmentation, (1, 1, 1, 3): the share of right pixels, the mean recall of
    the classes that occur, and the mean over all classes of intersection over union, 1 for a class
    that neither occurs nor is found.

    Bottoms are scores (n, classes, height, width) and labels (n, 1, height, width); of equal scores
    the last class counts. Every ignore_label is left out; of no pixels the first two are 0. With
    reset: false all batches since the layer was made count. `metric` is accepted: Caffe's forks do
    not look at it.

    Raises LayerError for bottoms of different sizes and, on the CPU, for a label that is no class.
    """

    messages = ("seg_accuracy_param",)
    family = Family.RESULT
    higher_is_better = True
    bottoms = TWO
    no_gradient = frozenset({0, 1})
    _counts: Tensor

    def setup(self, *shapes: Shape) -> None:
        scores, labels = shapes
        check_images(self, scores)
        if labels != (scores[0], 1, *scores[2:]):
            raise self.error(
                f"has labels {list(labels)} for scores {list(scores)}",
                field="bottom",
                remedy=f"give labels {[scores[0], 1, *scores[2:]]}",
            )
        self._classes = scores[1]
        counts = torch.zeros(self._classes, self._classes, dtype=torch.long)
        self.register_buffer("_counts", counts, persistent=False)

    def top_shapes(self, *_: Shape) -> list[Shape]:
        return [(1, 1, 1, 3)]

    def forward(self, scores: Tensor, given: Tensor) -> Tensor:
        counts = self._confusion(scores.detach(), given.detach())
        if not self.param.seg_accuracy_param.reset:
            self._counts = counts = self._counts + counts
        right, of_class, found = counts.diagonal(), counts.sum(1), counts.sum(0)
        accuracy = right.sum() / counts.sum().clamp(min=1)
        recall = (right / of_class.clamp(min=1)).sum() / (of_class > 0).sum().clamp(min=1)
        union = of_class + found - right
        overlap = (right / union.clamp(min=1)).where(union > 0, 1.0).mean()
        return torch.stack([accuracy, recall, overlap]).view(1, 1, 1, 3).to(scores.dtype)

    def _confusion(self, scores: Tensor, given: Tensor) -> Tensor:
        """How many pixels of each class (rows) were taken for each (columns)."""
        labels = given.long()
        counted = torch.ones_like(labels, dtype=torch.bool)
        for ignored in self.param.seg_accuracy_param.ignore_label:
            counted &= labels != ignored
        classes = class_labels(self, labels.where(counted, 0), scores, 1, None).index
        # the last of equal scores
        best = self._classes - 1 - scores.flip(1).argmax(1, keepdim=True)
        pairs = (classes * self._classes + best)[counted]
        return torch.bincount(pairs, minlength=self._classes**2).view(self._classes, -1)


TABLE: dict[str, type[Layer]] = {"Interp": Interp, "SegAccuracy": SegAccuracy}
