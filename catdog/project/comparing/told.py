"""What is said of a comparison: its table, and the net that it speaks for."""

import shlex
from collections.abc import Sequence

from catdog.project.measured import MeasuredNet, best_for
from catdog.runtime.text_table import text_table

_HEAD = ("photos", "net", "right", "by 95 %", "log loss", "seconds", "ms/photo", "MB", "weights")


def comparison_table(rows: Sequence[MeasuredNet]) -> str:
    """The rows as lines of a terminal: the most photos first, and of these the best net."""
    ordered = sorted(rows, key=lambda row: (-row.photos, *row.rank, row.net))
    return text_table(_HEAD, [_cells(row) for row in ordered])


def _cells(row: MeasuredNet) -> list[str]:
    return [
        f"{row.photos:,}",
        row.net,
        f"{row.accuracy:.1%}",
        f"{row.low:.1%} to {row.high:.1%}",
        _number(row.log_loss, ".4f"),
        _number(row.seconds, ".0f"),
        _number(row.ms_per_photo, ".3g"),
        _number(row.megabytes, ".1f"),
        row.weights,
    ]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def advised(rows: Sequence[MeasuredNet], photos: str) -> str:
    """A line: the best net with the most photos that were measured, the best one that needs no
    pretrained weights beside it, and the command that takes it."""
    most = max(row.photos for row in rows)
    ranked = best_for(rows, most)
    best = ranked[0]
    words = [f"with {most:,} photos: {best.net}, {_of(best, most)}"]
    bare = next((row for row in ranked if row.learned_from_scratch), None)
    if bare is not None and bare is not best:
        words.append(f"{bare.net} needs no pretrained weights: {_of(bare, most)}")
    return f"{'; '.join(words)}\n$ catdog fit {shlex.quote(photos)} --net {shlex.quote(best.net)}"


def _of(row: MeasuredNet, most: int) -> str:
    return row.right if row.photos == most else f"{row.right} with {row.photos:,}"


def span(seconds: float) -> str:
    """Seconds for a person: `40 s`, `12 min`, `1.5 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"
