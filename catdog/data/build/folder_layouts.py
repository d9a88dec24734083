"""Layouts of folders of labelled photos: Kaggle's, class folders, train/, val/ and test/."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from catdog.data.build.listing import Listing, Photo, Skipped, in_label_order
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


def find_photos(root: str | Path) -> Listing:
    """The labelled photos below a folder of any known layout.

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
    """Set the test photos of a listing to the labelled photos of a folder.

    Raises DataError where there are no photos, or photos of a class that the others lack.
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
    """Whether there is a picture file, by its suffix, where `find_photos` looks for them."""
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
    classes = in_label_order({name for name in of_file if name})
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
    """Whether a folder is neither hidden nor an LMDB nor a data set with a train/ of its own."""
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
    """Whether a folder has several classes by name: folders are parts of the data, not classes."""
    inside: dict[str, set[str]] = {}
    for name, folder in zip(named, folders, strict=True):
        inside.setdefault(folder, set()).add(name)
    return all(named) and len(set(named)) > 1 and any(len(names) > 1 for names in inside.values())


def class_in_name(file: str) -> str:
    """The class that a file's own name begins with, in lower case; empty without one.

    `cat.0.jpg`, `Cat_12.png` and `cat (3).jpg` are of class `cat`. A name without a number has
    no class, nor one that a camera gave, such as `IMG_0001.jpg`.
    """
    match = _NAMED.match(Path(file).stem)
    name = match["name"].casefold() if match else ""
    return "" if name in _NO_CLASS or len(name) < 2 else name


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:5]) + (" ..." if len(listed) > 5 else "") or "none"


def photos_in(folder: str | Path) -> list[Path]:
    """The photos of a folder, deeper ones too, in the natural order of their names.

    Raises DataError when there is no such folder or no photo in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError("no such folder", where=str(folder), remedy="name a folder of photos")
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise DataError("no photos in this folder", where=str(folder))
    return sorted(found, key=lambda path: natural(str(path)))


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key for natural order, 2 before 10."""
    parts = (part for part in re.split(r"([0-9]+)", name) if part)
    return [(0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts]
