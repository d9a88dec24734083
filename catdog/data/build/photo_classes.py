"""Which class each photo of a folder is of: that of its folder, or that of its own name."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path
from typing import NamedTuple

from catdog.data.build.photo_files import Folder, subfolders
from catdog.data.photo_names import is_picture
from catdog.errors import DataError
from catdog.runtime.columns import Words
from catdog.runtime.wording import counted

#: `cat.0.jpg`, `great_dane_12.png`, `dog (3).jpg`: the class is what stands before the number.
_NAMED = re.compile(r"(?P<name>[^\W\d_](?:.*?[^\W\d_])?)[\s._-]*\(?\d")
#: Names that cameras and programs give.
_NO_CLASS = frozenset((
    "img", "dsc", "dscn", "dscf", "pict", "pic", "photo", "picture", "image", "screenshot",
    "untitled", "download", "copy",
))  # fmt: skip
#: Folders that only divide the data: `part1`, `fold_2`, `train`.
_PART = re.compile(
    r"(part|fold|batch|split|chunk|shard|train|training|val|valid|validation|test|testing)"
    r"([\s._-]*set)?[\s._-]*\d*"
)
#: More classes by name than this, most of them with one photo, are no classes.
_MANY = 20

_LOOKED_AT = 20
_REMEDY = "name them cat.0.jpg, dog.0.jpg, make a folder for each class, or give a list file"


class PhotoClasses(NamedTuple):
    """The layout of a folder, and the class of each of its photos, empty where it has none.

    The `notes` tell where folders and names do not say the same.
    """

    layout: str
    of_each: Words
    by_folder: bool
    notes: list[str]


def photo_classes(
    found: Sequence[str], folder: Folder, known: Collection[str] = ()
) -> PhotoClasses:
    """The classes of photos by their paths below a folder, `/` between the parts.

    A `known` class needs no second one beside it.

    Folders count before names, unless they only divide the data or most photos are in none.
    Raises DataError where there are none to be found, or most photos have none.
    """
    named, folders = Words(), Words()
    for path in found:
        top, _, inside = path.partition("/")
        named.append(class_in_name(path.rpartition("/")[2]))
        folders.append(top if inside else "")
    by_name = _are_classes(named.distinct, known)
    if _are_classes(folders.distinct, known) and not (by_name and _say_nothing(folders)):
        _check_no_parts(found, folder)
        notes = _disagreement(named, folders)
        classes = PhotoClasses("a folder for each class", folders, by_folder=True, notes=notes)
    elif by_name:
        classes = PhotoClasses("photos named for their class", named, by_folder=False, notes=[])
    else:
        raise _no_labels(found, named, folder)
    without = classes.of_each.counts()[""]
    if 2 * without > len(found):
        raise DataError(
            f"most photos have no class: {without} of {len(found)}, such as "
            f"{found[classes.of_each.index('')]}",
            where=str(folder),
            remedy=_REMEDY,
        )
    if not classes.by_folder and are_chance(named.counts()):
        raise _no_labels(found, named, folder)
    return classes


def _are_classes(names: Iterable[str], known: Collection[str]) -> bool:
    classes = set(names) - {""}
    return len(classes) > 1 or (bool(classes) and classes <= set(known))


def are_chance(counts: Mapping[str, int]) -> bool:
    """Whether names, of so many photos each, are hardly ever the same: no classes.

    So are checksums and measurements.
    """
    numbers = [number for name, number in counts.items() if name]
    return len(numbers) > _MANY and 2 * numbers.count(1) > len(numbers)


def _say_nothing(folders: Words) -> bool:
    """Whether folders only divide the data, by their names, or most photos are in none."""
    parts = all(_PART.fullmatch(name.casefold()) for name in set(folders.distinct) - {""})
    return parts or 2 * folders.counts()[""] > len(folders)


def _disagreement(named: Words, folders: Words) -> list[str]:
    """A line where names look like classes too, but not like those of the folders.

    Then a folder has several of them, or one that is the class of another folder.
    """
    inside: dict[str, set[str]] = {}
    both = set(zip(named.codes.tolist(), folders.codes.tolist(), strict=True))
    for name, folder in ((named.distinct[one], folders.distinct[other]) for one, other in both):
        if name and folder:
            inside.setdefault(folder, set()).add(name)
    others = {folder.casefold() for folder in folders.distinct}
    swapped = any((names & others) - {own.casefold()} for own, names in inside.items())
    several = any(len(names) > 1 for names in inside.values())
    counts = named.counts()
    if not (swapped or several) or 2 * counts[""] > len(named) or are_chance(counts):
        return []
    return [
        f"the folders are the classes ({_some(folders)}), not what the names of the photos begin "
        f"with ({_some(named)})"
    ]


def _some(words: Words) -> str:
    return some(set(words.distinct) - {""})


def _check_no_parts(found: Iterable[str], folder: Folder) -> None:
    """Raise DataError where folders beside each other hold folders of the same names.

    One name, such as images/, may well be in each class.
    """
    inside: dict[str, set[str]] = {}
    for path in found:
        if len(parts := path.split("/", 2)) > 2:
            inside.setdefault(parts[0], set()).add(parts[1])
    for one, other in combinations(inside, 2):
        if len(both := inside[one] & inside[other]) > 1:
            raise DataError(
                f"{one}/ and {other}/ both hold {some(both)}: they seem to be parts of the data, "
                "no classes",
                where=str(folder),
                remedy="call them train, val and test, or give a list file",
            )


def _no_labels(found: Sequence[str], named: Words, folder: Folder) -> DataError:
    classes = set(named.distinct) - {""}
    begins = {tuple(path.split("/", 2)[:-1]) for path in found}
    tops = {parts[0] for parts in begins if parts}
    deeper = {parts[1] for parts in begins if len(parts) > 1}
    apart = () not in begins
    if apart and len(tops) == 1 and len(deeper) > 1:
        return DataError(
            f"all photos are in {min(tops)}/, which has folders of its own",
            where=str(folder),
            remedy=f"name {folder / min(tops)}",
        )
    alone = classes if "" not in named.distinct else tops if apart else set()
    if len(alone) == 1:
        return DataError(
            f"one class only, {min(alone)}: there is nothing to tell it from",
            where=str(folder),
            remedy="add photos of another class",
        )
    beside = [] if deeper or tops else _classes_beside(folder)
    parent = f"name {folder.parent}, which has {some(beside)} too; or " if beside else ""
    return DataError(
        f"no labels: {counted(len(found), 'photo')}, classes in their names: {some(classes)}",
        where=str(folder),
        remedy=f"{parent}{_REMEDY}",
    )


def _classes_beside(folder: Folder) -> list[str]:
    """The folders beside one that begin with pictures too: the classes that it is one of."""
    return [
        path.name
        for path in subfolders(folder.parent)
        if isinstance(path, Path)
        and path.name != folder.name
        and any(is_picture(each.name) for each in islice(path.iterdir(), _LOOKED_AT))
    ]


def class_in_name(file: str) -> str:
    """The class that a file's own name begins with, in lower case; empty without one.

    `cat.0.jpg`, `Cat_12.png` and `cat (3).jpg` are of class `cat`. A name without a number has
    no class, nor one that a camera gave, such as `IMG_0001.jpg`.
    """
    stem, dot, _ = file.rpartition(".")
    match = _NAMED.match(stem if dot else file)
    name = match["name"].casefold() if match else ""
    return "" if name in _NO_CLASS or len(name) < 2 else name


def some(names: Iterable[str]) -> str:
    """The first names in order, for a message."""
    listed = sorted(names)
    return ", ".join(listed[:5]) + (" ..." if len(listed) > 5 else "") or "none"
