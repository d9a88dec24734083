"""A machine on which somebody else is at work."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from catdog.runtime.parallel import cores


@contextmanager
def half_of_the_cores_taken() -> Iterator[None]:
    """Processes that do nothing but count, one for each second core, until the end."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command) for _ in range(max(1, cores() // 2))]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def taken(side: Callable[[], float]) -> Callable[[], float]:
    """A side of a comparison while half of the cores are taken."""

    def run() -> float:
        with half_of_the_cores_taken():
            return side()

    return run
