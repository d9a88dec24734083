"""Records to Caffe's log lines, and the lines of Caffe, NVCaffe and ours back to numbers."""

import csv
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

from catdog.records import (
    Cached,
    DebugInfo,
    Display,
    Done,
    Failed,
    FinalLoss,
    Finetuning,
    LayerStart,
    NetTested,
    NetTesting,
    NetTestInterrupted,
    Noted,
    Output,
    Preparing,
    Record,
    Resuming,
    Snapshotted,
    Solving,
    Starting,
    Stopped,
    Warned,
)

METRICS = ("iteration", "seconds", "phase", "net", "name", "value")

#: A line without its prefix: severity, place in Caffe's source, text.
Line = tuple[str, str, str]


def lines(record: Record) -> Iterator[Line]:
    """The lines that Caffe logs for a record; numbers have six digits, as C++ prints them."""
    match record:
        case Preparing(device, solver):
            yield "I", "caffe.cpp:197", f"Use {device.upper()}."
            yield "I", "solver.cpp:45", f"Initializing solver from parameters:\n{solver.strip()}"
        case Finetuning(path, notes):
            yield "I", "solver.cpp:72", f"Finetuning from {path}"
            yield from (("I", "net.cpp:774", note) for note in notes)
        case Starting():
            yield from (("I", "net.cpp:774", text) for text in start_table(record))
        case Cached(net, last, examples, size, seconds):
            text = f"Features of {examples} examples of the {net} net, made by all layers to {last}"
            yield "I", "net.cpp:774", f"{text}: {size / 2**20:.1f} MiB in {seconds:.1f} s"
        case Resuming(path, iteration):
            yield "I", "caffe.cpp:235", f"Resuming from {path}"
            yield "I", "sgd_solver.cpp:336", f"SGDSolver: restoring history of {iteration} updates"
        case Solving(net, lr_policy):
            yield "I", "solver.cpp:289", f"Solving {net}"
            yield "I", "solver.cpp:290", f"Learning Rate Policy: {lr_policy}"
        case NetTesting(iteration, net):
            yield "I", "solver.cpp:347", f"Iteration {iteration}, Testing net (#{net})"
        case NetTested(_, _, outputs, loss):
            if loss is not None:
                yield "I", "solver.cpp:400", f"Test loss: {loss:g}"
            yield from _output_lines("solver.cpp:414", "Test", outputs)
        case NetTestInterrupted():
            yield "I", "solver.cpp:393", "Test interrupted."
        case Display():
            yield from _display_lines(record)
        case DebugInfo(line):
            yield "I", "net.cpp:610", f"    {line}"
        case Snapshotted(_, model, state, hdf5):
            kind = "HDF5 file" if hdf5 else "binary proto file"
            yield "I", "solver.cpp:464", f"Snapshotting to {kind} {model}"
            yield "I", "sgd_solver.cpp:284", f"Snapshotting solver state to {kind} {state}"
        case FinalLoss(iteration, loss):
            yield "I", "solver.cpp:327", f"Iteration {iteration}, loss = {loss:g}"
        case Noted(what):
            yield "I", "solver.cpp:50", what
        case Warned(what):
            yield "W", "solver.cpp:1", what
        case Failed(what):
            yield "E", "solver.cpp:1", what
        case Stopped():
            yield "I", "solver.cpp:311", "Optimization stopped early."
        case Done():
            yield "I", "solver.cpp:332", "Optimization Done."


def start_table(record: Starting) -> Iterator[str]:
    """A line for each layer: its parameters, whether they are copied, how they learn."""
    rows = [("layer", "parameters", "weights", "learns"), *map(_start_row, record.layers)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for layer, count, weights, learns in rows:
        text = f"{layer:<{widths[0]}}  {count:>{widths[1]}}  {weights:<{widths[2]}}  {learns}"
        yield f"    {text}".rstrip()
    yield f"{record.learning:,} of {record.parameters:,} parameters learn"


def _start_row(row: LayerStart) -> tuple[str, str, str, str]:
    weights = "shape mismatch" if row.weights == "mismatched" else row.weights
    return row.layer, f"{row.parameters:,}", weights, row.reason or _learns(row)


def _learns(row: LayerStart) -> str:
    if row.frozen:
        return "frozen"
    if row.statistics:
        return "by its own statistics"
    rates = " and ".join(f"{rate:g}" for rate in dict.fromkeys(row.rates))
    return f"lr_mult {rates}" if any(row.rates) else "no: lr_mult 0"


def _display_lines(record: Display) -> Iterator[Line]:
    pace = f"{record.speed:g} iter/s, {record.seconds:g}s/{record.every} iters"
    text = f"Iteration {record.iteration} ({pace}), loss = {record.loss:g}"
    yield "I", "solver.cpp:239", text
    yield from _output_lines("solver.cpp:258", "Train", record.outputs)
    yield "I", "sgd_solver.cpp:112", f"Iteration {record.iteration}, lr = {record.lr:g}"


def _output_lines(place: str, phase: str, outputs: tuple[Output, ...]) -> Iterator[Line]:
    for index, (name, value, weight) in enumerate(
        (o.name, o.value, o.loss_weight) for o in outputs
    ):
        loss = f" (* {weight:g} = {weight * value:g} loss)" if weight else ""
        yield "I", place, f"    {phase} net output #{index}: {name} = {value:g}{loss}"


class LogWriter:
    """Writes records as they come: lines to a file and a stream, numbers to a CSV file.

    Args:
        path: the log; its folder is made. The CSV, `metrics.csv`, lies beside it.
        stream: gets the same lines, as a terminal does.
        resumed: go on in the files that are there; else those of an earlier run are kept under
            the next free name (`train.log.1`).
        clock: gives the time of a line.
    """

    def __init__(
        self,
        path: Path | None = None,
        stream: TextIO | None = None,
        *,
        resumed: bool = False,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._clock, self._start = clock, clock()
        self._streams = [stream] if stream else []
        self._files: list[TextIO] = []
        self._metrics: Callable[[tuple[object, ...]], object] | None = None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            log = self._open(path, resumed)
            self._streams.append(log)
            table = self._open(path.with_name("metrics.csv"), resumed)
            self._metrics = csv.writer(table, lineterminator="\n").writerow
            if not table.tell():
                self._metrics(METRICS)

    def _open(self, path: Path, resumed: bool) -> TextIO:
        if not resumed and path.exists():
            path.rename(_free(path))
        file = path.open("a", buffering=1, encoding="utf-8", newline="")
        self._files.append(file)
        return file

    def __call__(self, record: Record) -> None:
        """Write one record; every line is there for others to read at once."""
        now = self._clock()
        for severity, place, text in lines(record):
            # each line of a longer text has the prefix: log readers need it
            for part in text.split("\n"):
                stamp = f"{severity}{now:%m%d %H:%M:%S.%f} {os.getpid()} {place}]"
                for stream in self._streams:
                    stream.write(f"{stamp} {part}\n")
                    stream.flush()
        if self._metrics:
            seconds = round((now - self._start).total_seconds(), 3)
            for row in metrics(record, seconds):
                self._metrics(row)

    def close(self) -> None:
        """Close the files; the stream stays open."""
        for file in self._files:
            file.close()


def metrics(record: Record, seconds: float) -> Iterator[tuple[object, ...]]:
    """The numbers of a record, a row for each, as in METRICS."""
    match record:
        case Display(iteration, outputs=outputs, loss=loss, lr=lr):
            start = (iteration, seconds, "train", 0)
            yield *start, "smoothed_loss", loss
            yield *start, "learning_rate", lr
            yield from ((*start, output.name, output.value) for output in outputs)
        case NetTested(iteration, net, outputs):
            for output in outputs:
                yield iteration, seconds, "test", net, output.name, output.value


def _free(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return free
