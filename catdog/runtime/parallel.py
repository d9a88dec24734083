"""Work for all cores, with results in order and a bound on what is in memory."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import islice
from threading import RLock
from typing import TypeVar

import cv2

In = TypeVar("In")
Out = TypeVar("Out")

_AHEAD = 2
"""Chunks that wait for each worker, so that none is idle while results are taken."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    work: Callable[[In], Out], items: Iterable[In], *, workers: int = 0, chunk: int = 8
) -> Generator[Out, None, None]:
    """`map(work, items)` on threads (0: one for each core), a chunk of items at a time.

    At most `workers * (2 + 1) * chunk` results are held. For work that releases the interpreter's
    lock, as OpenCV does. When the caller stops early, what has not begun is cancelled.
    """
    workers = workers or cores()
    chunks = _chunks(iter(items), chunk)
    with ONE_THREAD_IN_OPENCV, ThreadPoolExecutor(workers, "catdog-work") as pool:
        waiting: deque[Future[list[Out]]] = deque()
        try:
            for part in islice(chunks, workers * (1 + _AHEAD)):
                waiting.append(pool.submit(_all, work, part))
            while waiting:
                results = waiting.popleft().result()
                for part in islice(chunks, 1):
                    waiting.append(pool.submit(_all, work, part))
                yield from results
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def share(work: Callable[[slice], None], count: int, *, threads: int, least: int) -> None:
    """Do `work` for the slices of so many items, on threads that each get at least so many.

    For work that releases the interpreter's lock; the threads stay for the next call.
    """
    parts = min(threads, cores(), count // least)
    if parts < 2:
        work(slice(0, count))
        return
    bounds = [count * part // parts for part in range(parts + 1)]
    for _ in _sharing().map(work, map(slice, bounds, bounds[1:])):
        pass


@cache
def _sharing() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), "catdog-share")


# a process that is forked has none of these threads, and would wait for them for ever
os.register_at_fork(after_in_child=_sharing.cache_clear)


def _all(work: Callable[[In], Out], items: Iterable[In]) -> list[Out]:
    return [work(item) for item in items]


def _chunks(items: Iterator[In], size: int) -> Iterator[list[In]]:
    while chunk := list(islice(items, size)):
        yield chunk


class _OneThreadInOpenCV:
    """OpenCV's own threads would only fight with ours for the same cores.

    They come back when the last of those who work at the same time is done.
    """

    def __init__(self) -> None:
        # a generator that nobody holds any more may be closed while its thread is in here
        self._lock = RLock()
        self._users = self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                cv2.setNumThreads(self._before)


ONE_THREAD_IN_OPENCV = _OneThreadInOpenCV()
