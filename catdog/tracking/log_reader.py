"""Caffe's log lines back to numbers: those of BVLC Caffe, NVCaffe and ours."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from catdog.errors import CatdogError
from catdog.runtime.files import replacing
from catdog.runtime.text_file import open_text

#: What the log of a run is called in its folder.
LOG = "train.log"

# colours and moves of the cursor, where a log was taken from a terminal
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\^_])")
# I1121 06:10:15.661042 19367 solver.cpp:239] ..., from glog 0.6 on with the year: I20261121 ...
_PREFIX = re.compile(
    r"[IWEF](\d{4})?(\d\d)(\d\d) (\d\d):(\d\d):(\d\d)\.(\d+)\s+\d+ [\w.+-]+:\d+\] ?"
)
# longer numbers are no iterations, and Python refuses thousands of digits
_ITERATION = re.compile(r"\bIteration (\d{1,18})\b")
# BVLC: "(40.8 iter/s, 0.245s/10 iters), loss"; NVCaffe: "(41 iter/s, 0.2s/10 iter), 3/9ep, loss"
_LOSS = re.compile(r"\bIteration (\d{1,18})\b(?P<pace>.*), loss = (\S+)")
_LR = re.compile(r"\bIteration (\d{1,18}), lr = ([^\s,]+)")
_TESTING = re.compile(r"\bIteration (\d{1,18}), Testing net \(#(\d{1,18})\)")
_OUTPUT = re.compile(
    r"\b(Train|Test) net output #(\d{1,18}): (\S+) = (\S+)(?: \(\* (\S+) = (\S+) loss\))?"
)
_SNAPSHOT = re.compile(r"\bSnapshotting to (?:binary proto file |HDF5 file )?(.+)")
_RESUMED = re.compile(r"\bResuming from (.+)")
_KEPT = re.compile(r"\bBest .* so far: \S+ at iteration (\d{1,18}), in ")
_BATCH = re.compile(r"\bBatch (\d{1,18}), (\S+) = (\S+)")
_MEAN = re.compile(r"^(?:Loss: (\S+)|(\S+) = (\S+)(?: \(\* \S+ = \S+ loss\))?)$")
# a leap year, for a log of 29 February without a year
_SOME_YEAR = 2000
# what Windows prints
_ODD_NUMBERS = {"1.#QNAN": math.nan, "1.#IND": math.nan, "1.#INF": math.inf}


class Value(NamedTuple):
    """One number of an output blob in a log; the weights are those in the loss, if it has one."""

    iteration: int
    position: int
    name: str
    value: float
    loss_weight: float | None = None
    weighted: float | None = None
    net: int = 0
    #: Since the line "Solving ...".
    seconds: float = math.nan


@dataclass
class ParsedLog:
    """The numbers of a log in the order of its lines."""

    train_loss: list[tuple[int, float]] = field(default_factory=list)
    lr: list[tuple[int, float]] = field(default_factory=list)
    train_outputs: list[Value] = field(default_factory=list)
    test_outputs: list[Value] = field(default_factory=list)
    #: Loss of the forward pass after the last iteration.
    final_loss: list[tuple[int, float]] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)
    resumed_from: list[str] = field(default_factory=list)
    #: The iteration of the test whose weights were kept as the best.
    kept: float | None = None
    #: (iteration, seconds): those since the first "Solving ...", without what lies between the
    #: parts of a resumed run.
    times: list[tuple[int, float]] = field(default_factory=list)
    #: Accuracies of the training batches since the test before, by name. A log has none: they are
    #: in the table of a run.
    train_scores: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    #: `caffe test`: (batch, output, value), and the means by name.
    batches: list[tuple[int, str, float]] = field(default_factory=list)
    means: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any((self.train_loss, self.test_outputs, self.batches, self.final_loss, self.lr))


def read_log(path: str | Path) -> ParsedLog:
    """The numbers of a log file; raises CatdogError where there are none."""
    path = Path(path)
    try:
        with open_text(path, errors="replace") as file:
            log = parse(file)
    except OSError as error:
        raise CatdogError(error.strerror or "cannot be read", where=str(path)) from None
    if not log:
        raise CatdogError(
            "has no line of a training",
            where=str(path),
            remedy="name the log of a training; it has lines with `Iteration 0`",
        )
    return log


def parse(lines: Iterator[str] | Sequence[str]) -> ParsedLog:
    """The numbers in the lines of a log; lines of anything else are passed over."""
    reader = LogReader()
    for line in lines:
        reader.read(line)
    return reader.so_far


#: Fields of a log that are lists, and those whose numbers may become fewer.
_THINNED = ("train_loss", "lr", "train_outputs", "final_loss", "times", "batches")
_LISTS = (*_THINNED, "test_outputs", "snapshots", "resumed_from")


class LogReader:
    """Reads line by line; keeps what a line needs of those before it."""

    def __init__(self) -> None:
        self._log = ParsedLog()
        self._clock = _Clock()
        self._iteration, self._net = -1, 0
        # "Iteration N, loss = x" is a display in old Caffes and the last forward pass in new ones
        self._undecided: tuple[int, float] | None = None

    @property
    def so_far(self) -> ParsedLog:
        """The numbers of the lines that were read, as if no other came."""
        found = copy(self._log)
        for name in _LISTS:
            setattr(found, name, [*getattr(found, name)])
        if self._undecided:
            found.final_loss.append(self._undecided)
        found.means = dict(found.means)
        return found

    def thin(self, most: int) -> None:
        """Keep every second iteration of what has more numbers than `most`, but for the tests."""
        for name in _THINNED:
            values = getattr(self._log, name)
            if len(values) > most:
                numbers = list(dict.fromkeys(each[0] for each in values))
                kept = {*numbers[::2], numbers[-1]}
                values[:] = [each for each in values if each[0] in kept]

    def read(self, line: str) -> None:
        """Take the numbers of a line."""
        if "\x1b" in line:
            line = _ESCAPE.sub("", line)
        prefix = _PREFIX.search(line)
        text = line[prefix.end() :] if prefix else line
        if prefix:
            self._clock.set(prefix)
        if "Solving " in text:
            self._clock.begin()
        if match := _ITERATION.search(text):
            self._read_iteration(int(match[1]), text)
        elif match := _OUTPUT.search(text):
            self._read_output(match)
        elif match := _SNAPSHOT.search(text):
            self._log.snapshots.append(match[1].strip())
        elif match := _KEPT.search(text):
            self._log.kept = int(match[1])
        elif match := _RESUMED.search(text):
            self._log.resumed_from.append(match[1].strip())
        elif match := _BATCH.search(text):
            self._log.batches.append((int(match[1]), match[2], number(match[3])))
        elif self._log.batches and (match := _MEAN.match(text.strip())):
            self._log.means[match[2] or "Loss"] = number(match[1] or match[3])

    def _read_iteration(self, iteration: int, text: str) -> None:
        self._iteration = iteration
        self._log.times.append((iteration, self._clock.work()))
        if match := _LOSS.search(text):
            self._settle()
            row = (iteration, number(match[3]))
            if match["pace"]:
                self._log.train_loss.append(row)
            else:
                self._undecided = row
        elif match := _LR.search(text):
            self._settle(displayed=True)
            self._log.lr.append((iteration, number(match[2])))
        elif match := _TESTING.search(text):
            self._net = int(match[2])

    def _read_output(self, match: re.Match[str]) -> None:
        train = match[1] == "Train"
        if train:
            self._settle(displayed=True)
        value = Value(
            iteration=self._iteration,
            position=int(match[2]),
            name=match[3],
            value=number(match[4]),
            loss_weight=number(match[5]) if match[5] else None,
            weighted=number(match[6]) if match[6] else None,
            net=0 if train else self._net,
            seconds=self._clock.seconds,
        )
        (self._log.train_outputs if train else self._log.test_outputs).append(value)

    def _settle(self, displayed: bool = False) -> None:
        """Decide what the last "Iteration N, loss = x" was: displays have more lines."""
        if self._undecided:
            (self._log.train_loss if displayed else self._log.final_loss).append(self._undecided)
        self._undecided = None


class _Clock:
    """Seconds since a training began, from the prefixes of its lines."""

    def __init__(self) -> None:
        self._now: datetime | None = None
        self._start: datetime | None = None
        self._years = 0
        self._worked: datetime | None = None
        self._pause = timedelta()

    def set(self, prefix: re.Match[str]) -> None:
        year, *rest, fraction = prefix.groups()
        month, day, hour, minute, second = map(int, rest)
        microsecond = int(fraction[:6].ljust(6, "0"))
        try:
            now = datetime(int(year or _SOME_YEAR), month, day, hour, minute, second, microsecond)
        except ValueError:
            return
        if not year:
            now += timedelta(days=366 * self._years)
            if self._now and now < self._now - timedelta(days=31):
                # without a year in it, December is followed by January of the same one
                now, self._years = now + timedelta(days=366), self._years + 1
        self._now = now

    def begin(self) -> None:
        self._start = self._start or self._now
        if self._now and self._worked:
            self._pause += self._now - self._worked

    def work(self) -> float:
        """Seconds of the training, which is at work now."""
        self._worked = self._now
        return self.seconds - self._pause.total_seconds()

    @property
    def seconds(self) -> float:
        if self._now is None or self._start is None:
            return math.nan
        return (self._now - self._start).total_seconds()


def number(text: str) -> float:
    """A number as C++ prints it; nan for other text (`-nan`, a line cut short)."""
    text = text.rstrip(",;)")
    try:
        return math.nan if "nan" in text.lower() else float(text)
    except ValueError:
        sign = -1 if text.startswith("-") else 1
        return sign * _ODD_NUMBERS.get(text.lstrip("-+"), math.nan)


def table(values: Sequence[Value], log: ParsedLog) -> list[dict[str, float]]:
    """Caffe's columns NumIters, Seconds, LearningRate and one for each output, a row a display.

    The rate is that of the row's iteration (caffe/tools/extra/parse_log.py writes the one of
    the display before it).
    """
    rows: list[dict[str, float]] = []
    last: Value | None = None
    for value in values:
        goes_on = last and (last.iteration, last.net) == (value.iteration, value.net)
        if not (goes_on and last and value.position > last.position):
            rows.append(
                {
                    "NumIters": float(value.iteration),
                    "Seconds": value.seconds,
                    "LearningRate": _rate_at(log, value.iteration),
                }
            )
        name, again = value.name, 1
        while name in rows[-1]:
            # a blob of several numbers, such as the accuracy of each class
            name, again = f"{value.name}_{again}", again + 1
        rows[-1][name] = value.value
        last = value
    return rows


def _rate_at(log: ParsedLog, iteration: int) -> float:
    known = [(at, rate) for at, rate in log.lr if at <= iteration] or log.lr[:1]
    return max(known, key=lambda row: row[0])[1] if known else math.nan


def write_tables(path: Path, folder: Path, delimiter: str = ",") -> list[Path]:
    """A log's outputs as `<log>.train` and `<log>.test` in a folder; gives what was written.

    Raises CatdogError where there is nothing to write or no place for it.
    """
    if len(delimiter) != 1:
        raise CatdogError("is one character", where="--delimiter", remedy='such as "," or ";"')
    log = read_log(path)
    written = []
    for ending, values in (("train", log.train_outputs), ("test", log.test_outputs)):
        if values:
            target = folder / f"{path.name}.{ending}"
            _write_table(target, table(values, log), delimiter)
            written.append(target)
    return written


def _write_table(path: Path, rows: Sequence[dict[str, float]], delimiter: str) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
