"""Reviews as the pages show them: which photos and weights each is of, its rows, its counts."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from catdog.analysis.review_candidates import read_note
from catdog.data.build.listing import in_utf8
from catdog.data.build.review import DECISIONS, DROP, KEEP, RELABEL, ReviewRow, read_review
from catdog.errors import CatdogError
from catdog.runtime.files import replacing

UNDECIDED_YET, DECIDED, EVERY = "undecided", "decided", "all"
SHOWN = (UNDECIDED_YET, DECIDED, EVERY)
#: Characters of a key.
_KEY = 20


@dataclass(frozen=True)
class ReviewOf:
    """What a review is of, which its file does not tell.

    Args:
        file: the review.
        data: a part of a store, or a folder of photos.
        weights: those that proposed photos; empty where it was opened.
    """

    file: str
    data: str
    weights: str = ""


@dataclass(frozen=True)
class ReviewedPhoto:
    """A photo of a review.

    Args:
        key: what it is asked for by.
        photo, label, decision, new_label, note: as in the file; what is not UTF-8 is escaped.
        reason: why it is to be looked at.
        taken_for, probability: the likeliest class, where a net proposed it.
    """

    key: str
    photo: str
    label: str
    decision: str
    new_label: str
    note: str
    reason: str
    taken_for: str
    probability: float | None

    @classmethod
    def of(cls, row: ReviewRow) -> "ReviewedPhoto":
        """A row of the file."""
        told = read_note(row.note)
        return cls(
            key_of(row),
            in_utf8(row.photo),
            in_utf8(row.label),
            row.decision,
            in_utf8(row.new_label),
            in_utf8(row.note),
            in_utf8(told.reason),
            in_utf8(told.taken_for),
            told.probability,
        )


@dataclass(frozen=True)
class ReviewCounts:
    """How many photos of a review are decided, and how."""

    photos: int
    kept: int
    relabelled: int
    dropped: int

    @classmethod
    def of(cls, rows: Iterable[ReviewRow]) -> "ReviewCounts":
        """The counts of some rows."""
        found = Counter(row.decision for row in rows)
        return cls(found.total(), *(found[each] for each in DECISIONS))

    @property
    def decided(self) -> int:
        """Photos with a decision."""
        return self.kept + self.relabelled + self.dropped

    @property
    def left(self) -> int:
        """Photos without one."""
        return self.photos - self.decided


@dataclass(frozen=True)
class WantedPhotos:
    """Which photos of a review are shown; empty: any."""

    show: str = UNDECIDED_YET
    reason: str = ""
    label: str = ""

    def has(self, photo: ReviewedPhoto) -> bool:
        """Whether a photo is wanted."""
        shown = self.show == EVERY or (self.show == DECIDED) == bool(photo.decision)
        reason = self.reason in ("", photo.reason)
        return shown and reason and self.label in ("", photo.label)


class Reviews:
    """What reviews are of, kept in the studio's own folder.

    Args:
        folder: a file for each review is made in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, of: ReviewOf) -> None:
        """Note what a review is of."""
        path = self._path(of.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            beside.write_text(json.dumps(asdict(of)), encoding="utf-8")

    def find(self, file: str) -> ReviewOf | None:
        """What a review is of; None where nothing is known."""
        return _read(self._path(file))

    def all(self) -> list[ReviewOf]:
        """All that is known, by the names of the files."""
        found = (_read(path) for path in self._folder.glob("*.json"))
        return sorted((each for each in found if each), key=lambda each: each.file)

    def _path(self, file: str) -> Path:
        return self._folder / f"{_digest(file)}.json"


def rows_of(path: Path) -> list[ReviewRow]:
    """The rows of a review; none where there is no file. Raises as `read_review`."""
    return read_review(path) if path.is_file() else []


def key_of(row: ReviewRow) -> str:
    """What a photo is asked for by: its name may be no text."""
    return _digest(row.photo)


def row_of(path: Path, key: str) -> ReviewRow:
    """The row of a photo. Raises CatdogError where the review has none."""
    found = next((row for row in rows_of(path) if key_of(row) == key), None)
    if found is None:
        raise CatdogError("has no such photo", where=str(path), remedy="look at the page again")
    return found


def reasons(photos: Sequence[ReviewedPhoto]) -> Iterator[str]:
    """The reasons that a net gave, in the order of the rows."""
    yield from dict.fromkeys(each.reason for each in photos if each.taken_for)


def decided_row(row: ReviewRow, decision: str, new_label: str, classes: Sequence[str]) -> ReviewRow:
    """A row with another decision; empty takes it back. Raises CatdogError for what is none."""
    if decision not in ("", KEEP, RELABEL, DROP):
        raise CatdogError("is no decision", where=decision[:40], remedy=", ".join(DECISIONS))
    if decision == RELABEL and classes and new_label not in classes:
        raise CatdogError("is no class", where=new_label[:80], remedy="choose one of the list")
    return row._replace(decision=decision, new_label=new_label if decision == RELABEL else "")


def _read(path: Path) -> ReviewOf | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return ReviewOf(*(str(content[name]) for name in ("file", "data", "weights")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:_KEY]
