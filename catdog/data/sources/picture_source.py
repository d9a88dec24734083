"""Sources of labelled pictures: read, decode on all cores, cut into one batch."""

from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from catdog.data.augment import Changes
from catdog.data.datum import Example
from catdog.data.sources.base import Batch, Context, RecordSource
from catdog.data.transform import Draw, Picture, Transform, shape_text
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.runtime.parallel import cores
from catdog.spec.shape import Shape

#: Fields of forks, and the layers that apply them.
_FORKS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("resize_param", "distort_param", "expand_param", "emit_constraint"), ("AnnotatedData",)
    ),
    "noise_param": (),
    "scale_factors": ("ImageSegData",),
}


class PictureSource(RecordSource):
    """Records that are a picture and a label; tops are the pictures and, if wanted, the labels.

    The first record determines the number of labels, one or a vector of several, and the shape of
    the blob. Pictures of other sizes are cut to crop_size; without one, a batch must
    be of one size, and the blob changes its shape from batch to batch.
    """

    least_tops, most_tops = 1, 2
    transform: Transform
    #: Which fields of transform_param that forks have it applies, beside crops of two sides.
    fork_fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        self._check_fork_fields()
        self.transform = Transform(layer, self.context.phase, self.context.locate)
        self._pool: ThreadPoolExecutor | None = None

    @abstractmethod
    def examples(self, indices: Sequence[int]) -> Sequence[Example]:
        """Pictures (channels x height x width) with their labels."""

    @abstractmethod
    def where(self, index: int) -> str:
        """The file or the LMDB and key of a record, for messages."""

    @property
    def shapes(self) -> dict[str, Shape]:
        first = self.examples([0])[0]
        picture = self.transform.shape(first.array.shape, self.where(0))
        labels = self.transform.label_shape(self.batch_size)
        if first.labels is not None:
            labels = (self.batch_size, len(first.labels))
        return dict(zip(self.tops, ((self.batch_size, *picture), labels), strict=False))

    @property
    def has_vectors(self) -> bool:
        """Whether each record has several labels."""
        return self.examples([0])[0].labels is not None

    def read(self, indices: Sequence[int], generator: torch.Generator, /) -> Batch:
        examples = self.described(indices)
        pictures = [example.array for example in examples]
        self._check(indices, examples)
        shapes = [picture.shape for picture in pictures]
        draw = self.transform.draw(shapes, generator)
        changes = self.transform.draw_changes(shapes, draw, generator)
        blobs = {self.tops[0]: self.gather(indices, pictures, draw)}
        if len(self.tops) > 1:
            blobs[self.tops[1]] = self._labels(indices, examples, changes)
        return Batch(blobs, draw, changes)

    def described(self, indices: Sequence[int]) -> Sequence[Example]:
        """As `examples`; of the pictures only shape and type matter where `gather` has its own."""
        return self.examples(indices)

    def gather(self, _indices: Sequence[int], pictures: Sequence[Picture], draw: Draw) -> Tensor:
        """The batch of these records as it goes to the device, where `finish` gets it."""
        return self.transform.gather(pictures, draw)

    def look_at(self, index: int, /) -> str:
        example = self.examples([index])[0]
        labels = () if example.labels is None else example.labels
        finite = example.array.dtype == np.uint8 or np.isfinite(example.array).all()
        return "" if finite and np.isfinite(labels).all() else self.where(index)

    def pool(self) -> ThreadPoolExecutor:
        """The threads that decode, started at the first use."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(cores(), f"decode {self.name}")
        return self._pool

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _check_fork_fields(self) -> None:
        for field, _ in self.layer.transform_param.ListFields():
            if field.name in _FORKS and field.name not in self.fork_fields:
                takes = " or ".join(_FORKS[field.name])
                raise self.error(
                    f"does not apply {field.name}",
                    field=field.name,
                    remedy=f"{takes} does" if takes else "leave it out",
                )

    def _labels(
        self, indices: Sequence[int], examples: Sequence[Example], changes: Changes | None
    ) -> torch.Tensor:
        """N labels, or N x L where each record has several."""
        vectors = [example.labels for example in examples]
        wanted = 0 if vectors[0] is None else len(vectors[0])
        for index, vector in zip(indices, vectors, strict=True):
            found = 0 if vector is None else len(vector)
            if found != wanted:
                raise DataError(
                    f"has {found or 'one'} of the labels of a vector, {self.where(indices[0])} "
                    f"has {wanted or 'one'}",
                    where=self.where(index),
                    remedy="build the data with as many labels for each",
                )
        if not wanted:
            return self.transform.labels([example.label for example in examples], changes)
        rows = torch.from_numpy(np.stack([vector for vector in vectors if vector is not None]))
        return self.transform.label_vectors(rows, changes)

    def _check(self, indices: Sequence[int], examples: Sequence[Example]) -> None:
        """Raise DataError unless the pictures fit the transformation, and each other if cropped."""
        kinds: dict[tuple[Shape, object], int] = {}
        for index, example in zip(indices, examples, strict=True):
            kinds.setdefault((example.array.shape, example.array.dtype), index)
        cut = {
            (self._gathered(shape, self.where(index)), dtype): (shape, index)
            for (shape, dtype), index in kinds.items()
        }
        if len(cut) > 1:
            (shape, index), (other, at) = list(cut.values())[:2]
            remedy = "build the data with one size and kind, set crop_size, or batch_size: 1"
            if self.transform.keeps_whole:
                remedy = "build the data with one size: augment_param turns whole pictures"
            raise DataError(
                f'layer "{self.name}": pictures of {shape_text(shape)} and of {shape_text(other)} '
                f"({self.where(index)}) in one batch",
                where=self.where(at),
                remedy=remedy,
            )

    def _gathered(self, shape: Shape, where: str) -> Shape:
        """What becomes of a picture in `gather`, once it is known to fit."""
        cut = self.transform.shape(shape, where)
        return shape if self.transform.keeps_whole else cut
