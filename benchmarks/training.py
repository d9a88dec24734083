"""Training steps beside plain PyTorch, and with their data beside without."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec

import torch
from torch import Tensor

from benchmarks.comparison import Comparison, Missing, Side
from benchmarks.limits import DTYPES, step_rate
from benchmarks.workplace import Workplace
from catdog.proto.caffe_pb2 import FedData, SourceState
from catdog.solver.solver import Solver
from catdog.solver.test_pass import Batches
from catdog.training.options import Options, solver_spec
from catdog.training.solver_setup import open_solver

_SHARE = 0.85
"""Of the machine's limit."""

_CPU = torch.device("cpu")


class RepeatedBatch:
    """A feed of one batch, over and over."""

    def __init__(self, batch: dict[str, Tensor]) -> None:
        self._batch = batch

    def next(self) -> dict[str, Tensor]:
        return self._batch

    def one_pass(self) -> Iterator[dict[str, Tensor]]:
        yield self._batch

    def state(self) -> list[SourceState]:
        return []

    def load_state(self, states: Iterable[SourceState]) -> None:
        """There is nothing to go on from."""

    def reads(self) -> list[FedData]:
        return []


def opened(
    place: Workplace, stack: ExitStack, name: str, size: int, batch: int, *, amp: str = ""
) -> Solver:
    """The solver of a shipped net on the photos, as tools/train.py opens it, on the CPU."""
    options = Options(device=_CPU, amp=amp)
    spec = solver_spec(place.solver(name, size, batch), options)
    return open_solver(spec, options, stack)[0]


def stepping(solver: Solver, feed: Batches, batch: int, steps: int) -> Side:
    """Images a second of the solver's own loop on a feed."""

    def run() -> float:
        solver.feed = feed
        began = time.perf_counter()
        solver.step(steps)
        return steps * batch / (time.perf_counter() - began)

    return run


def looping(stack: ExitStack, peer: str, *words: object) -> Side:
    """Images a second of a loop of peers/, in a process of its own; the stack ends it."""
    command = [sys.executable, "-m", f"benchmarks.peers.{peer}", *map(str, words)]
    pipe = subprocess.PIPE
    process = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))

    def run() -> float:
        print(file=process.stdin, flush=True)
        assert process.stdout is not None  # it is a pipe
        return float(process.stdout.readline())

    return run


def _step(name: str, size: int, batch: int, steps: int, layout: str) -> Comparison:
    goals = {("caffenet", "NCHW"): 1.5, ("caffenet", "channels_last"): 1.25}

    def prepare(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
        solver = opened(place, stack, name, size, batch)
        resident = RepeatedBatch(dict(solver.feed.next()))
        theirs = looping(stack, "train_plain", name, layout, size, batch, steps)
        return stepping(solver, resident, batch, steps), theirs

    goal = goals.get((name, layout), 1.1)
    case = f"step of {name}, batch {batch}"
    peer = f"plain PyTorch, {layout}"
    return Comparison(case, peer, "images/s", goal, prepare, _limit(name, size, batch), _SHARE)


def _limit(name: str, size: int, batch: int, amp: str = "") -> Callable[[Workplace], float]:
    return lambda _: step_rate(name, size, batch, DTYPES[amp])


def _fed(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
    batch, steps = 64, 8
    solver = opened(place, stack, "caffenet", 227, batch)
    feed = solver.feed
    resident = RepeatedBatch(dict(feed.next()))
    return stepping(solver, feed, batch, steps), stepping(solver, resident, batch, steps)


def _with_data(name: str, size: int, batch: int, steps: int, amp: str, mode: str) -> Comparison:
    """Training with its data beside timm's way."""

    def prepare(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
        if find_spec("timm") is None:
            raise Missing("pip install timm")
        solver = opened(place, stack, name, size, batch, amp=amp)
        words = (name, place.by_class, size, batch, steps, amp or "float32", mode)
        theirs = looping(stack, "train_timm", *words)
        return stepping(solver, solver.feed, batch, steps), theirs

    case = f"training of {name} with its data, batch {batch}{', --amp bf16' if amp else ''}"
    peer = f"timm's loop, {amp or 'float32'}, {mode}"
    limit = _limit(name, size, batch, amp)
    return Comparison(case, peer, "images/s", 1.15, prepare, limit, _SHARE)


CASES = (
    _step("caffenet", 227, 64, 2, "NCHW"),
    _step("caffenet", 227, 64, 2, "channels_last"),
    _step("deep64", 64, 128, 4, "channels_last"),
    _with_data("caffenet", 227, 64, 4, "", "eager"),
    _with_data("caffenet", 227, 64, 4, "bf16", "eager"),
    _with_data("deep64", 64, 128, 4, "", "eager"),
    _with_data("deep64", 64, 128, 4, "bf16", "eager"),
    Comparison("training of caffenet with its data", "one resident batch", "images/s", 0.97, _fed),
)
