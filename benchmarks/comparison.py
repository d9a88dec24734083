"""Two ways of one job, measured in turn, and their ratio."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.workplace import Workplace
from catdog.runtime.text_table import text_table

_AIMS = ("goal", "limit", "share", "goal", "")

Side = Callable[[], float]
"""Does the job once and gives how fast, or how much of what it took."""


class Missing(Exception):
    """What a comparison needs is not on this machine; the text says what."""


@dataclass(frozen=True)
class Comparison:
    """A job and another way to do it.

    Args:
        case, peer: their names in the table.
        unit: of the numbers; `photos/s` and the like, more is better, or `s` and `MiB`, less is.
        goal: the least ratio that we want; None where there is none.
        prepare: makes what both need and gives ours and theirs; may raise Missing.
        limit: what this machine could do at most, in the same unit; may be left out.
        share: the least share of it that we want.
    """

    case: str
    peer: str
    unit: str
    goal: float | None
    prepare: Callable[[Workplace, ExitStack], tuple[Side, Side]]
    limit: Callable[[Workplace], float] | None = None
    share: float | None = None

    @property
    def less_is_better(self) -> bool:
        """Whether the unit is one of cost."""
        return self.unit in ("s", "MiB")


@dataclass(frozen=True)
class Measurement:
    """A comparison that was measured; `ratio` says how many times better ours is.

    The numbers are medians over the repeats, the ratio that of the ratios of the repeats, and
    `spread` the difference of the largest and the smallest of these over their median.
    """

    case: str
    peer: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    spread: float
    goal: float | None
    limit: float | None = None
    share_goal: float | None = None

    @property
    def share(self) -> float | None:
        """Our share of the limit, if there is one."""
        return self.ours / self.limit if self.limit else None

    @property
    def reached(self) -> bool:
        """Whether the goal of the ratio is reached, if there is one."""
        return self.goal is None or self.ratio >= self.goal

    @property
    def near(self) -> bool:
        """Whether our share of the limit is what is wanted, if anything is."""
        return self.share_goal is None or (self.share or 0) >= self.share_goal


def measure(comparison: Comparison, place: Workplace, repeats: int) -> Measurement:
    """Both sides once to warm up, then `repeats` times in turn, each first every other time."""
    with ExitStack() as stack:
        ours, theirs = comparison.prepare(place, stack)
        ours(), theirs()
        pairs = [_pair(ours, theirs, swapped=bool(i % 2)) for i in range(repeats)]
    limit = comparison.limit(place) if comparison.limit else None
    ratios = [b / a if comparison.less_is_better else a / b for a, b in pairs]
    ratio = statistics.median(ratios)
    return Measurement(
        comparison.case,
        comparison.peer,
        _short(statistics.median(a for a, _ in pairs)),
        _short(statistics.median(b for _, b in pairs)),
        comparison.unit,
        _short(ratio),
        _short((max(ratios) - min(ratios)) / ratio),
        comparison.goal,
        None if limit is None else _short(limit),
        comparison.share,
    )


def _pair(ours: Side, theirs: Side, *, swapped: bool) -> tuple[float, float]:
    if swapped:
        second = theirs()
        return ours(), second
    return ours(), theirs()


def _short(number: float) -> float:
    return float(f"{number:.4g}")


def write(rows: Sequence[Measurement], path: Path, *, keep: bool) -> None:
    """Write the rows as a JSON list; `keep`: those of comparisons that were not measured stay."""
    fresh = {(row.case, row.peer): asdict(row) for row in rows}
    kept = json.loads(path.read_text()) if keep and path.exists() else []
    merged = {(row["case"], row["peer"]): row for row in kept} | fresh
    lines = ",\n".join("  " + json.dumps(row) for row in merged.values())
    path.write_text(f"[\n{lines}\n]\n")


def table(rows: Iterable[Measurement]) -> str:
    """The rows as text for a person."""
    heading = (*("case", "beside", "ours", "theirs", "unit", "ratio", "spread"), *_AIMS)
    cells = [
        (
            row.case,
            row.peer,
            f"{row.ours:g}",
            f"{row.theirs:g}",
            row.unit,
            f"{row.ratio:.2f}",
            f"{row.spread:.0%}",
            *_aims(row),
        )
        for row in rows
    ]
    return text_table(heading, cells)


def _aims(row: Measurement) -> tuple[str, ...]:
    """The columns of what is wanted of a row."""
    aims = ((row.goal, row.reached, "ratio"), (row.share_goal, row.near, "share"))
    missed = [name for goal, reached, name in aims if goal is not None and not reached]
    aimed = any(goal is not None for goal, _, _ in aims)
    return (
        "" if row.goal is None else f"{row.goal:g}",
        "" if row.limit is None else f"{row.limit:g}",
        "" if row.share is None else f"{row.share:.2f}",
        "" if row.share_goal is None else f"{row.share_goal:g}",
        f"MISSED: {', '.join(missed)}" if missed else "reached" if aimed else "",
    )
