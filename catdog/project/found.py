"""The labelled photos that a person names: what is there, and how `create_lmdb` is told of it."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catdog.data.build.build_remarks import alike
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.label_table import read_label_table
from catdog.data.build.list_file import read_list
from catdog.data.build.listing import Listing, Photo
from catdog.data.build.photo_table import labels_of
from catdog.data.build.table_text import Columns, columns_of, delimiter_of, rows
from catdog.data.photo_names import is_archive
from catdog.errors import DataError, some_of
from catdog.runtime.text_file import open_text
from catdog.runtime.wording import counted

#: Photos of a class below which there is nothing to learn from, nor to test with.
LEAST = 10
#: The largest class may have so many times the photos of the smallest before it is told.
_UNEVEN = 3
#: How lists and tables of labels end.
TABLES = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class FoundPhotos:
    """Labelled photos in their layout.

    Args:
        source: the folder of the photos, or of the file that names them.
        table: a list file or a table of labels, where there is one.
        several: whether a photo has several labels.
        listing: the photos.
        part: whether there are others in the source, so that these have to be listed.
    """

    source: Path
    table: Path | None
    several: bool
    listing: Listing
    part: bool = False

    @property
    def classes(self) -> list[str]:
        """The names of the classes, or of the labels."""
        return self.listing.classes

    @property
    def photos(self) -> Sequence[Photo]:
        """Those to train on, and those for validation where they came apart."""
        return self.listing.train

    @property
    def count(self) -> int:
        """All photos that are stored, those for a test apart."""
        return len(self.listing.train) + len(self.listing.validation or ())

    @property
    def training(self) -> int:
        """How many of them are trained on, about."""
        train = len(self.listing.train)
        return train if self.listing.validation is not None else train - -(-train // 6)

    def counts(self) -> list[int]:
        """Photos of each class, or with each label."""
        numbers: Counter[int] = Counter()
        for photos in (self.listing.train, self.listing.validation or ()):
            if self.several:
                numbers.update(at for photo in photos for at, v in enumerate(photo.labels) if v)
            else:
                numbers.update(labels_of(photos).tolist())
        return [numbers[label] for label in range(len(self.classes))]


def find(source: Path) -> FoundPhotos:
    """The photos of a folder in any layout, or those that a list file or a table of labels names.

    Raises DataError where there are none, they have no labels, or a class has fewer than LEAST.
    """
    if not source.exists():
        remedy = "name a folder of photos, a list or table of them, or a zip"
        raise DataError("no such file or folder", where=str(source), remedy=remedy)
    found = found_in(source)
    _check(found, source)
    return found


def found_in(source: Path) -> FoundPhotos:
    """As `find`, of a folder or file that is there; classes may have as few photos as they like."""
    return _of_folder(source) if source.is_dir() else _of_table(source)


def remarks(found: FoundPhotos) -> list[str]:
    """What deserves a look before the training: notes, uneven classes, names alike."""
    counts = dict(zip(found.classes, found.counts(), strict=True))
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    lines = [*found.listing.notes, *alike(found.classes)]
    if counts[most] > _UNEVEN * counts[least] and not found.several:
        lines.append(
            f"uneven classes: {counts[most]:,} photos of {most}, {counts[least]:,} of {least}; "
            "the accuracy is that of all photos, so look at the recall of each class"
        )
    return lines


def _of_folder(folder: Path) -> FoundPhotos:
    try:
        return FoundPhotos(folder, None, False, find_photos(folder))
    except DataError as error:
        tables = [path for path in sorted(folder.iterdir()) if _is_table(path)]
        if len(tables) != 1:
            raise
        try:
            return _of_table(tables[0])
        except DataError:
            raise error from None


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in TABLES and path.is_file()


def _of_table(file: Path) -> FoundPhotos:
    if is_archive(file):
        what = "is no zip that can be read" if file.suffix.lower() == ".zip" else "is no zip"
        raise DataError(what, where=str(file), remedy="unpack it and name the folder")
    if not _is_table(file):
        remedy = f"name a folder of photos, a zip, or a list ({', '.join(TABLES)})"
        raise DataError("is no folder, no zip and no list", where=str(file), remedy=remedy)
    if not _has_several(file):
        return FoundPhotos(file.parent, file, False, read_list(file, file.parent))
    listing = read_label_table(file, file.parent)
    values = np.unique([photo.labels for photo in listing.train])
    if not np.isin(values, (0, 1)).all():
        raise DataError(
            f"labels are numbers such as {values[~np.isin(values, (0, 1))][0]:g}, not 0 or 1",
            where=str(file),
            remedy="for numbers to learn write a net with a EuclideanLoss: docs/specs.md",
        )
    return FoundPhotos(file.parent, file, True, listing)


def _has_several(file: Path) -> bool:
    """Whether a table has more than a file and its class in each row."""
    try:
        with open_text(file, errors="surrogateescape") as stream:
            head = [line for _, line in zip(range(50), stream, strict=False)]
    except (OSError, UnicodeError) as error:
        raise DataError(f"cannot be read ({error})", where=str(file)) from None
    if file.suffix.lower() == ".txt":
        return False
    try:
        found = [row for _, row in rows(head, delimiter_of(head[0] if head else ""))]
    except csv.Error as error:
        raise DataError(f"is no CSV ({error})", where=str(file)) from None
    columns = columns_of(found[0]) if found else None
    if columns and columns != Columns(0, 1):
        return False
    return any(len(row) > 2 for row in found) or any(" " in row[-1].strip() for row in found[1:])


def _check(found: FoundPhotos, source: Path) -> None:
    counts = dict(zip(found.classes, found.counts(), strict=True))
    few = [f"{name} ({number})" for name, number in counts.items() if number < LEAST]
    if len(counts) < 2 and not found.several:
        raise DataError(
            f"one class only, {found.classes[0]}: there is nothing to tell it from",
            where=str(source),
            remedy="add photos of another class",
        )
    if few:
        kind = "labels" if found.several else "classes"
        raise DataError(
            f"{kind} with fewer than {counted(LEAST, 'photo')}: {some_of(few)}",
            where=str(source),
            remedy="add photos of them, or leave them out",
        )
