"""The augmentation of one data layer, from its augment_param."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.augment import boxes, color, geometry, mixing
from catdog.data.augment.rand_augment import DrawnOperations, draw_operations, rand_augment
from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import AugmentParameter, LayerParameter

#: What a field's value may be at most, where it is not any number from 0 on.
_MOST = {
    "rotate": 180, "shift": 1, "zoom": 0.9, "shear": 1, "crop_area": 1,
    "brightness": 1, "contrast": 1, "saturation": 1, "hue": 0.5, "magnitude": 30, "erase": 1,
}  # fmt: skip
#: Fields that need one of other fields to have an effect.
_NEEDS = {
    "fill": (*geometry.FIELDS, "rand_augment"),
    "magnitude": ("rand_augment",),
    "num_classes": mixing.FIELDS,
}
_CHANNELS = {"saturation": (3,), "hue": (3,), "rand_augment": (1, 3)}
#: A picture of which so much is its own is not seen to be mixed.
_WHOLE = 0.995


@dataclass(frozen=True)
class Changes:
    """What was drawn for the pictures of a batch; None for changes that are not asked for."""

    size: tuple[int, int]
    views: Tensor | None = None
    operations: DrawnOperations | None = None
    factors: Tensor | None = None
    erased: boxes.Boxes | None = None
    mix: mixing.Mix | None = None

    @property
    def mixed(self) -> NDArray[np.bool_] | None:
        """Which pictures show another one besides; None where none are mixed."""
        if self.mix is None:
            return None
        others = self.mix.partner != np.arange(len(self.mix.partner))
        mixed: NDArray[np.bool_] = others & (self.mix.own(self.size) < _WHOLE)
        return mixed


class Recipe:
    """What augment_param asks for; `mean` is the mean colour, C numbers, where the net has one.

    Raises LayerError for numbers out of their range and fields without effect.
    """

    def __init__(self, layer: LayerParameter, mean: Tensor | None = None) -> None:
        self.param = layer.transform_param.augment_param
        self.layer, self.mean = layer.name, mean
        for field, value in self.param.ListFields():
            self._check(field.name, value)
        self.moves = self._asks(geometry.FIELDS)
        self.colors = self._asks(color.FIELDS)
        self.mixes = self._asks(mixing.FIELDS)
        #: Whether anything at all is changed.
        self.active = (
            self.moves or self.colors or self.mixes or self._asks(("rand_augment", "erase"))
        )
        if self.mixes and len(layer.top) > 1 and not self.param.num_classes:
            raise self._error(
                "mixes labels and does not know how many classes there are",
                "num_classes",
                "give the number, or 1 for a net with a single sigmoid output",
            )

    def check_channels(self, channels: int) -> None:
        """Raise LayerError where a change is not defined for this number of channels."""
        for field, allowed in _CHANNELS.items():
            if getattr(self.param, field) and channels not in allowed:
                raise self._error(
                    f"{field} is for pictures of {' or '.join(map(str, allowed))} channels, "
                    f"these have {channels}",
                    field,
                    "leave it out",
                )

    @property
    def needs_bytes(self) -> bool:
        """Whether values have to be from 0 to 255."""
        return self.colors or self.param.rand_augment > 0

    def draw(
        self,
        cuts: Sequence[geometry.CropWindow],
        whole: tuple[int, int],
        size: tuple[int, int],
        generator: torch.Generator,
    ) -> Changes:
        """Draw for a batch: pictures of height x width `whole`, cut to `size`."""
        seed = int(torch.randint(2**63 - 1, (), generator=generator))
        rng, count, param = np.random.default_rng(seed), len(cuts), self.param
        return Changes(
            size,
            self._draw_views(cuts, whole, size, rng) if self.moves else None,
            draw_operations(param, count, rng) if param.rand_augment else None,
            torch.from_numpy(color.draw_factors(param, count, rng)) if self.colors else None,
            boxes.draw_erased(param.erase, count, size, rng) if param.erase else None,
            mixing.draw_mix(param, count, size, rng) if self.mixes else None,
        )

    def _draw_views(
        self,
        cuts: Sequence[geometry.CropWindow],
        whole: tuple[int, int],
        size: tuple[int, int],
        rng: np.random.Generator,
    ) -> Tensor:
        motion, least = geometry.draw_motion(self.param, len(cuts), rng), self.param.crop_area
        if least:
            cuts = [
                geometry.draw_crop_window(least, *whole, rng, mirrored=cut.mirrored) for cut in cuts
            ]
        return torch.from_numpy(geometry.views(motion, cuts, whole, size))

    def apply(self, batch: Tensor, changes: Changes) -> Tensor:
        """The changed pictures as floats, on the batch's device.

        `batch` has whole pictures where the recipe `moves`, else crops.
        """
        numbers = batch.float()
        if changes.views is not None:
            views = changes.views.to(batch.device)
            numbers = geometry.warp(numbers, views, changes.size, self._fill(numbers))
        if changes.operations is not None:
            numbers = rand_augment(numbers, changes.operations, self.param.magnitude, self._fill)
        if changes.factors is not None:
            numbers = color.adjust(numbers, changes.factors.to(batch.device), self.param)
        if changes.erased is not None:
            lost = boxes.inside(changes.erased, changes.size, batch.device)
            numbers = torch.where(lost, self._mean_color(numbers), numbers)
        return numbers if changes.mix is None else mixing.mix_pictures(numbers, changes.mix)

    def labels(self, labels: Sequence[int], changes: Changes) -> Tensor:
        """The labels of a batch; raises DataError for one that is not a class."""
        if changes.mix is None:
            return torch.tensor(labels, dtype=torch.float32)
        return mixing.mix_labels(labels, changes.mix, changes.size, self.param.num_classes)

    def label_vectors(self, vectors: Tensor, changes: Changes) -> Tensor:
        """The label vectors of a batch, N x L; raises DataError for another L than num_classes."""
        if changes.mix is None:
            return vectors
        if vectors.shape[1] != self.param.num_classes:
            raise DataError(
                f'layer "{self.layer}": {vectors.shape[1]} labels for each picture, and '
                f"num_classes is {self.param.num_classes}",
                remedy="give num_classes in augment_param the number of labels",
            )
        return mixing.mix_rows(vectors, changes.mix, changes.size)

    def label_shape(self, count: int) -> tuple[int, ...]:
        """The shape of the labels of so many pictures."""
        soft = self.mixes and self.param.num_classes > 1
        return (count, self.param.num_classes) if soft else (count,)

    def _fill(self, numbers: Tensor) -> Tensor | None:
        reflects = self.param.fill == AugmentParameter.REFLECT
        return None if reflects else self._mean_color(numbers)

    def _mean_color(self, numbers: Tensor) -> Tensor:
        """The mean colour of the data, or each picture's own: N or 1 x C x 1 x 1."""
        if self.mean is None:
            return numbers.mean((2, 3), keepdim=True)
        return self.mean.to(numbers.device).expand(numbers.shape[1]).view(1, -1, 1, 1)

    def _asks(self, fields: Sequence[str]) -> bool:
        return any(getattr(self.param, field) for field in fields)

    def _check(self, field: str, value: float) -> None:
        most = _MOST.get(field, float("inf"))
        if not 0 <= value <= most or value == float("inf"):
            bounds = f"0 to {most:g}" if field in _MOST else "0 or more"
            raise self._error(f"has {field} {value:g}", field, f"give {bounds}")
        needed = _NEEDS.get(field, (field,))
        if not any(self.param.HasField(name) for name in needed):
            words = " or ".join(needed)
            raise self._error(f"has {field}, which says nothing without {words}", field)

    def _error(self, what: str, field: str, remedy: str = "") -> LayerError:
        return LayerError(f"augment_param {what}", layer=self.layer, field=field, remedy=remedy)
