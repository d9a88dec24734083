"""Where the labelled photos are: Kaggle's folder, class folders, train/, val/ and test/, a list."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from catdog.data.images import Pixels
from catdog.errors import DataError

PICTURES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif",
))  # fmt: skip
"""Endings of the names of files that are taken for pictures, in small letters."""

_SILENT = frozenset(("thumbs.db", "desktop.ini"))
_VALIDATION = ("val", "validation", "valid")

#: `cat.0.jpg`, `great_dane_12.png`, `dog (3).jpg`: the class is what stands before the number.
_NAMED = re.compile(r"(?P<name>[^\W\d_](?:.*?[^\W\d_])?)[\s._-]*\(?\d")
#: Names that cameras and programs give.
_NO_CLASS = frozenset((
    "img", "dsc", "dscn", "dscf", "pict", "pic", "photo", "picture", "image", "screenshot",
    "untitled", "download", "copy",
))  # fmt: skip
#: More classes than this, with hardly two photos each, are no classes.
_MANY = 20


class Photo(NamedTuple):
    """A file, its name within the data (the end of its key), and its label.

    `labels` stand in place of the label where there are several. Where the file holds many
    pictures, `pixels` are those of this one: height x width x BGR, not to be changed.
    """

    path: Path
    name: str
    label: int = 0
    labels: tuple[float, ...] = ()
    pixels: Pixels | None = None


class Skipped(NamedTuple):
    """A file that is not used, and why."""

    name: str
    reason: str


@dataclass
class Listing:
    """Labelled photos, still in the order of their names.

    `layout` says which arrangement was recognised; `validation` is None where the photos have not
    been divided yet, `test` where there are no test photos. With label vectors, `classes` are the
    names of their places.
    """

    layout: str
    classes: list[str]
    train: list[Photo]
    validation: list[Photo] | None = None
    skipped: list[Skipped] = field(default_factory=list)
    test: list[Photo] | None = None


def find_photos(root: str | Path) -> Listing:
    """The labelled photos below a folder, whichever known arrangement it has.

    In this order: `train/` beside `val/`; `train/` alone; the folder itself. Each of them has
    either photos named for their class (`cat.0.jpg`) or a folder for each class. `test/` beside
    `train/` counts where its photos are of the same classes; without, they are to be predicted.
    Raises DataError when there are no photos or no labels to be found.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError("no such folder", where=str(root))
    train = root / "train"
    validation = next((root / name for name in _VALIDATION if (root / name).is_dir()), None)
    if not train.is_dir():
        return _find_one(root, root)
    found = _find_one(train, root)
    if validation is not None:
        found = _side_by_side(found, _find_one(validation, root), validation.name)
    return _with_own_test(found, root)


def add_test(listing: Listing, folder: str | Path) -> None:
    """Take the labelled photos of a folder for the test photos.

    Raises DataError where there are none, or some of a class that the others have not.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError("no such folder", where=str(folder))
    _take_test(listing, _find_one(folder, folder.parent), f"{folder.name}/")


def _with_own_test(listing: Listing, root: Path) -> Listing:
    """With test/, where all of it is of known classes."""
    try:
        if (root / "test").is_dir():
            _take_test(listing, _find_one(root / "test", root), "test/")
    except DataError:
        pass  # photos to predict
    return listing


def _take_test(listing: Listing, test: Listing, name: str) -> None:
    listing.test = _relabelled(listing, test, name)
    listing.skipped += test.skipped
    listing.layout += f", {name} apart"


def has_photos(root: str | Path) -> bool:
    """Whether there is any picture, going by the names, where `find_photos` looks for them."""
    root = Path(root)
    folder = root / "train" if (root / "train").is_dir() else root
    return any(Path(parts[-1]).suffix.lower() in PICTURES for parts in _files(folder))


def _relabelled(train: Listing, later: Listing, name: str) -> list[Photo]:
    """Photos of other folders with the labels that their classes have in train/."""
    unknown = sorted(set(later.classes) - set(train.classes))
    if unknown:
        raise DataError(
            f"{name} has classes that train/ has not: {_some(unknown)}",
            remedy=f"train/ has {_some(train.classes)}",
        )
    labels = [train.classes.index(name) for name in later.classes]
    return [photo._replace(label=labels[photo.label]) for photo in later.train]


def _side_by_side(train: Listing, validation: Listing, name: str) -> Listing:
    photos = _relabelled(train, validation, f"{name}/")
    layout = f"train/ and {name}/ side by side, {train.layout}"
    skipped = train.skipped + validation.skipped
    return Listing(layout, train.classes, train.train, photos, skipped)


def _find_one(folder: Path, root: Path) -> Listing:
    """The photos of one folder, each with the name that its key has."""
    # relative to train/, or with val/ in front
    above = () if folder in (root, root / "train") else (folder.name,)
    skipped: list[Skipped] = []
    found: list[tuple[str, ...]] = []
    for parts in _files(folder):
        if Path(parts[-1]).suffix.lower() in PICTURES:
            found.append(parts)
        elif not parts[-1].startswith(".") and parts[-1].lower() not in _SILENT:
            skipped.append(Skipped("/".join((*above, *parts)), "not a picture by its name"))
    if not found:
        raise DataError("no photos in this folder", where=str(folder))
    layout, of_file = _labels(found, folder)
    classes = _in_order({name for name in of_file if name})
    photos = []
    for parts, name in zip(found, of_file, strict=True):
        full = "/".join((*above, *parts))
        if name:
            photos.append(Photo(folder.joinpath(*parts), full, classes.index(name)))
        else:
            skipped.append(Skipped(full, "no class in its name, and in no class folder"))
    return Listing(layout, classes, photos, None, skipped)


def _files(folder: Path) -> Iterator[tuple[str, ...]]:
    """Files below a folder as parts of their paths, in order; a loop of links is walked once."""
    seen = set()
    for at, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if _is_part(Path(at, name)))
        inside = Path(at).relative_to(folder).parts
        yield from ((*inside, name) for name in sorted(files))


def _is_part(folder: Path) -> bool:
    """Not hidden, no LMDB, and no data set of its own, with its own train/ in it."""
    own = (folder / "train").is_dir() or (folder / "data.mdb").exists()
    return not (folder.name.startswith(".") or own)


def _labels(found: Sequence[tuple[str, ...]], folder: Path) -> tuple[str, list[str]]:
    """The layout and the class of each file, empty where it has none."""
    named = [class_in_name(parts[-1]) for parts in found]
    folders = [parts[0] if len(parts) > 1 else "" for parts in found]
    if len(set(folders) - {""}) > 1 and not _mixed(named, folders):
        return "a folder for each class", folders
    classes = set(named) - {""}
    if len(classes) > 1 and not len(found) / 2 < len(classes) > _MANY:
        return "photos named for their class", named
    raise DataError(
        f"no labels: {len(found)} photos, classes in their names: {_some(classes)}",
        where=str(folder),
        remedy="name them cat.0.jpg, dog.0.jpg, make a folder for each class, or give a list file",
    )


def _mixed(named: Sequence[str], folders: Sequence[str]) -> bool:
    """Whether the names tell classes apart that the folders mix: folders of parts, not classes."""
    inside: dict[str, set[str]] = {}
    for name, folder in zip(named, folders, strict=True):
        inside.setdefault(folder, set()).add(name)
    return all(named) and len(set(named)) > 1 and any(len(names) > 1 for names in inside.values())


def class_in_name(file: str) -> str:
    """The class that a file's own name begins with, in lower case; empty when it has none.

    `cat.0.jpg`, `Cat_12.png` and `cat (3).jpg` are of class `cat`. A name without a number has
    no class, nor one that a camera gave, such as `IMG_0001.jpg`.
    """
    match = _NAMED.match(Path(file).stem)
    name = match["name"].casefold() if match else ""
    return "" if name in _NO_CLASS or len(name) < 2 else name


def _in_order(names: Collection[str]) -> list[str]:
    """Class names as their labels count them: sorted, by value where all are numbers."""
    return sorted(names, key=int) if all(map(str.isdecimal, names)) else sorted(names)


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:5]) + (" ..." if len(listed) > 5 else "") or "none"


def read_list(
    file: str | Path,
    root: str | Path | None = None,
    labels: str | Path | None = None,
    validation: str | Path | None = None,
) -> Listing:
    """The photos that a list file names, `path label` in each line.

    Paths are relative to `root`, else to the list's own folder. Labels are numbers from 0 on,
    named by the lines of the file `labels`, or class names. A file that is named twice is used
    once. Raises DataError with file and line for a line that cannot be read, and with the labels
    found when they are not 0 .. C-1.
    """
    pairs = _pairs(Path(file))
    later = _pairs(Path(validation)) if validation else None
    found = [label for _, label in pairs + (later or [])]
    classes = _classes(found, Path(labels) if labels else None, Path(file))
    base = Path(root) if root else Path(file).parent
    listing = Listing("a list file", classes, [], None if later is None else [])
    seen: Counter[str] = Counter()
    for target, part in ((listing.train, pairs), (listing.validation, later or [])):
        for name, label in part:
            seen[name] += 1
            if seen[name] > 1:
                listing.skipped.append(Skipped(name, "listed twice"))
            elif target is not None:
                number = int(label) if label.isdecimal() else classes.index(label)
                target.append(Photo(base / name, name, number))
    return listing


def read_numbered(file: str | Path, root: str | Path) -> list[Photo]:
    """The photos of a list file with the numbers it gives them, whatever they are.

    Paths follow on from `root`. Raises DataError, with file and line, for a label that is none.
    """
    pairs = _pairs(Path(file))
    for number, (_, label) in enumerate(pairs, 1):
        if not re.fullmatch(r"[+-]?\d+", label):
            raise DataError(f'the label "{label}" is no number', where=f"{file}, entry {number}")
    return [Photo(Path(f"{root}/{name}"), name, int(label)) for name, label in pairs]


def _pairs(file: Path) -> list[tuple[str, str]]:
    """(path, label) of each line; a path may have spaces in it, so the last one divides."""
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise DataError(f"cannot read the list ({error.strerror})", where=str(file)) from error
    pairs = []
    for number, line in enumerate(lines, 1):
        path, _, label = line.strip().rpartition(" ")
        if path and label:
            pairs.append((path.strip(), label))
        elif line.strip():
            raise DataError("no label", where=f"{file}:{number}", remedy="write `path label`")
    if not pairs:
        raise DataError("the list is empty", where=str(file))
    return pairs


def _classes(found: Sequence[str], labels: Path | None, file: Path) -> list[str]:
    numeric = [int(label) for label in found if label.isdecimal()]
    if not numeric and labels is None:
        return _in_order(set(found))
    names = labels.read_text(encoding="utf-8").split("\n") if labels else []
    names = [name.strip() for name in names if name.strip()]
    count = len(names) if labels else max(numeric) + 1
    known = set(names) | {str(number) for number in range(count)}
    wrong = sorted(set(found) - known)
    if wrong or (not labels and set(numeric) != set(range(count))):
        shown = ", ".join(sorted(set(found), key=lambda label: (len(label), label))[:10])
        raise DataError(
            f"labels are not 0 .. C-1; found {shown}",
            where=str(file),
            remedy="number the classes from 0 without a gap, or write their names",
        )
    return names or [str(number) for number in range(count)]
