"""Pictures with a label for each pixel, named in a list: sources of HED, SegNet and DeepLab."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.augment.canvas import padded
from catdog.data.datum import Example
from catdog.data.sources.base import Batch, Context, Source, read_text
from catdog.data.sources.image import read_picture
from catdog.data.sources.listed import ListedPictures
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import ImageDataParameter, LayerParameter
from catdog.spec.shape import Shape

Pixels = NDArray[Any]


class Pair(NamedTuple):
    """A line of a list: a picture, and its label image, its number or nothing."""

    name: str
    label: str = ""


class LabelMaps(ListedPictures):
    """Lines `image label`; tops are the pictures and N x 1 x H x W labels, cut and mirrored alike.

    A label image is read in grey. A file that cannot be read or is of another size than its
    picture is a DataError.
    """

    least_tops, most_tops = 2, 2
    #: How a label image is resized.
    label_interpolation: ClassVar[int] = cv2.INTER_NEAREST

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        for name in ("force_color", "force_gray", "augment_param"):
            if self.layer.transform_param.HasField(name):
                raise self.error(f"does not take {name}", field=name, remedy="leave it out")
        self._pairs = list(self._read_pairs(self.context.locate(self.param.source)))
        if not self._pairs:
            remedy = "write `image label` lines"
            raise DataError("names no pictures", where=self.param.source, remedy=remedy)
        self.shuffle = self.param.shuffle
        self.skip(self.param.rand_skip)

    @classmethod
    def tops_beside(cls, layer: LayerParameter, first: Shape, /) -> dict[str, Shape]:
        batch, _, *size = first
        return dict(zip(layer.top[1:], ((batch, 1, *size), (batch, 1, 1, 2)), strict=False))

    @property
    def size(self) -> int:
        return len(self._pairs)

    @property
    def shapes(self) -> dict[str, Shape]:
        first = self.prepare(self.examples([0])[0], torch.Generator().manual_seed(0))
        shape = (self.batch_size, *self.transform.shape(first.array.shape, self.where(0)))
        return {self.tops[0]: shape, **self.tops_beside(self.layer, shape)}

    @property
    def has_vectors(self) -> bool:
        return False

    def where(self, index: int) -> str:
        return str(self.path_of(self._pairs[index].name))

    def examples(self, indices: Sequence[int]) -> Sequence[Example]:
        load = self.pool().map if len(indices) > 1 else map
        return list(load(self._load, indices))

    def read(self, indices: Sequence[int], generator: torch.Generator, /) -> Batch:
        examples = self.examples(indices)
        prepared = [self.prepare(example, generator) for example in examples]
        self._check(indices, prepared)
        draw = self.transform.draw([each.array.shape for each in prepared], generator)
        pictures = self.transform.gather([each.array for each in prepared], draw)
        maps = self.transform.gather([self.map_of(each)[None] for each in prepared], draw)
        blobs = {self.tops[0]: pictures, self.tops[1]: maps.float()}
        return Batch({**blobs, **self.more(examples)}, draw)

    @staticmethod
    def map_of(example: Example) -> Pixels:
        """The labels of an example, height x width."""
        if example.labels is None:
            raise TypeError("an example without labels")
        return example.labels

    def prepare(self, example: Example, _generator: torch.Generator, /) -> Example:
        """What is done to a picture and its labels before they are cut."""
        return example

    def more(self, _examples: Sequence[Example], /) -> dict[str, Tensor]:
        """Tops beside the first two."""
        return {}

    def look_at(self, _index: int, /) -> str:
        return ""

    def labelled(self, pair: Pair, _size: tuple[int, int], /) -> Pixels:
        """The labels of a picture of height x width `size` as it is stored."""
        return read_picture(self.path_of(pair.label), color=False)

    def _load(self, index: int) -> Example:
        pair = self._pairs[index]
        picture = read_picture(self.path_of(pair.name), color=self.param.is_color)
        labels = self.labelled(pair, (picture.shape[0], picture.shape[1]))
        if labels.shape != picture.shape[:2]:
            height, width = labels.shape
            raise DataError(
                f"is {height} x {width}, its picture {pair.name} is {picture.shape[0]} x "
                f"{picture.shape[1]}",
                where=str(self.path_of(pair.label)),
                remedy="give each picture a label image of its size",
            )
        picture, labels = self.resized(picture), self.resized(labels, self.label_interpolation)
        planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
        return Example(planes, 0, self.values(labels))

    def values(self, labels: Pixels) -> Pixels:
        """The labels that the grey values of a label image mean."""
        return labels

    @property
    def has_labels(self) -> bool:
        """Whether a line has a second word."""
        return True

    def _read_pairs(self, path: Path) -> Iterator[Pair]:
        for number, line in enumerate(read_text(path, "list file").splitlines(), 1):
            words = line.rsplit(None, 1) if self.has_labels else [line.strip()]
            if not line.strip():
                continue
            if len(words) < 1 + self.has_labels:
                raise DataError(
                    f'"{line.strip()}" names a picture and nothing else',
                    where=f"{path}:{number}",
                    remedy="write `image label` on each line",
                )
            yield Pair(*(word.strip() for word in words))


class ImageLabelmapData(LabelMaps):
    """HED's and RCF's: the labels are edges, 1 where the label image is 128 or more, else 0.

    With new_height and new_width both images are resized bilinearly before that.
    """

    messages = ("image_data_param", "transform_param")
    label_interpolation = cv2.INTER_LINEAR

    def values(self, labels: Pixels) -> Pixels:
        return (labels > np.iinfo(np.uint8).max // 2).astype(np.uint8)


class DenseImageData(LabelMaps):
    """SegNet's: the labels are the values of the label image, resized by the nearest neighbour.

    crop_height, crop_width and mirror of dense_image_data_param cut both alike, in the TRAIN phase
    anywhere, in the TEST phase in the middle; those of transform_param are taken as well.
    """

    messages = ("dense_image_data_param", "transform_param")

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(_with_own_crop(layer), context)

    @classmethod
    def assumed_size(cls, layer: LayerParameter, /) -> tuple[int, int] | None:
        own = layer.dense_image_data_param
        if own.crop_height and own.crop_width:
            return own.crop_height, own.crop_width
        return super().assumed_size(layer)


def _with_own_crop(layer: LayerParameter) -> LayerParameter:
    """The layer with what dense_image_data_param says of pictures in transform_param."""
    own, whole = layer.dense_image_data_param, LayerParameter()
    whole.CopyFrom(layer)
    rules = whole.transform_param
    for name in ("crop_height", "crop_width", "mirror", "mean_file"):
        if own.HasField(name):
            setattr(rules, name, getattr(own, name))
    return whole


class ImageSegData(LabelMaps):
    """DeepLab's and PSPNet's: labels from an image (PIXEL), a number (IMAGE) or none (NONE).

    One of scale_factors is drawn for each picture, which is resized bilinearly and its labels by
    the nearest neighbour; at the bottom and at the right it is padded up to the crop with
    mean_value, the labels with ignore_label. The third top is N x 1 x 1 x 2: height and width of
    each picture, at most those of the crop.
    """

    messages = ("image_data_param", "transform_param")
    fork_fields = ("scale_factors",)
    most_tops = 3
    param: ImageDataParameter

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        for factor in layer.transform_param.scale_factors:
            if not 0 < factor < np.inf:
                raise self.error(f"has a scale factor of {factor:g}", field="scale_factors")
        if not 0 <= self.param.ignore_label <= np.iinfo(np.uint8).max:
            raise self.error("takes an ignore_label from 0 to 255", field="ignore_label")

    @property
    def has_labels(self) -> bool:
        return self.param.label_type != ImageDataParameter.NONE

    def labelled(self, pair: Pair, size: tuple[int, int], /) -> Pixels:
        if self.param.label_type == ImageDataParameter.PIXEL:
            return super().labelled(pair, size)
        value = self.param.ignore_label if not self.has_labels else self._number(pair)
        return np.full(size, value, np.uint8)

    def _number(self, pair: Pair) -> int:
        if not (pair.label.isascii() and pair.label.isdigit() and int(pair.label) <= 255):
            raise DataError(
                f'the label "{pair.label}" of {pair.name} is no number from 0 to 255',
                where=self.param.source,
                remedy="label_type: PIXEL reads label images",
            )
        return int(pair.label)

    def prepare(self, example: Example, generator: torch.Generator, /) -> Example:
        picture, labels = example.array.transpose(1, 2, 0), self.map_of(example)
        factors = self.layer.transform_param.scale_factors
        if factors:
            drawn = int(torch.randint(len(factors), (), generator=generator))
            picture = _scaled(picture, factors[drawn], cv2.INTER_LINEAR)
            labels = _scaled(labels, factors[drawn], cv2.INTER_NEAREST)
        high, wide = self.transform.crop or (0, 0)
        below, right = max(0, high - labels.shape[0]), max(0, wide - labels.shape[1])
        if below or right:
            margins = 0, below, 0, right
            picture = padded(picture, margins, self.layer.transform_param.mean_value)
            labels = padded(labels, margins, [self.param.ignore_label])
        channels = example.array.shape[0]
        return Example(picture.reshape(*labels.shape, channels).transpose(2, 0, 1), 0, labels)

    def more(self, examples: Sequence[Example], /) -> dict[str, Tensor]:
        if len(self.tops) < self.most_tops:
            return {}
        sizes = torch.tensor([example.array.shape[1:] for example in examples])
        if self.transform.crop:
            sizes = torch.minimum(sizes, torch.tensor(self.transform.crop))
        return {self.tops[2]: sizes.float().view(-1, 1, 1, 2)}


def _scaled(values: Pixels, factor: float, interpolation: int) -> Pixels:
    return cv2.resize(
        np.ascontiguousarray(values), None, fx=factor, fy=factor, interpolation=interpolation
    )


TABLE: dict[str, type[Source]] = {
    "ImageLabelmapData": ImageLabelmapData,
    "DenseImageData": DenseImageData,
    "ImageSegData": ImageSegData,
}
