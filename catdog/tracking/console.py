"""What a training tells people on a terminal: a row for each display and each test."""

import os
import time
from collections.abc import Callable, Iterator
from math import isnan
from typing import TextIO

from tqdm import tqdm

from catdog.net.net import Net
from catdog.runtime.streams import silence
from catdog.solver.events import (
    Cached,
    DebugInfo,
    Display,
    Done,
    Event,
    FinalLoss,
    Finetuning,
    Identified,
    Interrupted,
    Missing,
    NetTested,
    NetTesting,
    NetTestInterrupted,
    Noted,
    NotSaved,
    Output,
    Preparing,
    Reached,
    Resuming,
    Snapshotted,
    Starting,
    Stopped,
    Tracked,
    Warned,
)
from catdog.solver.monitored_score import BestScore, score_of_run
from catdog.solver.solver import Solver
from catdog.tracking.console_table import ConsoleTable, NumberColumn, Paint, share, short
from catdog.tracking.log_writer import Lines, lines, start_table
from catdog.tracking.run_file import named
from catdog.tracking.schedule import Schedule
from catdog.tracking.throughput import Pace

#: How the lines of a training may read on a terminal.
LOGS = ("people", "caffe")
_TRAIN_LOSS = "train loss"
#: The ranks of columns: those with the highest are left out first.
_RANKS = {"iteration": 0, _TRAIN_LOSS: 2, "left": 5, "lr": 6, "epoch": 7, "images/s": 8}
_SCORE, _TRAIN_SCORE, _TEST_LOSS, _MORE = 1, 3, 4, 10
_WIDTHS = {"images/s": 8, "left": 7, "lr": 8, "epoch": 5}


class Console:
    """A listener that writes rows of numbers to a terminal, and a line for all else.

    Caffe's own lines are in the log. A row of a test has the accuracy of the training batches
    since the test before. An error is told by whoever ends with it.

    Args:
        stream: the terminal, or what keeps lines above its bar.
        width: gives the width of the terminal.
        clock: gives seconds.
        failed: hears of a terminal that is gone, which ends no training.
    """

    def __init__(
        self,
        stream: Lines,
        width: Callable[[], int | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        failed: Callable[[str, OSError, bool], object] = lambda *_: None,
    ) -> None:
        self._stream: Lines | None = stream
        self._width, self._clock, self._failed = width, clock, failed
        self._paint = Paint()
        self._table = ConsoleTable((), width)
        self._pace: Pace | None = None
        self._test: dict[str, str] = {}
        self._best: BestScore | None = None
        self._resumed: Reached | None = None

    def begin(self, solver: Solver, schedule: Schedule) -> None:
        """Follow a solver that is built, and restored where it is resumed."""
        self._solver, self._schedule = solver, schedule
        self._pace = Pace(schedule, self._clock)
        score = score_of_run(solver.param, [test.net.message for test in solver.tests])
        self._best = BestScore(score) if score else None
        if self._best and (before := self._resumed):
            self._best.state.best, self._best.state.iteration = before.value, before.iteration
        columns = columns_of(dict(_test_scores(solver)), _train_scores(solver), schedule)
        self._table = ConsoleTable(columns, self._width, self._paint)

    def __call__(self, event: Event) -> None:
        """Write what there is to say of an event."""
        if self._pace:
            self._pace(event)
        for line in self._lines(event):
            self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            stream, self._stream = self._stream, None
            silence(stream)
            self._failed("the lines on the terminal", error, False)

    def _lines(self, event: Event) -> Iterator[str]:
        match event:
            case Display() | FinalLoss():
                yield from self._table.row(self._numbers(event))
            case NetTesting(iteration, net=0):
                self._test = self._at(iteration)
                loss = self._solver.recent_loss
                self._test |= {} if isnan(loss) else {_TRAIN_LOSS: short(loss)}
            case NetTested():
                yield from self._tested(event)
            case Warned() | NotSaved() | Missing():
                yield from (self._paint.warning(f"warning: {text}") for _, _, text in lines(event))
            case Snapshotted(model=model):
                yield self._paint.faint(f"snapshot: {model}")
            case Resuming(path, iteration, best=best):
                self._resumed = best
                yield f"Going on from {path}, iteration {iteration}"
            case _:
                yield from _plain(event)

    def _at(self, iteration: int) -> dict[str, str]:
        epochs = self._schedule.epochs(iteration)
        epoch = {} if epochs is None else {"epoch": f"{epochs:.2f}"}
        return {"iteration": str(iteration), **epoch}

    def _numbers(self, event: Display | FinalLoss) -> dict[str, str]:
        cells = {**self._at(event.iteration), _TRAIN_LOSS: short(event.loss)}
        if isinstance(event, FinalLoss):
            return cells
        pace = self._pace
        images, left = (pace.images, pace.left) if pace else (None, None)
        scores = [*event.trained, *(each for each in event.outputs if not each.loss_weight)]
        return {
            **cells,
            **_shown(scores),
            "lr": f"{event.lr:.3g}",
            "images/s": "" if images is None else f"{images:,.0f}",
            "left": "" if left is None else tqdm.format_interval(left),
        }

    def _tested(self, event: NetTested) -> Iterator[str]:
        """The row of a test, once its last net is through."""
        found = {f"test {name}": each for name, each in named(event.outputs, event.net)}
        for key, output in found.items():
            self._test[key] = (short if output.loss_weight else share)(output.value)
        self._test |= _shown(event.trained)
        if self._is_best(event):
            self._test["best"] = "yes"
        if event.net == len(self._solver.tests) - 1:
            yield from self._table.row(self._test, best="best" in self._test)

    def _is_best(self, event: NetTested) -> bool:
        best = self._best
        # the net before its first iteration is no achievement
        return best is not None and event.iteration > 0 and best.take(event)


def _plain(event: Event) -> Iterator[str]:
    """The line of an event of which there is no number to show."""
    match event:
        case Preparing(device, seed=seed):
            yield f"Training on {device}, random seed {seed}"
        case Finetuning(path):
            yield f"Weights from {path}"
        case Starting(layers):
            rows = list(start_table(event))
            plain = all(layer.weights == "fresh" and not layer.frozen for layer in layers)
            yield from rows[-1:] if plain else rows
        case Identified(run):
            yield f"Run {run}"
        case NetTestInterrupted():
            yield "Test interrupted"
        case Stopped(iteration):
            yield f"Stopped at iteration {iteration}"
        case Done(iteration):
            yield f"Done: {iteration} iterations"
        case Cached() | DebugInfo() | Noted() | Tracked() | Interrupted():
            yield from (text for _, _, text in lines(event))


def columns_of(
    scores: dict[str, bool], trained: tuple[str, ...], schedule: Schedule
) -> list[NumberColumn]:
    """The columns of a training: which test outputs there are, and whether each is a loss."""
    train = [_TRAIN_LOSS, *(f"train {name}" for name in trained)]
    names = ["iteration", "epoch", *train, *scores, "lr", "images/s", "left"]
    if not schedule.examples:
        names.remove("images/s")
    if schedule.epochs(1) is None:
        names.remove("epoch")
    ranks = dict(_RANKS)
    first = {
        loss: next((n for n, is_loss in scores.items() if is_loss is loss), "")
        for loss in (False, True)
    }
    ranks |= {first[True]: _TEST_LOSS, first[False]: _SCORE}
    ranks |= dict.fromkeys(train[1:2], _TRAIN_SCORE)
    widths = {**_WIDTHS, "iteration": len(str(schedule.last))}
    return [
        NumberColumn(name, _title(name), ranks.get(name, _MORE + at), widths.get(name, 8))
        for at, name in enumerate(names)
    ]


def _title(name: str) -> str:
    # the words that all nets have are shortened, so that all of them have room
    return name.replace("accuracy", "acc").replace("iteration", "iter")


def _shown(scores: "list[Output] | tuple[Output, ...]") -> dict[str, str]:
    return {f"train {each.name}": share(each.value) for each in scores}


def _test_scores(solver: Solver) -> Iterator[tuple[str, bool]]:
    """The columns of the test nets, the first score first, and whether each is a loss."""
    found = [
        (f"test {name}", bool(output.loss_weight))
        for number, test in enumerate(solver.tests)
        for name, output in named(_single_outputs(test.net), number)
    ]
    yield from sorted(found, key=lambda each: each[1])


def _train_scores(solver: Solver) -> tuple[str, ...]:
    own = [each.name for each in _single_outputs(solver.net) if not each.loss_weight]
    return (*solver.train_scores.names, *own)


def _single_outputs(net: Net) -> Iterator[Output]:
    """The outputs of one number, with their weights in the loss."""
    weights = {
        top: weight
        for node in net
        for top, weight in zip(node.tops, node.loss_weights, strict=True)
    }
    for name in net.outputs:
        if not net.shapes[name]:
            yield Output(name, 0.0, weights.get(name, 0.0))


def width_of(stream: TextIO) -> int | None:
    """The width of a terminal, now, as it may have changed; None where it does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None
