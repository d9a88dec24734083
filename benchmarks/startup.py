"""From the command to the first iteration, the first prediction, the help."""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.comparison import Comparison, Side
from benchmarks.workplace import ROOT, Workplace
from catdog.data.build.photo_files import photos_in


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


def _one_photo(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    photo = photos_in(place.photos)[0]
    tool, weights = ROOT / "tools/predict.py", place.caffenet
    words: list[str | Path] = [tool, photo, "--weights", weights, "--device", "cpu"]
    return _whole(words), _whole(["-c", "import torch"])


def _help(_: Workplace, __: ExitStack) -> tuple[Side, Side]:
    return _whole(["-c", "from catdog.cli.main import main; main()", "--help"]), _whole(
        ["-c", "pass"]
    )


def _whole(words: Sequence[str | Path]) -> Side:
    """The seconds of a Python process."""

    def run() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        return time.perf_counter() - began

    return run


_TORCH = "importing torch alone"
CASES = (
    Comparison("command to first iteration", _TORCH, "s", 1 / 1.25, _first_iteration),
    Comparison("one photo predicted with caffenet", _TORCH, "s", 1 / 1.5, _one_photo),
    Comparison("catdog --help", "an empty program", "s", None, _help),
)
