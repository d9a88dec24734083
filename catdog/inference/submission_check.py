"""Whether Kaggle will take a submission, and the command that sends it."""

import csv
import math
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catdog.errors import DataError, did_you_mean, some_of
from catdog.runtime.wording import counted


@dataclass(frozen=True)
class Competition:
    """What a competition takes: the ids 1 to `count`, a label of 0 or 1, or a probability."""

    name: str
    probabilities: bool
    count: int = 12_500


#: Those whose form is known; others are held against their sample.
COMPETITIONS = {
    each.name: each
    for each in (
        Competition("dogs-vs-cats", probabilities=False),
        Competition("dogs-vs-cats-redux-kernels-edition", probabilities=True),
    )
}
_HEADER = ("id", "label")


@dataclass(frozen=True)
class CheckedSubmission:
    """A submission in order: how many rows it has, and what is odd about it nevertheless."""

    rows: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Table:
    path: Path
    header: tuple[str, ...]
    #: Of each row its line in the file, and its words.
    rows: Sequence[tuple[int, tuple[str, ...]]]

    def where(self, line: int) -> str:
        return f"{self.path}:{line}"


def check_submission(
    path: str | Path, competition: str, sample: str | Path | None = None
) -> CheckedSubmission:
    """Check a submission: its header, ids, their number, and its values.

    `sample` is the competition's own, whose header and ids it must have; without it they are those
    of a competition of COMPETITIONS. Raises DataError with the first fault, and how many more there
    are of its kind.
    """
    table, known = _read(Path(path)), COMPETITIONS.get(competition)
    if sample is not None:
        example = _read(Path(sample))
        header: tuple[str, ...] = example.header
        ids: Collection[str] = [words[0] for _, words in example.rows]
    elif known:
        header, ids = _HEADER, [str(number) for number in range(1, known.count + 1)]
    else:
        remedy = did_you_mean(competition, COMPETITIONS)
        raise DataError(
            f'the form of "{competition}" is not known here',
            where="--competition",
            remedy=remedy or "give --sample with the competition's sample submission",
        )
    if table.header != header:
        raise DataError(
            f"its columns are {','.join(table.header)}, {competition} wants {','.join(header)}",
            where=table.where(1),
            remedy="" if sample else "catdog predict writes them",
        )
    _check_ids(table, ids)
    return CheckedSubmission(len(table.rows), tuple(_remarks(_values(table, known), known)))


def submit_command(path: str | Path, competition: str, message: str) -> list[str]:
    """The words of the command that sends a submission with Kaggle's own program."""
    return ["kaggle", "competitions", "submit", "-c", competition, "-f", str(path), "-m", message]


def in_shell(command: Sequence[str]) -> str:
    """A command as one types it."""
    return shlex.join(command)


def _read(path: Path) -> _Table:
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, tuple(words)) for words in reader if words]
    except OSError as error:
        raise DataError((error.strerror or "cannot be read").lower(), where=str(path)) from None
    except csv.Error as error:
        raise DataError(f"is no CSV: {error}", where=str(path)) from None
    if len(rows) < 2:
        raise DataError("has no rows", where=str(path), remedy="predict the photos of test1")
    (_, header), *others = rows
    table = _Table(path, header, others)
    odd = [(line, words) for line, words in others if len(words) != len(header)]
    for line, words in odd[:1]:
        what = f"has {len(words)} values, the header {len(header)}"
        raise DataError(what + _more(odd), where=table.where(line))
    return table


def _check_ids(table: _Table, wanted: Collection[str]) -> None:
    expected, seen = set(wanted), set[str]()
    twice, strange = [], []
    for line, (name, *_) in table.rows:
        if name in seen:
            twice.append((line, name))
        elif name not in expected:
            strange.append((line, name))
        seen.add(name)
    for found, what in ((twice, "is there before"), (strange, "is no id of this competition")):
        for line, name in found[:1]:
            raise DataError(f'id "{name}" {what}{_more(found)}', where=table.where(line))
    if missing := [name for name in wanted if name not in seen]:
        raise DataError(
            f"lacks {counted(len(missing), 'id')}: {some_of(missing)}",
            where=str(table.path),
            remedy=_where_they_are(table.path.with_suffix(".skipped.csv")),
        )


def _where_they_are(skipped: Path) -> str:
    """What explains rows that are not there."""
    if skipped.exists():
        return f"a row for each photo of the test set; {skipped.name} lists those that failed"
    return (
        "a row for each photo of the test set; if yours is another: --sample sampleSubmission.csv"
    )


def _values(table: _Table, known: Competition | None) -> list[float]:
    """All values, which are what the competition takes."""
    found: list[float] = []
    odd: list[tuple[int, str]] = []
    for line, (_, *words) in table.rows:
        for word in words:
            value = _number(word)
            found.append(value)
            if not _is_fine(value, known):
                odd.append((line, word))
    for line, word in odd[:1]:
        wants = "0 or 1" if known and not known.probabilities else "a number from 0 to 1"
        plain = known and not known.probabilities and 0 < _number(word) < 1
        raise DataError(
            f'"{word}" stands where {wants} belongs{_more(odd)}',
            where=table.where(line),
            remedy="this competition wants labels: predict without --probability" if plain else "",
        )
    return found


def _is_fine(value: float, known: Competition | None) -> bool:
    if known and not known.probabilities:
        return value in (0, 1)
    return 0 <= value <= 1


def _remarks(values: Sequence[float], known: Competition | None) -> Iterator[str]:
    hard = sum(value in (0, 1) for value in values)
    if known and known.probabilities and hard:
        yield (
            f"{hard:,} of {len(values):,} probabilities are exactly 0 or 1: a wrong one costs "
            "the most that a log loss can; predict with --probability"
        )
    if len(set(values)) == 1:
        yield "all values are the same"


def _number(word: str) -> float:
    """The number that a word is; nan for any other."""
    try:
        return float(word)
    except ValueError:
        return math.nan


def _more(found: Sequence[object]) -> str:
    return f" ({len(found) - 1:,} more like it)" if len(found) > 1 else ""
