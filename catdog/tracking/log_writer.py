"""Events as the lines of Caffe's log."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, TextIO

from catdog.runtime.files import keep
from catdog.runtime.streams import silence
from catdog.runtime.text_table import text_table
from catdog.solver.events import (
    MANY,
    Best,
    Cached,
    DebugInfo,
    Display,
    Done,
    Event,
    Failed,
    FinalLoss,
    Finetuning,
    Identified,
    Interrupted,
    LayerStart,
    Missing,
    NetTested,
    NetTesting,
    NetTestInterrupted,
    Noted,
    NotSaved,
    Output,
    Preparing,
    Resuming,
    Snapshotted,
    Solving,
    Starting,
    Stopped,
    Tracked,
    Warned,
    by_blob,
    in_short,
    with_loss,
)
from catdog.tracking.held_back import under_way

#: A net with more layers is deep: its table has a row for all that are alike.
_MOST_ROWS = 30
#: A line without its prefix: severity, place in Caffe's source, text.
Line = tuple[str, str, str]


class Lines(Protocol):
    """What lines are written to: a stream, or what stands before one."""

    def write(self, text: str, /) -> object:
        """Take a text."""

    def flush(self) -> object:
        """Let it be seen."""


def lines(event: Event) -> Iterator[Line]:
    """The lines that Caffe logs for an event; numbers have six digits, as C++ prints them."""
    match event:
        case Preparing() | Finetuning() | Starting() | Cached() | Solving():
            yield from _start_lines(event)
        case Identified(run):
            yield "I", "solver.cpp:50", f"Run {run}"
        case Tracked(tracker, run, place):
            yield "I", "solver.cpp:50", f"{tracker} keeps it as run {run}: {place}"
        case Resuming(path, iteration):
            yield "I", "caffe.cpp:235", f"Resuming from {path}"
            yield "I", "sgd_solver.cpp:336", f"SGDSolver: restoring history of {iteration} updates"
        case NetTesting() | NetTested() | NetTestInterrupted():
            yield from _test_lines(event)
        case Display():
            yield from _display_lines(event)
        case DebugInfo(line):
            yield "I", "net.cpp:610", f"    {line}"
        case Snapshotted() | Best():
            yield from _snapshot_lines(event)
        case NotSaved(kind, what):
            yield "W", "solver.cpp:464", f"No {kind}: {what}; the next one is tried"
        case Missing(what):
            yield "W", "solver.cpp:1", f"Missing at the end: {'; '.join(what)}"
        case Noted(what):
            yield "I", "solver.cpp:50", what
        case Warned(what):
            yield "W", "solver.cpp:1", what
        case FinalLoss() | Failed() | Stopped() | Interrupted() | Done():
            yield _end_line(event)


def _start_lines(
    event: Preparing | Finetuning | Starting | Cached | Solving,
) -> Iterator[Line]:
    match event:
        case Preparing(device, solver):
            yield "I", "caffe.cpp:197", f"Use {device.upper()}."
            yield "I", "solver.cpp:45", f"Initializing solver from parameters:\n{solver.strip()}"
        case Finetuning(path, notes):
            yield "I", "solver.cpp:72", f"Finetuning from {path}"
            yield from (("I", "net.cpp:774", note) for note in notes)
        case Starting():
            yield from (("I", "net.cpp:774", text) for text in start_table(event))
        case Cached(net, last, examples, size, seconds):
            text = f"Features of {examples} examples of the {net} net, made by all layers to {last}"
            yield "I", "net.cpp:774", f"{text}: {size / 2**20:.1f} MiB in {seconds:.1f} s"
        case Solving(net, lr_policy):
            yield "I", "solver.cpp:289", f"Solving {net}"
            yield "I", "solver.cpp:290", f"Learning Rate Policy: {lr_policy}"


def _test_lines(event: NetTesting | NetTested | NetTestInterrupted) -> Iterator[Line]:
    match event:
        case NetTesting(iteration, net):
            yield "I", "solver.cpp:347", f"Iteration {iteration}, Testing net (#{net})"
        case NetTested(_, _, outputs, loss):
            if loss is not None:
                yield "I", "solver.cpp:400", f"Test loss: {loss:g}"
            yield from _output_lines("solver.cpp:414", "Test", outputs)
        case NetTestInterrupted():
            yield "I", "solver.cpp:393", "Test interrupted."


def _snapshot_lines(event: Snapshotted | Best) -> Iterator[Line]:
    match event:
        case Snapshotted(_, model, state, hdf5):
            kind = "HDF5 file" if hdf5 else "binary proto file"
            yield "I", "solver.cpp:464", f"Snapshotting to {kind} {model}"
            yield "I", "sgd_solver.cpp:284", f"Snapshotting solver state to {kind} {state}"
        case Best(iteration, name, value, model):
            text = f"Best {name} so far: {value:g} at iteration {iteration}, in {model}"
            yield "I", "solver.cpp:464", text


def _end_line(event: FinalLoss | Failed | Stopped | Interrupted | Done) -> Line:
    match event:
        case FinalLoss(iteration, loss):
            return "I", "solver.cpp:327", f"Iteration {iteration}, loss = {loss:g}"
        case Failed(what):
            return "E", "solver.cpp:1", what
        case Stopped():
            return "I", "solver.cpp:311", "Optimization stopped early."
        case Interrupted(command=command):
            return "I", "solver.cpp:311", f"To go on: {command}"
        case Done():
            return "I", "solver.cpp:332", "Optimization Done."


def start_table(event: Starting) -> Iterator[str]:
    """A line for each layer: its parameters, whether they are copied, how they learn.

    Of a deep net the layers that are alike have one line.
    """
    alike: dict[object, list[LayerStart]] = {}
    deep = len(event.layers) > _MOST_ROWS
    for layer in event.layers:
        key = (layer.weights, layer.reason, _learns(layer)) if deep else layer.layer
        alike.setdefault(key, []).append(layer)
    rows = map(_start_row, alike.values())
    table = text_table(("layer", "parameters", "weights", "learns"), rows)
    for line in table.splitlines():
        yield f"    {line}"
    yield f"{event.learning:,} of {event.parameters:,} parameters learn"


def _start_row(layers: Sequence[LayerStart]) -> tuple[str, str, str, str]:
    first, last = layers[0], layers[-1]
    name = f"{first.layer} ... {last.layer}: {len(layers)}" if len(layers) > 1 else first.layer
    weights = "shape mismatch" if first.weights == "mismatched" else first.weights
    parameters = sum(layer.parameters for layer in layers)
    return name, f"{parameters:,}", weights, first.reason or _learns(first)


def _learns(row: LayerStart) -> str:
    if row.frozen:
        return "frozen"
    if row.statistics:
        return "by its own statistics"
    rates = " and ".join(f"{rate:g}" for rate in dict.fromkeys(row.rates))
    return f"lr_mult {rates}" if any(row.rates) else "no: lr_mult 0"


def _display_lines(event: Display) -> Iterator[Line]:
    pace = f"{event.speed:g} iter/s, {event.seconds:g}s/{event.every} iters"
    text = f"Iteration {event.iteration} ({pace}), loss = {event.loss:g}"
    yield "I", "solver.cpp:239", text
    yield from _output_lines("solver.cpp:258", "Train", event.outputs)
    yield "I", "sgd_solver.cpp:112", f"Iteration {event.iteration}, lr = {event.lr:g}"


def _output_lines(place: str, phase: str, outputs: tuple[Output, ...]) -> Iterator[Line]:
    index = 0
    for name, numbers in by_blob(outputs):
        if len(numbers) > MANY:
            which = f"#{index} to #{index + len(numbers) - 1}"
            yield "I", place, f"    {phase} net output {which}: {name}: {in_short(numbers)}"
        else:
            for at, output in enumerate(numbers, index):
                yield "I", place, f"    {phase} net output #{at}: {with_loss(output)}"
        index += len(numbers)


class LogWriter:
    """Writes events as they come: lines to a file and a stream.

    The stream does not get an error: whoever ends with it says it.

    Args:
        path: the log; its folder is made.
        stream: gets the same lines.
        resumed: go on in the file that is there; else that of an earlier run is kept under the
            next free name (`train.log.1`).
        waits: nothing is done to the file before the run is under way (`held_back`).
        failed: hears of a file or a stream that cannot be written; raised by default.
        clock: gives the time of a line.
    """

    def __init__(
        self,
        path: Path | None = None,
        stream: Lines | None = None,
        *,
        resumed: bool = False,
        waits: bool = False,
        failed: Callable[[str, OSError, bool], object] | None = None,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._path, self._resumed, self._clock = path, resumed, clock
        self._stream, self._failed = stream, failed
        self._file: TextIO | None = None
        self._waiting: list[str] = []
        if not waits:
            self._begin()

    def __call__(self, event: Event) -> None:
        """Write one event; every line is there for others to read at once."""
        if under_way(event):
            self._begin()
        now = self._clock()
        for severity, place, text in lines(event):
            # each line of a longer text has the prefix: log readers need it
            for part in text.split("\n"):
                stamp = f"{severity}{now:%m%d %H:%M:%S.%f} {os.getpid()} {place}]"
                self._write(f"{stamp} {part}\n", shown=not isinstance(event, Failed))

    def _write(self, line: str, *, shown: bool) -> None:
        try:
            if self._stream and shown:
                self._stream.write(line)
                self._stream.flush()
        except OSError as error:
            stream, self._stream = self._stream, None
            silence(stream)
            self._fail("the log's lines to the terminal or pipe", error, matters=False)
        try:
            if self._file:
                self._file.write(line)
            elif self._path:
                self._waiting.append(line)
        except OSError as error:
            self._fail(str(self._path), error)

    def _fail(self, name: str, error: OSError, *, matters: bool = True) -> None:
        if self._failed is None:
            raise error
        self._failed(name, error, matters)

    def _begin(self) -> None:
        """Open the file, and write what has waited for it."""
        if self._file or self._path is None:
            return
        path, waiting, self._waiting = self._path, self._waiting, []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not self._resumed:
                keep(path)
            self._file = path.open("a", buffering=1, encoding="utf-8", newline="")
            self._file.writelines(waiting)
        except OSError as error:
            if self._file is None:
                self._path = None
            self._fail(str(path), error)

    def check(self) -> None:
        """Hear of a file that somebody has removed."""
        if self._file and self._path and not self._path.exists():
            self._fail(str(self._path), FileNotFoundError(0, "is gone"))

    def close(self) -> None:
        """Close the file; the stream stays open."""
        try:
            if self._file:
                self._file.close()
        except OSError as error:
            self._fail(str(self._path), error)
