"""AnnotatedData: pictures with boxes from an LMDB (SSD's annotated_data_layer.cpp)."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.augment.detection import BoxRecipe
from catdog.data.augment.objects import COLUMNS, Rows, mirror, project
from catdog.data.datum import Example, datum_to_array, object_rows, parse_annotated
from catdog.data.label_map import read_label_map
from catdog.data.sources.base import Batch, Context, Source
from catdog.data.sources.data import Data
from catdog.data.transform import Cut
from catdog.errors import DataError, Fault
from catdog.proto.caffe_pb2 import DataParameter, Datum, LayerParameter
from catdog.spec.shape import Shape


class AnnotatedData(Data):
    """The AnnotatedDatums of LMDBs; data_param has the fields of Data, annotated_data_param more.

    Each picture is distorted, expanded, cut to a window that batch_sampler finds, resized, cropped
    and mirrored, in this order and in every phase, and its boxes with it. The second top is
    1 x 1 x G x 8 for all boxes of the batch: picture, label, instance, xmin, ymin, xmax, ymax,
    difficult; a batch without boxes has one row of -1. Records without a type of annotation, where
    anno_type is not given, have their datum's label, N.
    """

    messages = ("annotated_data_param", "data_param", "transform_param")
    fork_fields = ("resize_param", "distort_param", "expand_param", "emit_constraint")

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        self._recipe = BoxRecipe(layer)
        try:
            super().__init__(layer, context)
        except DataError as error:
            source = layer.data_param.source
            if (context or Context()).locate(source).exists():
                raise
            # not what a net of classes would be told: `make lmdb`
            names = layer.annotated_data_param.label_map_file or "LABELMAP"
            command = f"catdog create_annoset LIST {source} --label-map {names}"
            remedy = f"`{command}` makes one of photos with boxes"
            raise DataError(error.what, where=error.where, remedy=remedy) from None
        for fault in self._faults():
            self.reader.close()
            raise self.error(fault.what, field=fault.field, remedy=fault.remedy)
        first = parse_annotated(self.reader.first())
        self._has_boxes = layer.annotated_data_param.HasField("anno_type") or first.HasField("type")
        name = layer.annotated_data_param.label_map_file
        self._known_labels = (
            set(read_label_map(self.context.locate(name)).values()) if name else None
        )

    @classmethod
    def data_message(cls, layer: LayerParameter) -> DataParameter:
        return layer.data_param

    @classmethod
    def assumed_size(cls, layer: LayerParameter, /) -> tuple[int, int] | None:
        resized = layer.transform_param.resize_param
        return (resized.height, resized.width) if resized.height and resized.width else None

    @classmethod
    def tops_beside(cls, layer: LayerParameter, _first: Shape, /) -> dict[str, Shape]:
        return dict.fromkeys(layer.top[1:], (1, 1, 1, COLUMNS + 1))

    @property
    def shapes(self) -> dict[str, Shape]:
        channels, *size = self.examples([0])[0].array.shape
        picture = (channels, *self._recipe.shape(size[0], size[1]))
        data = (self.batch_size, *self.transform.shape(picture, self.where(0)))
        # as many rows as boxes, once there are some
        label = (1, 1, 1, COLUMNS + 1) if self._has_boxes else (self.batch_size,)
        return dict(zip(self.tops, (data, label), strict=False))

    def label_counts(self, _top: str) -> Mapping[int, int] | None:
        return None

    def all_labels(self, _top: str) -> NDArray[np.float32] | None:
        return None

    @property
    def has_vectors(self) -> bool:
        return False

    def datum(self, value: bytes) -> Datum:
        return parse_annotated(value).datum

    def example(self, value: bytes) -> Example:
        annotated = parse_annotated(value)
        array = datum_to_array(annotated.datum, color=self.color)
        return Example(array, annotated.datum.label, object_rows(annotated))

    def read(self, indices: Sequence[int], generator: torch.Generator, /) -> Batch:
        examples = self.examples(indices)
        seeds = torch.randint(2**63 - 1, (len(indices),), generator=generator).tolist()
        changed = list(self.pool().map(self._change, indices, examples, seeds))
        self._check(indices, changed)
        pictures = [each.array for each in changed]
        draw = self.transform.draw([picture.shape for picture in pictures], generator)
        blobs = {self.tops[0]: self.transform.gather(pictures, draw)}
        if len(self.tops) > 1:
            blobs[self.tops[1]] = self._label(changed, draw)
        return Batch(blobs, draw)

    def _change(self, index: int, example: Example, seed: int) -> Example:
        rows = example.labels if example.labels is not None else np.empty((0, COLUMNS), np.float32)
        self._check_rows(index, rows)
        picture = example.array.transpose(1, 2, 0)
        drawn = self._recipe.draw(picture.shape[:2], rows, np.random.default_rng(seed))
        try:
            picture, rows = self._recipe.apply(picture, rows, drawn)
        except DataError as error:
            error.where = error.where or self.where(index)
            raise
        return Example(picture.transpose(2, 0, 1), example.label, rows)

    def _label(self, changed: Sequence[Example], draw: Sequence[Cut]) -> Tensor:
        if not self._has_boxes:
            return torch.tensor([example.label for example in changed], dtype=torch.float32)
        found = [self._seen(example, cut) for example, cut in zip(changed, draw, strict=True)]
        numbered = [
            np.insert(rows, 0, np.float32(number), axis=1) for number, rows in enumerate(found)
        ]
        rows = np.concatenate(numbered)
        if not len(rows):
            rows = np.full((1, COLUMNS + 1), -1, np.float32)
        return torch.from_numpy(np.ascontiguousarray(rows, np.float32))[None, None]

    def _seen(self, example: Example, cut: Cut) -> Rows:
        """The objects of a picture that the net sees, in shares of what it sees."""
        height, width = example.array.shape[1:]
        high, wide = self.transform.crop or (height, width)
        left, top = cut.left / width, cut.top / height
        window = (left, top, (cut.left + wide) / width, (cut.top + high) / height)
        rows = project(example.labels, window, self._recipe.constraint)  # type: ignore[arg-type]
        return mirror(rows) if cut.mirrored else rows

    def _check_rows(self, index: int, rows: Rows) -> None:
        if not np.isfinite(rows).all():
            raise DataError(
                "has a box with a corner that is no number",
                where=self.where(index),
                remedy="build the LMDB again",
            )
        if self._known_labels is None:
            return
        if strange := set(rows[:, 0].astype(int).tolist()) - self._known_labels:
            raise DataError(
                f"has a box of label {min(strange)}, which the label map does not have",
                where=self.where(index),
                remedy="give the label_map_file with which the LMDB was built",
            )

    def _faults(self) -> Iterator[Fault]:
        yield from self._recipe.faults()
        why = "its boxes follow each picture"
        if self.layer.transform_param.HasField("augment_param"):
            what = f"does not take augment_param: {why}"
            yield Fault(what, "leave it out", field="augment_param")
        if self.param.cache == DataParameter.DEVICE:
            yield Fault(f"does not take cache: {why}", "cache: MEMORY works", field="cache")


TABLE: dict[str, type[Source]] = {"AnnotatedData": AnnotatedData}
