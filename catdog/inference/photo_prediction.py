"""What a net says of one photo, for a Python program: names and probabilities."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from catdog.inference.foreign import NEITHER, Foreignness
from catdog.inference.heads import Head, Row

#: So many classes are shown where there are more.
SHOWN = 5
_BAR = (
    "<tr><td style='text-align:left'>{name}</td><td style='text-align:right'>{word}</td>"
    "<td style='text-align:left;min-width:10em'><div style='background:#3b6ea5;height:.8em;"
    "width:{width:.1f}%'></div></td></tr>"
)


@dataclass(frozen=True)
class PhotoPrediction:
    """What a net says of one photo.

        found = predictor("a.jpg")
        found.label, found.probability      # ("cat", 0.973)

    Args:
        photo: where it came from: its path, or what it was given as.
        head: what the numbers stand for.
        row: a probability for each class, in the order of the classes; numpy, float32.
        others: what the further heads of the net say, by their titles.
        foreign: how foreign the photo is to the net, where the predictor refuses some; else None.
    """

    photo: str
    head: Head = field(repr=False)
    row: Row = field(repr=False)
    others: dict[str, "PhotoPrediction"] = field(default_factory=dict)
    foreign: Foreignness | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the photo shows none of the classes, by the predictor's `reject`."""
        return self.foreign is not None and self.foreign.is_refused

    @property
    def label(self) -> str:
        """The name of the likeliest class, or of the likeliest of several labels."""
        return self.head.names[self.number]

    @property
    def number(self) -> int:
        """The number of `label`, as the labels of the training have it."""
        return int(self.row.argmax())

    @property
    def probability(self) -> float:
        """That of `label`; a score where the net gives scores."""
        return float(self.row.max())

    @property
    def labels(self) -> list[str]:
        """The labels that are more likely than not; of classes of which one is right, that one."""
        return [self.head.names[number] for number in self.head.chosen(self.row)]

    @property
    def within(self) -> list[str]:
        """The set of classes that holds the right one as often as the predictor's `coverage` says,
        likeliest first; empty without one."""
        return [self.head.names[number] for number in self.head.within(self.row)]

    @property
    def probabilities(self) -> dict[str, float]:
        """Of each class by its name, in the order of the classes. Their sum is 1, unless each is
        a label of its own."""
        return dict(zip(_distinct(self.head.names), map(float, self.row), strict=True))

    def top(self, count: int = SHOWN) -> list[tuple[str, float]]:
        """The likeliest classes, at most `count`, with their probabilities, likeliest first."""
        order = np.argsort(-self.row, kind="stable")[:count]
        return [(self.head.names[number], float(self.row[number])) for number in order]

    def __str__(self) -> str:
        """`cat 97.3%`, or all labels that apply; those of further heads behind it."""
        words = [self._words(), *(f"{name}: {each}" for name, each in self.others.items())]
        if self.foreign and self.is_refused:
            words.insert(0, f"{NEITHER} ({self.foreign.words})")
        return "; ".join(words)

    def __repr__(self) -> str:
        return f"<{self.photo}: {self}>"

    def _words(self) -> str:
        if not self.head.several:
            within = f" ({self.head.set_words(self.row)})" if self.head.sets else ""
            return f"{self.label} {self.head.word(self.probability, 1)}{within}"
        chosen = self.head.chosen(self.row)
        named = (f"{self.head.names[at]} {self.head.word(self.row[at], 1)}" for at in chosen)
        return ", ".join(named) or "none of them"

    def _repr_html_(self) -> str:
        """Bars of the likeliest classes, for a notebook."""
        tables = [_bars(self), *map(_bars, self.others.values())]
        return f"<div><div><code>{escape(self.photo)}</code></div>{''.join(tables)}</div>"


def _bars(found: PhotoPrediction) -> str:
    rows = (
        _BAR.format(
            name=escape(name),
            word=found.head.word(value, 1),
            width=0.0 if found.head.scores else 100 * min(max(value, 0.0), 1.0),
        )
        for name, value in found.top()
    )
    return f"<table>{''.join(rows)}</table>"


def told_apart(
    rows: Sequence[Row], heads: Sequence[Head]
) -> tuple[Sequence[Row], Foreignness | None]:
    """The rows of the heads, and what a further one says of how foreign the photo is."""
    reject = heads[0].reject
    if reject is None:
        return rows, None
    return rows[: len(heads)], Foreignness(float(rows[-1][0]), reject.limit)


def photo_predictions(
    photo: str, rows: Sequence[Row], heads: Sequence[Head], foreign: Foreignness | None = None
) -> PhotoPrediction:
    """What all heads of a net say of a photo: the first one, with the others in it."""
    titles = _distinct([head.title for head in heads])
    first, *others = (
        PhotoPrediction(photo, head, row) for head, row in zip(heads, rows, strict=True)
    )
    said = dict(zip(titles[1:], others, strict=True))
    return PhotoPrediction(photo, first.head, first.row, said, foreign)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of which none is there twice: a later one gets its number."""
    return list(_numbered(names))


def _numbered(names: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        yield f"{name} ({number})" if name in seen else name
        seen.add(name)
