"""Ten thousand iterations, with tests, displays and snapshots, take no more memory or handles."""

import io
import os
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from catdog.solver.events import Event, Iterating
from catdog.training.options import Options
from catdog.training.train import train
from tests.tiny_solver import write_solver
from tests.torch_threads import torch_threads

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")

#: Bytes an iteration: what the log of the run has, which is kept in memory here, and some more.
MOST = 250
_ANONYMOUS = re.compile(r"^RssAnon:\s*(\d+) kB", re.MULTILINE)


@pytest.fixture(autouse=True)
def one_thread():
    """Threads for so small a net would only wait for each other."""
    with torch_threads(1):
        yield


def looks(folder: Path, iterations: int, every: int, leak=None) -> list[tuple[int, int, int]]:
    """The iteration, anonymous memory in bytes and open handles, again and again."""
    found = []

    def look(event: Event) -> None:
        if isinstance(event, Iterating):
            if leak:
                leak(event.iteration)
            if event.iteration % every == 0:
                held = _ANONYMOUS.search(Path("/proc/self/status").read_text())
                handles = sum(1 for _ in Path("/proc/self/fd").iterdir())
                found.append((event.iteration, 1024 * int(held[1]), handles))

    often = ["display=50", "test_interval=200", "snapshot=500", "snapshot_keep=2"]
    options = Options(overrides=[f"max_iter={iterations + 1}", *often])
    train(write_solver(folder), options, stream=io.StringIO(), listeners=[look])
    assert found[-1][0] == iterations
    return found


def pace(found: list[tuple[int, int, int]]) -> float:
    """Bytes an iteration: the median slope over pairs of looks."""
    return float(np.median([(b - a) / (j - i) for (i, a, _), (j, b, _) in combinations(found, 2)]))


def test_ten_thousand_iterations_do_not_grow(tmp_path):
    found = looks(tmp_path, 10_000, 1000)[2:]
    assert pace(found) < MOST
    assert len({handles for _, _, handles in found}) == 1


def test_a_leak_would_be_seen(tmp_path):
    held = []

    def leak(iteration: int) -> None:
        # some of it comes from what the process has free
        held.append(b"x" * (16 * MOST + iteration % 2))
        if iteration % 200 == 0:
            held.append(open(os.devnull))  # noqa: SIM115, PTH123

    try:
        found = looks(tmp_path, 2000, 200, leak)[2:]
    finally:
        for each in held:
            if not isinstance(each, bytes):
                each.close()
    assert pace(found) > 2 * MOST
    assert [handles - found[0][2] for _, _, handles in found] == list(range(len(found)))
