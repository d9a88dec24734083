"""Runs side by side: what each reached, and the fields in which they differ."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from catdog.errors import CatdogError, did_you_mean, one_line, some_of
from catdog.runtime.text_table import text_table
from catdog.solver.direction import Direction
from catdog.tracking.flat_fields import TEST_NET, TRAIN_NET
from catdog.tracking.runs import RunRecord

#: With more columns for fields a terminal shows no table.
MOST_FIELDS = 8
#: What a table has of a run, numbers as they are; the columns of the fields come last.
Row = dict[str, Any]
_HEADS = {"seconds": "time", "iteration": "iterations"}
_PLAIN = ("run", "status", "started", "seconds", "iteration")
_ANNOTATION = ("tags", "note")
#: Characters of a note, and of all tags, in a table for a terminal.
_WIDTH = 40


def rows(runs: Sequence[RunRecord], metric: str = "") -> list[Row]:
    """A row for each run, with a column for every field in which they differ.

    `metric` is the test output whose best value is shown, by default as in `metric_of`. Raises
    CatdogError where no run has it.
    """
    known = list(dict.fromkeys(name for run in runs for name in run.best))
    if metric and metric not in known:
        remedy = did_you_mean(metric, known) or f"there are {', '.join(known) or 'none'}"
        raise CatdogError(f'no run has a best "{metric}"', where="--metric", remedy=remedy)
    metric = metric or metric_of(runs)
    finals = dict.fromkeys(name for run in runs for name in run.final)
    fields = differing(runs)
    return [_row(run, metric, list(finals), fields) for run in runs]


def metric_of(runs: Sequence[RunRecord]) -> str:
    """The test output that runs are compared by: the score of the first run that has been tested.

    Empty where none has.
    """
    return next((run.score for run in runs if run.score in run.best), "")


def differing(runs: Sequence[RunRecord]) -> dict[str, str]:
    """The fields in which runs differ, in their order, by what they are called.

    One that the train net and the test net of every run agree in is called `net.LAYER.FIELD`.
    """
    if len({run.specs for run in runs}) == 1:
        return {}
    names = dict.fromkeys(name for run in runs for name in run.fields)
    found = [name for name in names if len({run.fields.get(name) for run in runs}) > 1]
    common = {name: _of_test(name) for name in found if name.startswith(TRAIN_NET)}
    common = {
        name: tested
        for name, tested in common.items()
        if all(run.fields.get(name) == run.fields.get(tested) for run in runs)
    }
    return {
        "net." + name.removeprefix(TRAIN_NET) if name in common else name: name
        for name in found
        if name not in common.values()
    }


def difference(one: RunRecord, other: RunRecord) -> str:
    """The fields in which two runs differ, a line each; empty where there are none."""
    fields = differing([one, other])
    found = [
        (name, *(run.fields.get(key, "-") for run in (one, other))) for name, key in fields.items()
    ]
    around = one.surroundings, other.surroundings
    for name in dict.fromkeys(name for each in around for name in each):
        words = [each.get(name, "-") for each in around]
        if words[0] != words[1]:
            found.append((name, *words))
    return text_table(("field", one.name, other.name), found) if found else ""


def ordered(table: Sequence[Row], runs: Sequence[RunRecord], column: str) -> list[Row]:
    """The rows by a column, a test output or a field, the best score first.

    Raises CatdogError for a column that is not there.
    """
    columns = {name: name for name in table[0]}
    columns |= {head: name for name, head in _HEADS.items() if name in columns}
    wanted = columns.get(f"best {column}") or columns.get(column)
    if wanted is None:
        names = [name.removeprefix("best ") for name in columns]
        remedy = f"{_meant(column, names)}; --json shows all"
        raise CatdogError(f'no column "{column}"', where="--sort", remedy=remedy)
    output = wanted.removeprefix("best ").removeprefix("final ")
    tested = [run.best[output] for run in runs if wanted != output and output in run.best]
    falling = any(best["better"] == Direction.HIGHER.value for best in tested)
    given = [row for row in table if row[wanted] is not None]
    given.sort(key=lambda row: _key(row[wanted]), reverse=falling)
    return given + [row for row in table if row[wanted] is None]


def listing(table: Sequence[Row], column: str = "") -> str:
    """The table as text; of many differing fields the first are shown, and `column` before them."""
    scores = [name for name in table[0] if name.startswith(("best ", "at", "final "))]
    fields = [name for name in table[0] if name not in (*_PLAIN, *scores, *_ANNOTATION)]
    fields.sort(key=lambda name: name != column)
    written = [name for name in _ANNOTATION if any(row[name] for row in table)]
    shown = [*_PLAIN, *scores, *fields[:MOST_FIELDS], *written]
    heads = [_HEADS.get(name, name) for name in shown]
    text = text_table(heads, ([_word(name, row[name]) for name in shown] for row in table))
    left = len(fields) - MOST_FIELDS
    more = f"\n{left} more fields differ: --diff A B, --csv and --json show them"
    return text + (more if left > 0 else "")


def _meant(word: str, names: Sequence[str]) -> str:
    """The few names that have the word in them, or the nearest one, or what there is in short."""
    found = sorted((name for name in names if word and word.lower() in name.lower()), key=len)
    if found:
        some = some_of((f'"{name}"' for name in found), most=3)
        return f"did you mean {'one of ' if len(found) > 1 else ''}{some}?"
    plain = f"there are {', '.join(_PLAIN)}, the test outputs, and fields in which runs differ"
    return did_you_mean(word, names) or plain


def _row(run: RunRecord, metric: str, finals: Sequence[str], fields: Mapping[str, str]) -> Row:
    best: Mapping[str, Any] = run.best.get(metric, {})
    content = run.content
    return {
        "run": run.name,
        "status": run.status,
        "started": content.get("started"),
        "seconds": content.get("seconds"),
        "iteration": content.get("iteration"),
        **({f"best {metric}": best.get("value"), "at": best.get("iteration")} if metric else {}),
        **{f"final {name}": run.final.get(name) for name in finals},
        **{name: run.fields.get(key) for name, key in fields.items()},
        "tags": list(run.annotation.tags),
        "note": run.annotation.note,
    }


def _of_test(name: str) -> str:
    return TEST_NET + name.removeprefix(TRAIN_NET)


def _key(value: object) -> tuple[int, float, str]:
    try:
        return 0, float(str(value)), ""
    except ValueError:
        return 1, 0.0, str(value)


def _word(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "tags":
        return _in_short(" ".join(value)) or "-"
    if name == "note":
        return _in_short(str(value)) or "-"
    if name == "started":
        return f"{datetime.fromisoformat(str(value)):%Y-%m-%d %H:%M}"
    if name == "seconds":
        minutes, seconds = divmod(round(float(str(value))), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _in_short(text: str) -> str:
    """The beginning of a text, in one line."""
    # a record may have been edited by hand
    line = one_line(" ".join(text.split()))
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1].rstrip()}…"
