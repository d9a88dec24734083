"""What is told of predictions: the first ones, and of all how many are of each class."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from catdog.data.images import Unreadable
from catdog.errors import DataError, one_line
from catdog.inference.foreign import NEITHER
from catdog.inference.heads import Head, Row
from catdog.inference.predictor import Outcome, Prediction
from catdog.runtime.text_table import text_table

#: Photos that are told one by one of many.
SHOWN = 10
#: Classes of a photo whose whole answer is told.
LIKELIEST = 5
NONE = "none of them"


class Tally:
    """What is told of predictions.

    Args:
        heads: what the net tells of a photo.
        most: how many of the first predictions are kept.

    `first` are these by their ids, `counts` how many photos there are of each class or label (-1:
    of none) of each head, `refused` how many of no class at all, `skipped` what could not be read.
    """

    def __init__(self, heads: Sequence[Head], most: int = SHOWN) -> None:
        self.heads, self._most = heads, most
        self.first: dict[str, Prediction] = {}
        self.counts: list[Counter[int]] = [Counter() for _ in heads]
        self._sets: Counter[int] = Counter()
        self.refused = 0
        self.skipped: list[Unreadable] = []

    def add(self, name: str, outcome: Outcome) -> None:
        """What became of the photo of this id."""
        if isinstance(outcome, Unreadable):
            self.skipped.append(outcome)
            return
        self.show(name, outcome)
        if outcome.is_refused:
            self.refused += 1
            return
        for head, row, count in zip(self.heads, outcome.rows, self.counts, strict=True):
            count.update(head.chosen(row) or [-1])
            if head.sets:
                self._sets[len(head.within(row))] += 1

    def show(self, name: str, outcome: Outcome) -> None:
        """A prediction of before, which is not counted again, among the first ones."""
        if not self.is_full and not isinstance(outcome, Unreadable):
            self.first[name] = outcome

    @property
    def is_full(self) -> bool:
        """Whether all of the first ones are there."""
        return len(self.first) >= self._most

    def totals(self, when: str = "") -> Iterator[str]:
        """A line for each head: how many photos there are of each class or label."""
        for head, number in zip(self.heads, self.counts, strict=True):
            named = [f"{number[i]} {name}" for i, name in enumerate(head.names) if number[i]]
            named += [f"{number[-1]} {NONE}"] if number[-1] else []
            named += [f"{self.refused} {NEITHER}"] if head.reject and self.refused else []
            title = f"{head.title}: " if len(self.heads) > 1 else ""
            yield f"{when}{title}" + ", ".join(named)
            if head.sets:
                sizes = [f"{count} of {size}" for size, count in sorted(self._sets.items())]
                yield f"{when}sets of {100 * head.sets.coverage:.4g}%: {', '.join(sizes)} classes"


def in_short(first: Mapping[str, Prediction], rows: int, heads: Sequence[Head]) -> str:
    """A line for each of the first photos: its two likeliest classes, or the labels that apply."""
    words = [(name, *_words(found, heads)) for name, found in islice(first.items(), SHOWN)]
    return text_table(None, words) + ("\n..." if rows > SHOWN else "")


def in_full(predictions: Iterable[Prediction], heads: Sequence[Head]) -> str:
    """Of each photo the file and, line by line, its likeliest classes with their probabilities.

    Of several labels all that apply are marked.
    """
    return "\n".join(line for found in predictions for line in _answer(found, heads))


def _answer(found: Prediction, heads: Sequence[Head]) -> Iterator[str]:
    yield one_line(str(found.path))
    if found.foreign:
        yield f"  {NEITHER if found.is_refused else 'known'}: {found.foreign.words}"
    for head, row in zip(heads, found.rows, strict=True):
        if len(heads) > 1:
            yield f"  {one_line(head.title)}:"
        chosen = head.chosen(row) if head.several else []
        lines = [
            (one_line(head.names[i]), head.word(row[i]), *(("*",) if i in chosen else ()))
            for i in foremost(row)
        ]
        rows = [(*line, "")[:3] for line in lines]
        yield from (f"  {line}" for line in text_table(None, rows).splitlines())
        if head.several:
            yield "  (* applies)" if chosen else f"  ({NONE} applies)"
        if head.sets:
            yield f"  {one_line(head.set_words(row))}"


def foremost(row: Row, most: int = LIKELIEST) -> list[int]:
    """The likeliest classes or labels of a row, the first of equal ones first."""
    found: list[int] = (-row).argsort(kind="stable")[:most].tolist()
    return found


def nothing_read(skipped: Sequence[Unreadable]) -> DataError:
    """What to raise where no photo could be read."""
    first, count = skipped[0], len(skipped)
    if count == 1:
        return DataError(f"is no photo: {first.what}", where=first.where)
    return DataError(f"none of {count} photos can be read; {first.where}: {first.what}")


def _words(found: Prediction, heads: Sequence[Head]) -> Iterator[str]:
    if found.foreign:
        yield NEITHER if found.is_refused else ""
    for head, row in zip(heads, found.rows, strict=True):
        likely = [(head.names[i], head.word(row[i])) for i in head.likely(row)]
        if head.several:
            yield ", ".join(map(" ".join, likely)) or NONE
        else:
            yield from (word for pair in likely for word in pair)
            if head.sets:
                yield head.set_words(row)
    if found.foreign:
        yield found.foreign.words
