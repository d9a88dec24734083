"""Batches on the device: the sources of a net, read ahead by a thread."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor

from catdog.data.prefetch import Prefetcher
from catdog.data.sources import Batch, Source
from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import FedData, SourceState
from catdog.runtime.distributed.group import WHOLE, Part
from catdog.spec.shape import Shape

#: Stands for a batch that another process has.
ELSEWHERE: dict[str, Tensor] = {}


Round = tuple[list[Batch], list[SourceState]]


class Feed:
    """The batches of all data layers of a net, transformed, on the device.

    Batches are the same whatever the depth of the prefetch, which is the smallest that the
    sources ask for. Use it in a `with` block, or close it: it holds a thread.

    Of several processes each reads every world-th batch, its `part`, and gets ELSEWHERE for
    the others. (In training each has batches of its own instead: see `sources.Context`.)
    """

    def __init__(
        self,
        sources: Sequence[Source],
        device: torch.device | str = "cpu",
        part: Part = WHOLE,
    ) -> None:
        self.sources, self.device = tuple(sources), torch.device(device)
        self._copies: torch.cuda.Stream | None = None
        if self.device.type == "cuda":
            self._copies = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        self.part = part
        self.shapes: dict[str, Shape] = {}
        for source in self.sources:
            for top, shape in source.shapes.items():
                if top in self.shapes:
                    raise LayerError(f'the blob "{top}" has two makers', layer=source.name)
                self.shapes[top] = shape
        self._depth = min((source.prefetch for source in self.sources), default=0)
        self._ahead: Prefetcher[Round] | None = None
        #: Seconds that `next` has waited for what the sources read.
        self.waited = 0.0
        self._delivered = [source.state() for source in self.sources]

    @property
    def size(self) -> int | None:
        """Examples in one pass over the sources; None where one has no end."""
        sizes = {source.size for source in self.sources}
        return sizes.pop() if len(sizes) == 1 else None

    def next(self) -> dict[str, Tensor]:
        """The next batch of every source."""
        began = time.monotonic()
        batches, self._delivered = self._next_round()
        self.waited += time.monotonic() - began
        return self._deliver(batches)

    def _next_round(self) -> Round:
        if not self._depth:
            return self._round()
        if self._ahead is None:
            self._ahead = Prefetcher(self._rounds(), self._depth)
        return next(self._ahead)

    def one_pass(self, *, whole: bool = False) -> Iterator[dict[str, Tensor]]:
        """Every example once, from the first, the last batch smaller; `next` goes on undisturbed.

        Of several processes each gets its part, unless it wants the `whole`. Raises as
        `check_one_pass`.
        """
        check_one_pass(self.sources)
        return self._pass(WHOLE if whole else self.part)

    def state(self) -> list[SourceState]:
        """Where the sources stand after the last batch that `next` gave."""
        return list(self._delivered)

    def reads(self) -> list[FedData]:
        """What each data layer reads, how many examples at once and in all."""
        return [_data(source) for source in self.sources]

    def not_finite(self, batches: int) -> str:
        """The store and the key, or the file and the row, of the first record with a number that
        is none among so many batches up to the last one that `next` gave; else nothing."""
        for source, state in zip(self.sources, self._delivered, strict=True):
            with suppress(DataError):
                if found := source.not_finite(state, batches):
                    return found
        return ""

    def load_state(self, states: Iterable[SourceState]) -> None:
        """Go on from a state; a source whose layer has none there stays where it is.

        Raises DataError when a state does not fit its data.
        """
        self._stop()
        named = {state.layer: state for state in states}
        for source, delivered in zip(self.sources, self._delivered, strict=True):
            source.load_state(named.get(source.name, delivered))
        self._delivered = [source.state() for source in self.sources]

    def close(self) -> None:
        """End the threads and let go of the files; a second call does nothing."""
        self._stop()
        for source in self.sources:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _stop(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _pass(self, part: Part) -> Iterator[dict[str, Tensor]]:
        passes = zip(*(source.one_pass(part) for source in self.sources), strict=True)
        rounds = ([self._sent(batch) for batch in batches] for batches in passes)
        if not self._depth:
            yield from map(self._deliver, rounds)
            return
        with closing(Prefetcher(rounds, self._depth)) as ahead:
            yield from map(self._deliver, ahead)

    def _rounds(self) -> Iterator[Round]:
        while True:
            yield self._round()

    def _round(self) -> Round:
        if self._is_mine():
            batches = [self._sent(source.next()) for source in self.sources]
        else:
            batches = [Batch() for _ in self.sources]
            for source in self.sources:
                source.pass_over()
        return batches, [source.state() for source in self.sources]

    def _is_mine(self) -> bool:
        if self.part.world == 1 or not self.sources:
            return True
        return self.sources[0].turn % self.part.world == self.part.rank

    def _sent(self, batch: Batch) -> Batch:
        """A batch on its way to a GPU, in a stream of its own beside what the net computes."""
        if self._copies is None:
            return batch
        with torch.cuda.stream(self._copies):
            return _each(batch, lambda b: b.pin_memory().to(self.device, non_blocking=True))

    def _arrived(self, batch: Batch) -> Batch:
        """The batch on the device, there for the stream that the net computes in."""
        if self._copies is None:
            return _each(batch, lambda blob: blob.to(self.device))
        computing = torch.cuda.current_stream(self.device)
        computing.wait_stream(self._copies)
        for blob in batch.blobs.values():
            blob.record_stream(computing)
        return batch

    def _deliver(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        if self.sources and not any(batch.blobs for batch in batches):
            return ELSEWHERE
        blobs: dict[str, Tensor] = {}
        for source, batch in zip(self.sources, batches, strict=True):
            blobs.update(source.finish(self._arrived(batch)))
        return blobs


def check_one_pass(sources: Sequence[Source]) -> None:
    """Raise DataError where a source has no end or the sources are not equally long."""
    for source in sources:
        if source.size is None:
            source.one_pass()
    kinds = {source.name: (source.size, _batch_size(source)) for source in sources}
    if len(set(kinds.values())) > 1:
        found = ", ".join(f'"{name}" {size} by {batch}' for name, (size, batch) in kinds.items())
        raise DataError(
            f"the data layers differ in their examples or batch_size ({found})",
            remedy="give test_iter in the solver",
        )


def _batch_size(source: Source) -> int:
    return source.shapes[source.tops[0]][0]


def _data(source: Source) -> FedData:
    param = getattr(source.layer, source.messages[0], None) if source.messages else None
    named = getattr(param, "source", "")
    return FedData(
        layer=source.name, source=named, batch_size=_batch_size(source), size=source.size
    )


def _each(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    return replace(batch, blobs={name: change(blob) for name, blob in batch.blobs.items()})
