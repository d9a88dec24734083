"""A data layer outside the net: a source of batches with a position that can be restored."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.augment import Changes
from catdog.data.keyed_order import MOST_DRAWN, KeyedOrder
from catdog.data.transform import Draw, Transform
from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, Phase, SourceState
from catdog.runtime import text_file
from catdog.runtime.distributed.group import WHOLE, Part
from catdog.spec.shape import Shape

Order = Sequence[int]


@dataclass(frozen=True)
class Context:
    """What a source is opened in, beside its own parameters.

    `rank` of `world` processes takes every world-th record, in the TRAIN phase only. `locate`
    finds the file that a spec names.
    """

    phase: Phase = TRAIN
    seed: int = 0
    rank: int = 0
    world: int = 1
    locate: Callable[[str], Path] = Path


@dataclass(frozen=True)
class Batch:
    """Blobs on the host by name; `draw` and `changes` are what the transformation of the first
    will do.
    """

    blobs: dict[str, Tensor] = field(default_factory=dict)
    draw: Draw | None = None
    changes: Changes | None = None


class Source(ABC):
    """A data layer of Caffe.

    There is no running random state: random numbers follow from the seed, the layer's name and
    the position in the data, so that `state()` is small and a resume exact.

    Raises LayerError for fields that cannot work, DataError for the data.
    """

    #: The fewest and most tops; no most means any number.
    least_tops: ClassVar[int] = 1
    most_tops: ClassVar[int | None] = None
    #: The messages of LayerParameter that it reads, that of its type first; a transform_param that
    #: is not among them is refused.
    messages: ClassVar[tuple[str, ...]] = ()
    transform: Transform | None = None

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        context = context or Context()
        # a layer may have a phase of its own
        self.context = replace(context, phase=layer.phase) if layer.HasField("phase") else context
        self.layer = layer
        self.name, self.tops = layer.name, tuple(layer.top)
        self.seed = self.context.seed % 2**64
        self.position = self.epoch = 0
        #: Batches that a feed prepares ahead.
        self.prefetch = layer.data_param.prefetch
        self._check_ends()

    @classmethod
    def data_message(cls, layer: LayerParameter) -> Any:
        """The message of a layer that names its source and has its batch_size, where it has any."""
        return getattr(layer, cls.messages[0])

    @classmethod
    def assumed_size(cls, _layer: LayerParameter, /) -> tuple[int, int] | None:
        """Height and width of its pictures where its fields say them without the data."""
        return None

    @classmethod
    def tops_beside(cls, _layer: LayerParameter, _first: Shape, /) -> dict[str, Shape]:
        """Shapes of the other tops as they follow from that of the first; none where each has a
        number, or as many as the data say, for each example."""
        return {}

    @classmethod
    def caption(cls, layer: LayerParameter) -> str:
        """The numbers of such a layer that a drawing shows."""
        batch_size = getattr(cls.data_message(layer), "batch_size", 0)
        return f"batch {batch_size}" if batch_size else ""

    @classmethod
    def remark(cls, _layer: LayerParameter, /) -> str:
        """What to tell of such a layer before it runs, or nothing."""
        return ""

    @property
    @abstractmethod
    def shapes(self) -> dict[str, Shape]:
        """Shapes of the tops of a full batch, after the transformation."""

    @property
    def size(self) -> int | None:
        """Examples in one pass; None for a source without end."""
        return None

    def label_counts(self, _top: str, /) -> Mapping[int, int] | None:
        """How many examples have each label, where that is known without reading all of them."""
        return None

    def all_labels(self, _top: str, /) -> NDArray[np.float32] | None:
        """The labels of all examples, N or N x L, where they can be read without the pictures."""
        return None

    @abstractmethod
    def next(self) -> Batch:
        """The next batch on the host, not yet transformed; the cursor moves on and wraps."""

    @property
    def turn(self) -> int:
        """The number of the next batch."""
        return self.position

    def pass_over(self) -> None:
        """Leave out the next batch: another process has it."""
        self.next()

    def one_pass(self, _part: Part = WHOLE, /) -> Iterator[Batch]:
        """Every example once, from the first, the last batch smaller; the cursor stays.

        Of several processes each gets its part of the batches, and all equally many: some may have
        no blobs. Raises DataError for a source without end.
        """
        raise DataError(
            f'layer "{self.name}" ({self.layer.type}) has no end, so there is no one pass over it',
            remedy="give test_iter in the solver",
        )

    def finish(self, batch: Batch) -> dict[str, Tensor]:
        """The blobs of a batch as the net gets them, on the device that they are on."""
        if self.transform is None or batch.draw is None:
            return batch.blobs
        data = self.tops[0]
        numbers = self.transform.apply(batch.blobs[data], batch.draw, batch.changes)
        return {**batch.blobs, data: numbers}

    def state(self) -> SourceState:
        """Where the source stands: what the next batch follows from."""
        return SourceState(
            layer=self.name, position=self.position, epoch=self.epoch, seed=self.seed
        )

    def load_state(self, state: SourceState) -> None:
        """Go on where `state()` was taken. Raises DataError when the data are shorter now."""
        if self.size and state.position >= self.size:
            raise DataError(
                f'layer "{self.name}": the snapshot stands at record {state.position} of a pass, '
                f"the data have {self.size}",
                remedy="resume with the data of the snapshot, or start with --weights",
            )
        self.position, self.epoch = state.position, state.epoch
        self.seed = state.seed

    def not_finite(self, _state: SourceState, _batches: int, /) -> str:
        """Where the first record with a number that is none stands, of the last batches before a
        state; empty where all are finite, or nobody can tell."""
        return ""

    def close(self) -> None:  # noqa: B027 - most sources hold nothing
        """Let go of files and threads."""

    def generator(self, *key: object) -> torch.Generator:
        """A generator of the CPU that follows from the seed, this layer's name and a key."""
        text = repr((self.seed, self.name, *key)).encode()
        number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
        return torch.Generator().manual_seed(number)

    def error(self, what: str, *, field: str = "", remedy: str = "") -> LayerError:
        """A LayerError that names this layer: `raise self.error(...)`."""
        return LayerError(
            f"({self.layer.type}) {what}", layer=self.name, field=field, remedy=remedy
        )

    def _check_ends(self) -> None:
        if self.layer.bottom:
            raise self.error("is a data layer and takes no bottom", field="bottom")
        most, number = self.most_tops, len(self.tops)
        if number < self.least_tops or (most is not None and number > most):
            wanted = (
                f"{self.least_tops}" if most == self.least_tops else f"{self.least_tops} to {most}"
            )
            wanted = f"{self.least_tops} or more" if most is None else wanted
            raise self.error(f"has {number} top(s), takes {wanted}", field="top")
        if self.layer.HasField("transform_param") and "transform_param" not in self.messages:
            raise self.error(
                "has a transform_param, which this type does not apply",
                field="transform_param",
                remedy="leave it out and prepare the numbers before, or use a Data layer",
            )


class RecordSource(Source):
    """A source over a known number of records, read by their index."""

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        self.batch_size = 0
        self.shuffle = False
        self._orders: dict[int, Order] = {}

    @property
    @abstractmethod
    def size(self) -> int:
        """Records in one pass."""

    @abstractmethod
    def read(self, indices: Sequence[int], generator: torch.Generator, /) -> Batch:
        """These records as a batch; what is drawn comes from the generator."""

    def stored(self) -> tuple[str, Sequence[int]]:
        """The store that its records lie in, or no name, and the place of each there."""
        return "", ()

    def order(self, epoch: int) -> Order:
        """The records of a pass in the order in which `next` takes them."""
        return self.permutation(self.size, epoch) if self.shuffle else range(self.size)

    def next(self) -> Batch:
        start = self._records_before
        rank, _ = self._share()
        indices = [self._ordered(epoch, place) for epoch, place in self.taken(start)]
        batch = self.read(indices, self.generator("batch", start, rank))
        self.pass_over()
        return batch

    def taken(self, start: int) -> Iterator[tuple[int, int]]:
        """The passes and places of the records of this process's batch, where those of all
        processes begin with record `start`, counted through all passes."""
        rank, world = self._share()
        records = range(start + rank, start + self.batch_size * world, world)
        return (divmod(record, self.size) for record in records)

    def passed(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The passes and places of records that are counted through all passes."""
        return (divmod(record, self.size) for record in range(start, end))

    def pass_over(self) -> None:
        _, world = self._share()
        self.epoch, self.position = divmod(
            self._records_before + self.batch_size * world, self.size
        )

    @property
    def turn(self) -> int:
        return self._records_before // self.batch_size

    @property
    def _records_before(self) -> int:
        """Records before the next one, those of earlier passes too."""
        return self.epoch * self.size + self.position

    def one_pass(self, part: Part = WHOLE, /) -> Iterator[Batch]:
        for together in range(0, self.size, self.batch_size * part.world):
            start = together + self.batch_size * part.rank
            indices = range(start, min(start + self.batch_size, self.size))
            yield self.read(indices, self.generator("pass", start)) if indices else Batch()

    def skip(self, most: int) -> None:
        """Begin at a random record before number `most` (rand_skip), wrapping around."""
        if most:
            draw = torch.randint(most, (), generator=self.generator("skip"))
            self.epoch, self.position = 0, int(draw) % self.size

    def permutation(self, count: int, *key: object) -> Sequence[int]:
        """The numbers below `count` in an order that follows from the seed and a key."""
        generator = self.generator("order", *key)
        if count > MOST_DRAWN:
            return KeyedOrder(count, generator.initial_seed())
        # 4 bytes a record, a list would take 40; numbers of 8 bytes would come in the same order
        return torch.randperm(count, generator=generator, dtype=torch.int32).numpy().data

    def load_state(self, state: SourceState) -> None:
        super().load_state(state)
        self._orders.clear()

    def not_finite(self, state: SourceState, batches: int, /) -> str:
        end = state.epoch * self.size + state.position
        before = batches * self.batch_size * self._share()[1]
        # not by `_ordered`: a thread that reads ahead is at work with that
        orders: dict[int, Order] = {}
        for epoch, place in self.passed(max(0, end - before), end):
            if epoch not in orders:
                orders[epoch] = self.order(epoch)
            if found := self.look_at(orders[epoch][place]):
                return found
        return ""

    def look_at(self, _index: int, /) -> str:
        """Where a record stands, if one of its numbers is not finite."""
        return ""

    def _share(self) -> tuple[int, int]:
        # every process tests on all records, as Caffe's do
        return (0, 1) if self.context.phase == TEST else (self.context.rank, self.context.world)

    def _ordered(self, epoch: int, index: int) -> int:
        if epoch not in self._orders:
            self._orders = {e: o for e, o in self._orders.items() if e >= epoch - 1}
            self._orders[epoch] = self.order(epoch)
        return self._orders[epoch][index]


def batch_size_of(source: Source, value: int) -> int:
    """A batch_size of at least 1; LayerError otherwise."""
    if value < 1:
        raise source.error("needs a batch_size of at least 1", field="batch_size")
    return value


def read_text(path: Path, what: str, field: str = "source") -> str:
    """The text of the list file that a field names. Raises DataError where it cannot be read."""
    try:
        return text_file.read_text(path)
    except FileNotFoundError:
        raise DataError(f"no such {what}", where=str(path), remedy=f"check {field}") from None
    except IsADirectoryError:
        raise DataError(
            f"is a folder, not a {what}", where=str(path), remedy=f"check {field}"
        ) from None
    except UnicodeError:
        raise DataError(
            f"is no text, not a {what}", where=str(path), remedy=f"check {field}"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in its name
        raise DataError(str(getattr(error, "strerror", error)), where=str(path)) from None
