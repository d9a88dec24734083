"""A batch in shares that are computed side by side, each with threads of torch's of its own.

Where all threads of torch's work on one small operation, each operation waits for the thread that
another program has put off. Shares do not wait for each other before they are done, and there are
more of them than cores, so that a core that is taken costs its part and no more.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch
from torch import Tensor

Made = TypeVar("Made")

#: Shares for each core, as far as each has so many examples: smaller ones read weights for little.
SHARES, LEAST = 2, 16


def side_by_side(work: Callable[[Tensor], Made], batch: Tensor) -> list[Made]:
    """What `work` makes of the shares of a batch, in their order; of the whole on one core.

    The work must be safe to do from threads at the same time. What it raises is raised when no
    share is at work any more.
    """
    threads = torch.get_num_threads()
    count = min(SHARES * threads, len(batch) // LEAST)
    if threads < 2 or count < 2:
        return [work(batch)]
    waiting = [_pool(count, threads).submit(work, part) for part in batch.tensor_split(count)]
    wait(waiting)
    return [each.result() for each in waiting]


@cache
def _pool(count: int, threads: int) -> ThreadPoolExecutor:
    """So many threads, among which the cores are divided."""
    pool = ThreadPoolExecutor(count, "catdog-side-by-side")
    begun = Barrier(count)

    def begin(_: int) -> None:
        # a thread takes the process's number at its first question, over what was set before
        torch.get_num_threads()
        torch.set_num_threads(max(1, threads // count))
        begun.wait()

    list(pool.map(begin, range(count)))
    # it is also the number for threads that come later
    torch.set_num_threads(threads)
    return pool


# a process that is forked has none of these threads
os.register_at_fork(after_in_child=_pool.cache_clear)
