"""What nets were measured to get right of photos: rows of a table, read and written as CSV.

`measured.csv` beside this file is what `catdog fit` chooses a net by. It begins with lines such as
`# 1: COMMAND, PHOTOS, DATE, PROCESSOR`, and the last column of a row has the number of its own.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from catdog.errors import CatdogError
from catdog.inference.intervals import Interval, of_share
from catdog.runtime.files import replacing
from catdog.runtime.text_file import read_text

#: What `catdog fit` follows.
SHIPPED = Path(__file__).with_name("measured.csv")
#: What `weights` of a net is that learns from scratch.
SCRATCH = "scratch"
_SOURCE = re.compile(r"# (\d+): (.+)")
_ABOUT = "# What `catdog fit` chooses a net by; docs/comparing-nets.md says how it is written.\n"


@dataclass(frozen=True)
class MeasuredNet:
    """A net that learned from some photos, and what it gets right of others.

    Args:
        net: its name.
        photos: that it learned from.
        held_out: that it was judged by.
        accuracy: the share of these that are right; `low` and `high` are where it may be, by 95 %.
        log_loss: the mean of -ln p(label).
        iterations: of the training, until it ended.
        seconds: for data and training, by the clock; `cpu_seconds` of all processor cores.
        ms_per_photo: through the net, many at once.
        megabytes: of the file of the weights, of 10^6 bytes.
        weights: what it began with.
        source: how it was measured.

    What was not measured is None.
    """

    net: str
    photos: int
    held_out: int
    accuracy: float
    low: float
    high: float
    log_loss: float | None
    iterations: int | None
    seconds: float | None
    cpu_seconds: float | None
    ms_per_photo: float | None
    megabytes: float | None
    weights: str
    source: str = ""

    @property
    def right(self) -> str:
        """The accuracy for a person, with its interval."""
        return f"{self.accuracy:.1%} ({Interval(self.low, self.high).words()})"

    @property
    def learned_from_scratch(self) -> bool:
        """Whether it began with random weights."""
        return self.weights == SCRATCH

    @property
    def rank(self) -> tuple[float, float]:
        """Orders nets, the best first: by accuracy, and by log loss where that is the same."""
        return -self.accuracy, float("inf") if self.log_loss is None else self.log_loss


#: The columns of comparison.csv.
COLUMNS = [field.name for field in fields(MeasuredNet) if field.name != "source"]
#: How numbers are written; what is read is what was written.
_FORMS = {
    "accuracy": ".6f",
    "low": ".6f",
    "high": ".6f",
    "log_loss": ".6g",
    "seconds": ".1f",
    "cpu_seconds": ".1f",
    "ms_per_photo": ".4g",
    "megabytes": ".2f",
}
_KINDS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("photos", "held_out", "iterations"), int),
    **dict.fromkeys(_FORMS, float),
}
_REQUIRED = ("net", "photos", "held_out", "accuracy", "weights")


@cache
def shipped_measurements() -> tuple[MeasuredNet, ...]:
    """The rows that `catdog fit` chooses by."""
    return tuple(read_measured(SHIPPED))


def best_for(rows: Iterable[MeasuredNet], photos: int) -> list[MeasuredNet]:
    """Of each net the row that says how good it is with so many photos, the best net first.

    It is the one with the most photos that are not more. Of nets that were measured with more only
    nothing is known, unless there are no others: then the fewest photos that were measured count.
    """
    rows = list(rows)
    known = [row for row in rows if row.photos <= photos]
    if not known:
        fewest = min((row.photos for row in rows), default=0)
        known = [row for row in rows if row.photos == fewest]
    last: dict[str, MeasuredNet] = {}
    for row in sorted(known, key=lambda row: (row.photos, -row.rank[0])):
        last[row.net] = row
    return sorted(last.values(), key=lambda row: (*row.rank, row.net))


def read_measured(path: Path) -> list[MeasuredNet]:
    """The rows of a table. Raises CatdogError, with the line, for one that is none."""
    sources: dict[str, str] = {}
    try:
        lines = read_text(path).splitlines()
    except (OSError, UnicodeError) as error:
        raise CatdogError(f"cannot be read ({error})", where=str(path)) from None
    told = [line for line in lines if line.startswith("#")]
    for found in filter(None, map(_SOURCE.fullmatch, told)):
        sources[found[1]] = found[2]
    first = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    table = csv.DictReader(lines[first:])
    what = "is no table of `catdog compare-nets`"
    try:
        if not set(COLUMNS) <= {*(table.fieldnames or ())}:
            raise CatdogError(what, where=str(path))
        return [_row(row, sources, f"{path}:{first + at}") for at, row in enumerate(table, 2)]
    except csv.Error as error:
        raise CatdogError(f"{what} ({error})", where=str(path)) from None


def _row(cells: Mapping[str, str | None], sources: Mapping[str, str], where: str) -> MeasuredNet:
    try:
        values = {name: _value(name, cells[name] or "") for name in COLUMNS}
        row = MeasuredNet(**values)
    except ValueError as error:
        raise CatdogError(f"is no row of measurements ({error})", where=where) from None
    number = cells.get("source") or ""
    if number not in ("", *sources):
        raise CatdogError(f'no line "# {number}: ..." says where it is from', where=where)
    if not (row.photos > 0 and row.held_out > 0 and 0 <= row.low <= row.accuracy <= row.high <= 1):
        raise CatdogError("has numbers that cannot be", where=where)
    return replace(row, source=sources.get(number, ""))


def _value(name: str, text: str) -> Any:
    if not text and name in _REQUIRED:
        raise ValueError(f"{name} is missing")
    return _KINDS.get(name, str)(text) if text else None


def write_measured(path: Path, rows: Sequence[MeasuredNet], *, sourced: bool = False) -> None:
    """Write a table, whole or not at all; with `sourced` the rows' sources at its beginning."""
    sources = list(dict.fromkeys(row.source for row in rows))
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        if sourced:
            lines = [f"# {number}: {source}\n" for number, source in enumerate(sources, 1)]
            file.write("".join([_ABOUT, *lines]))
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*COLUMNS, "source"] if sourced else COLUMNS)
        for row in rows:
            cells = [_cell(name, value) for name, value in asdict(row).items() if name in COLUMNS]
            table.writerow([*cells, sources.index(row.source) + 1] if sourced else cells)


def _cell(name: str, value: object) -> str:
    return "" if value is None else format(value, _FORMS.get(name, ""))


def judged(right: int, held_out: int) -> dict[str, Any]:
    """The columns on the accuracy where so many photos of those held out are right."""
    low, high = of_share(right, held_out)
    return {"held_out": held_out, "accuracy": right / held_out, "low": low, "high": high}
