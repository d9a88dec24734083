"""Photos of many requests to batches: decoded in threads, computed by a worker for each device."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from catdog.data.images import Pixels, Readable, Unreadable
from catdog.errors import CatdogError
from catdog.runtime.parallel import ONE_THREAD_IN_OPENCV, cores
from catdog.serving.answer_rate import AnswerRate
from catdog.serving.refusal import Refusal

Rows = tuple[NDArray[np.float32], ...]
"""What each head of a net says of a photo."""

Compute = Callable[[Sequence[Pixels]], Sequence[NDArray[np.float32]]]
"""Of prepared photos to the numbers of each head, photos x numbers."""


class Watcher(Protocol):
    """What is told how long the parts of a photo's way take, in seconds."""

    def decoded(self, seconds: float) -> None:
        """A photo is decoded and prepared, or found to be none."""

    def computed(self, waits: Sequence[float], seconds: float) -> None:
        """A batch is computed; `waits` is what each of its photos has waited in queues."""


@dataclass(eq=False)
class Ticket:
    """The photos of a request, and what becomes of each, in their order.

    Args:
        photos: as they were sent.
        done: called once, in some thread, when all outcomes are there.
    """

    photos: Sequence[Readable]
    done: Callable[[], None]
    outcomes: list[Rows | CatdogError | None] = field(init=False)
    left: int = field(init=False)
    #: Nobody waits for it any more: what has not begun is not done.
    is_abandoned: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.outcomes = [None] * len(self.photos)
        self.left = len(self.photos)


class _Place:
    """A photo on its way."""

    __slots__ = ("index", "pixels", "since", "ticket", "waited")

    def __init__(self, ticket: Ticket, index: int, since: float) -> None:
        self.ticket, self.index, self.since = ticket, index, since
        self.waited = 0.0
        self.pixels: Pixels | None = None


class Batcher:
    """Takes photos as long as there is room, and answers them in batches.

    Args:
        read: prepares a photo; raises Unreadable for what is none. Called from several threads.
        computes: a worker for each; called from a thread of its own.
        batch: photos of a batch, at most.
        wait: seconds that a batch waits for photos that are being decoded.
        room: photos that are taken and not answered, at most.
        decoders: threads that decode; 0: one for each core.
        watcher: is told the times.
    """

    def __init__(
        self,
        read: Callable[[Readable], Pixels],
        computes: Sequence[Compute],
        watcher: Watcher,
        *,
        batch: int = 64,
        wait: float = 0.01,
        room: int = 512,
        decoders: int = 0,
    ) -> None:
        self._read, self._watcher = read, watcher
        self._batch, self._wait, self.room = batch, wait, room
        self.rate = AnswerRate()
        self._lock = Lock()
        #: Photos that are taken and not answered, and those of them that are not decoded yet.
        self.depth = self._coming = 0
        self._taken: SimpleQueue[_Place | None] = SimpleQueue()
        self._prepared: SimpleQueue[_Place | None] = SimpleQueue()
        count = decoders or cores()
        self._decoders = [Thread(target=self._decode, name="catdog-decode") for _ in range(count)]
        self._workers = [
            Thread(target=self._work, args=(each,), name="catdog-compute") for each in computes
        ]

    def __enter__(self) -> "Batcher":
        ONE_THREAD_IN_OPENCV.__enter__()
        for thread in (*self._decoders, *self._workers):
            thread.daemon = True
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads when all that was taken is done."""
        for queue, threads in ((self._taken, self._decoders), (self._prepared, self._workers)):
            for _thread in threads:
                queue.put(None)
            for thread in threads:
                thread.join()
        ONE_THREAD_IN_OPENCV.__exit__()

    @property
    def is_full(self) -> bool:
        """Whether not even one photo is taken."""
        return self.depth >= self.room

    def submit(self, ticket: Ticket) -> None:
        """Take the photos of a request, all or none: Refusal where there is no room for them."""
        count = len(ticket.photos)
        with self._lock:
            if self.depth + count > self.room:
                waiting = self.depth
            else:
                waiting = -1
                self.depth += count
                self._coming += count
        if waiting >= 0:
            raise Refusal(
                503,
                f"{waiting:,} photos wait already, of {self.room:,} at most",
                remedy="send it again after Retry-After",
                retry_after=self.rate.wait(waiting),
            )
        now = time.perf_counter()
        for index in range(count):
            self._taken.put(_Place(ticket, index, now))

    def _decode(self) -> None:
        while place := self._taken.get():
            began = time.perf_counter()
            place.waited += began - place.since
            self._prepare(place)
            place.since = time.perf_counter()
            self._watcher.decoded(place.since - began)

    def _prepare(self, place: _Place) -> None:
        outcome: CatdogError | None = None
        if not place.ticket.is_abandoned:
            try:
                place.pixels = self._read(place.ticket.photos[place.index])
            except Unreadable as error:
                outcome = error
            except Exception as error:  # whatever a photo does to a library, others go on
                outcome = CatdogError(f"cannot be read ({type(error).__name__})")
        with self._lock:
            self._coming -= 1
        if place.pixels is None:
            self._settle([(place, outcome)])
        else:
            self._prepared.put(place)

    def _gathered(self) -> list[_Place]:
        """The next batch; empty at the end."""
        place = self._prepared.get()
        if place is None:
            return []
        found = [place]
        until = time.perf_counter() + self._wait
        while len(found) < self._batch:
            try:
                place = self._prepared.get_nowait()
            except Empty:
                left = until - time.perf_counter()
                # nothing is waited for that nobody has sent
                if left <= 0 or not self._coming:
                    break
                try:
                    place = self._prepared.get(timeout=left)
                except Empty:
                    break
            if place is None:
                # it is for the next turn
                self._prepared.put(None)
                break
            found.append(place)
        return found

    def _work(self, compute: Compute) -> None:
        while gathered := self._gathered():
            places = [place for place in gathered if not place.ticket.is_abandoned]
            self._settle([(place, None) for place in gathered if place.ticket.is_abandoned])
            if not places:
                continue
            began = time.perf_counter()
            outcomes = _computed(compute, places)
            self.rate.add(len(places), began)
            waits = [place.waited + began - place.since for place in places]
            self._watcher.computed(waits, time.perf_counter() - began)
            self._settle(list(zip(places, outcomes, strict=True)))

    def _settle(self, found: Sequence[tuple[_Place, Rows | CatdogError | None]]) -> None:
        done: list[Ticket] = []
        with self._lock:
            self.depth -= len(found)
            for place, outcome in found:
                ticket = place.ticket
                ticket.outcomes[place.index] = outcome
                ticket.left -= 1
                if not ticket.left:
                    done.append(ticket)
        for ticket in done:
            ticket.done()


def _computed(compute: Compute, places: Sequence[_Place]) -> list[Rows | CatdogError]:
    """Of each photo its rows; where a batch fails, of each photo alone, so that one spoils none."""
    pixels = [place.pixels for place in places if place.pixels is not None]
    try:
        heads = compute(pixels)
        return [tuple(head[at] for head in heads) for at in range(len(pixels))]
    except Exception as error:
        if len(places) > 1:
            return [_computed(compute, [place])[0] for place in places]
        if isinstance(error, CatdogError):
            return [error]
        return [CatdogError(f"cannot be computed ({type(error).__name__})")]
