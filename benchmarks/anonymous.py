"""Anonymous memory: pages of a mapped LMDB are the system's, which takes them back at need."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_EVERY = 0.005
_ANONYMOUS = re.compile(r"^RssAnon:\s*(\d+) kB", re.MULTILINE)


class Watched(NamedTuple):
    """How many some work has seen, its seconds, and the KiB at its peak above its start."""

    seen: int
    seconds: float
    above: int


def watched(work: Callable[[], int]) -> Watched:
    """Do some work in this process; it returns how many it has seen."""
    start = peak = _anonymous()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(_EVERY):
            peak = max(peak, _anonymous())

    thread = threading.Thread(target=watch)
    thread.start()
    began = time.perf_counter()
    try:
        seen = work()
    finally:
        seconds = time.perf_counter() - began
        done.set()
        thread.join()
    return Watched(seen, seconds, max(0, max(peak, _anonymous()) - start))


def _anonymous() -> int:
    found = _ANONYMOUS.search(Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0
