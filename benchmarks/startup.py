"""From the command to the first iteration."""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.comparison import Comparison, Side
from benchmarks.workplace import ROOT, Workplace


def _first_iteration(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    solver = place.solver("small64", 64, 8)
    train: list[str | Path] = [sys.executable, ROOT / "tools/train.py", "--solver", solver]
    options = ["--device", "cpu", "--set", "max_iter=1", "--set", "display=1"]

    def ours() -> float:
        return _seconds_to([*train, *options], "Iteration 0 ")

    def theirs() -> float:
        code = "import sys, torch; print('here', file=sys.stderr)"
        return _seconds_to([sys.executable, "-c", code], "here")

    return ours, theirs


def _seconds_to(command: Sequence[str | Path], word: str) -> float:
    """From the start of a command to the first of its lines on stderr with this word."""
    began = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = [(line, time.perf_counter() - began) for line in process.stderr or ()]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, str(command[1]))
    return next(seconds for line, seconds in lines if word in line)


CASES = (
    Comparison("command to first iteration", "importing torch alone", "s", 1 / 3, _first_iteration),
)
