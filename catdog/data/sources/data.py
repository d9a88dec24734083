"""Data: pictures from an LMDB (caffe/layers/data_layer.cpp)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.datum import Example, label_of, parse_datum, read_example
from catdog.data.lmdb_store import BUILT
from catdog.data.preprocessing import dataset_of, per_class
from catdog.data.shards import open_records
from catdog.data.sources.base import Batch, Context, Order, Source, batch_size_of
from catdog.data.sources.index_file import read_index
from catdog.data.sources.picture_source import PictureSource
from catdog.data.sources.resident import Resident
from catdog.data.transform import Draw, Picture
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import TRAIN, DataParameter, Datum, LayerParameter
from catdog.runtime.columns import Chained, Picked


class Data(PictureSource):
    """The Datums of LMDBs in the order of their keys; data_param has the fields.

    `source` names an LMDB, or shards (`store_names.py`), which are read one after the other.
    `backend` may be LEVELDB, Caffe's default, where the folder holds an LMDB. Of several
    processes each takes every world-th record, as Caffe's do; with `divide: SHARDS` each trains on
    shards of its own, and a pass ends for all of them after as many records as there are in all.
    With an `index_file` the records are those that it names, in its order.
    """

    messages: ClassVar[tuple[str, ...]] = ("data_param", "transform_param")

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        self.param = layer.data_param
        self.batch_size = batch_size_of(self, self.param.batch_size)
        if not self.param.source:
            raise self.error("needs a source, the folder of an LMDB", field="source")
        self.reader = open_records(self.context.locate(self.param.source))
        self._places = self._chosen()
        self._own = self._own_places()
        self._kept: dict[int, Example] | None = (
            {} if self.param.cache == DataParameter.MEMORY else None
        )
        self._resident: Resident | None = None
        self._loading = Lock()
        self._encoded = self.datum(self.reader.first()).encoded
        self._check_color()
        self.shuffle = self.param.shuffle
        self.skip(self.param.rand_skip)

    @property
    def size(self) -> int:
        return len(self._places)

    def stored(self) -> tuple[str, Sequence[int]]:
        return str(self.reader.path), self._places

    def label_counts(self, _top: str) -> Mapping[int, int] | None:
        """As the record beside the LMDB says, if it is of as many pictures."""
        dataset = dataset_of(self.layer, self.context.locate)
        if dataset is None or self.param.index_file or self.examples([0])[0].labels is not None:
            return None
        usual = BUILT[0] if self.context.phase == TRAIN else BUILT[1]
        for part in (self.reader.path.name, usual, *BUILT):
            numbers = per_class(dataset, part)
            if sum(numbers) == self.size:
                return dict(enumerate(numbers))
        return None

    def all_labels(self, _top: str) -> NDArray[np.float32] | None:
        values = (self.reader.get(place) for place in self._places)
        if self.has_vectors:
            return np.array([parse_datum(value).labels for value in values], np.float32)
        return np.array([label_of(value) or 0 for value in values], np.float32)

    def where(self, index: int) -> str:
        key = self.reader.keys[self._places[index]].decode(errors="replace")
        return f'{self.reader.path} key "{key}"'

    def examples(self, indices: Sequence[int]) -> Sequence[Example]:
        if self._kept is None:
            return self._read(indices)
        fresh = [index for index in dict.fromkeys(indices) if index not in self._kept]
        if fresh:
            self._kept.update(zip(fresh, self._read(fresh), strict=True))
        return [self._kept[index] for index in indices]

    def described(self, indices: Sequence[int]) -> Sequence[Example]:
        resident = self.resident()
        return [resident.examples[i] for i in indices] if resident else self.examples(indices)

    def gather(self, indices: Sequence[int], pictures: Sequence[Picture], draw: Draw) -> Tensor:
        if self.resident():
            return torch.tensor(indices)
        return super().gather(indices, pictures, draw)

    def finish(self, batch: Batch) -> dict[str, Tensor]:
        resident, data = self.resident(), self.tops[0]
        if resident and batch.draw is not None:
            pictures = resident.gather(batch.blobs[data], batch.draw, self.transform)
            batch = replace(batch, blobs={**batch.blobs, data: pictures})
        return super().finish(batch)

    def resident(self) -> Resident | None:
        """The pictures on the device, read when first asked for; None without cache: DEVICE."""
        if self.param.cache != DataParameter.DEVICE:
            return None
        # a pass and the batches between may both come first
        with self._loading:
            if self._resident is None:
                self._resident = Resident(self.examples, self.size, str(self.reader.path))
        return self._resident

    def close(self) -> None:
        super().close()
        self.reader.close()

    def order(self, epoch: int) -> Order:
        if self._own is None:
            return super().order(epoch)
        if not self.shuffle:
            return self._own
        drawn = self.permutation(len(self._own), epoch, self.context.rank)
        return Picked(self._own, drawn)

    def taken(self, start: int) -> Iterator[tuple[int, int]]:
        if self._own is None:
            return super().taken(start)
        world = self._share()[1]
        return self.passed(start, (start // world + self.batch_size) * world)

    def passed(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        if self._own is None:
            return super().passed(start, end)
        # of as many records as there are processes one is this one's
        world, count = self._share()[1], len(self._own)
        return (divmod(record, count) for record in range(start // world, end // world))

    def _own_places(self) -> Chained | None:
        """The records of this process's shards; None where it takes its part of all records."""
        rank, world = self._share()
        if world == 1 or self.param.divide != DataParameter.SHARDS:
            return None
        shards = len(self.reader.stores)
        trouble = ""
        if self.param.index_file:
            trouble = "gives each process shards, an index_file gives it records of any"
        elif shards < world:
            trouble = f"needs a shard for each of {world} processes, this store has {shards}"
        if trouble:
            self.reader.close()
            raise self.error(f"divide: SHARDS {trouble}", field="divide", remedy="leave it out")
        return Chained([self.reader.places_of(shard) for shard in range(rank, shards, world)])

    def _chosen(self) -> Sequence[int]:
        count, name = len(self.reader), self.param.index_file
        if not name:
            return range(count)
        try:
            return read_index(self.context.locate(name), count)
        except DataError:
            self.reader.close()
            raise

    def _read(self, indices: Sequence[int]) -> list[Example]:
        values = self.reader.get_many(self._places[index] for index in indices)
        decode = self.pool().map if self._encoded and len(values) > 1 else map
        return list(decode(self._decode, indices, values))

    def _decode(self, index: int, value: bytes) -> Example:
        try:
            return self.example(value)
        except DataError as error:
            raise DataError(error.what, where=self.where(index), remedy=error.remedy) from error

    def datum(self, value: bytes) -> Datum:
        """The picture in a stored value."""
        return parse_datum(value)

    def example(self, value: bytes) -> Example:
        """The picture in a stored value, decoded, and what is stored with it."""
        return read_example(value, color=self.color)

    @property
    def color(self) -> bool | None:
        """Whether encoded pictures are decoded to colour, to grey, or as they are."""
        if self.transform.param.force_gray:
            return False
        return self.transform.param.force_color or self.param.force_encoded_color or None

    def _check_color(self) -> None:
        """Raise DataError where raw data lack the channels asked for: only encoded ones convert."""
        if self.color is None or self._encoded:
            return
        channels, wanted = self.examples([0])[0].array.shape[0], 3 if self.color else 1
        if channels != wanted:
            field = "force_color" if self.color else "force_gray"
            raise self.error(
                f"{field} converts encoded pictures, these are stored raw with {channels} "
                "channel(s)",
                field=field,
                remedy="leave it out, or build the LMDB in that form",
            )


TABLE: dict[str, type[Source]] = {"Data": Data}
