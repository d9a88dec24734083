"""WebDataset's tars: a photo, `key.jpg`, and its label, `key.cls` or in `key.json`, beside it."""

import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from catdog.data.archives import Packed, Tar
from catdog.data.build.list_file import classes_of
from catdog.data.build.listing import Listing, Photo, Skipped
from catdog.data.photo_names import is_picture
from catdog.errors import DataError
from catdog.runtime.columns import LazySequence, Texts, Words
from catdog.runtime.progress import progress

#: What holds a label, by the ending of its name; the first one counts.
_LABELS = ("cls", "json")
#: The names of the label in a JSON object.
_IN_JSON = ("cls", "label")
#: Bytes of a label, at most.
_LONGEST = 1 << 20


class PackedPhotos(LazySequence[Photo]):
    """Photos of tars: some 20 bytes for each beside its name."""

    def __init__(self, tars: Sequence[Tar]) -> None:
        self._tars = tars
        self._which, self._numbers, self._labels = array("I"), array("I"), array("q")
        self._names = Texts()

    def __len__(self) -> int:
        return len(self._names)

    def append(self, tar: int, number: int, name: str, label: int) -> None:
        """One more: the number of its tar, and its own there."""
        self._which.append(tar)
        self._numbers.append(number)
        self._names.append(name)
        self._labels.append(label)

    def item(self, index: int) -> Photo:
        tar = self._tars[self._which[index]]
        packed = Packed(tar, tar.names()[self._numbers[index]])
        name = self._names.item(index)
        return Photo(Path(str(packed)), name, self._labels[index], packed=packed)


class _Found(NamedTuple):
    """A photo of a tar, or why it is none: the number and the name of its file, and its label."""

    number: int
    name: str
    label: str
    trouble: str = ""


def is_webdataset(tar: Tar) -> bool:
    """Whether a file of a tar holds the label of a photo beside it."""
    names = set(tar.names())
    return any(
        f"{key}.{label}" in names
        for key, ending in map(_taken_apart, names)
        if _is_photo(ending)
        for label in _LABELS
    )


def read_webdataset(places: Sequence[str]) -> Listing:
    """The photos of some tars, in the order of the tars and of what is in them.

    A photo without a label is skipped. Raises DataError for a tar that cannot be read, and with
    the labels found where they are neither names nor 0 .. C-1.
    """
    tars = [Tar(place) for place in places]
    labels, kept, skipped = Words(), PackedPhotos(tars), list[Skipped]()
    which, numbers, names = array("I"), array("I"), Texts()
    stems = _stems(places)
    for at, tar in enumerate(progress(tars, "list", unit="tars")):
        for found in _photos(tar):
            name = f"{stems[at]}/{found.name}"
            if found.trouble:
                skipped.append(Skipped(name, found.trouble))
                continue
            which.append(at)
            numbers.append(found.number)
            names.append(name)
            labels.append(found.label)
    if not names:
        if skipped:
            what = f"no photo with a label that can be read; {skipped[0].name}: {skipped[0].reason}"
            raise DataError(what, where=places[0])
        remedy = "a WebDataset has the label of key.jpg in key.cls, or in key.json as cls or label"
        raise DataError("no photo with a label", where=places[0], remedy=remedy)
    classes = classes_of(labels.counts(), None, Path(places[0]))
    number_of = {
        word: int(word) if word.isdecimal() else classes.index(word) for word in labels.distinct
    }
    for place in range(len(names)):
        kept.append(which[place], numbers[place], names[place], number_of[labels[place]])
    return Listing("WebDataset's tars", classes, kept, None, skipped)


def _photos(tar: Tar) -> Iterator[_Found]:
    """The photos of a tar; a label may come before its photo or after it."""
    photos: list[tuple[int, str, str]] = []
    labels: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(tar.names()):
        key, ending = _taken_apart(name)
        if _is_photo(ending):
            photos.append((number, key, name))
        elif ending in _LABELS:
            rank = _LABELS.index(ending)
            labels[key] = min(labels.get(key, (rank, number)), (rank, number))
    for number, key, name in photos:
        if key not in labels:
            yield _Found(number, name, "", "no .cls or .json beside it")
            continue
        rank, at = labels[key]
        try:
            yield _Found(number, name, _label(tar.read_at(at, _LONGEST), _LABELS[rank]))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            yield _Found(number, name, "", f"its .{_LABELS[rank]}: {reason}")


def _label(data: bytes, ending: str) -> str:
    """The label of a file; ValueError where there is none in it."""
    try:
        text = data.decode()
        found = text.strip()
        if ending == "json":
            content = json.loads(text)
            told = content if isinstance(content, dict) else {}
            label = next((told[name] for name in _IN_JSON if name in told), "")
            # of null, a list or a fraction a class would be made
            found = str(label).strip() if type(label) in (int, str) else ""
    except (ValueError, RecursionError) as error:
        raise ValueError("is no text" if ending == "cls" else "is no JSON") from error
    if not found or "\n" in found:
        raise ValueError("no label in it")
    return found


def _is_photo(ending: str) -> bool:
    """Whether a member of such an ending is its sample's photo; `seg.png` is something else."""
    return "." not in ending and is_picture(f"_.{ending}")


def _taken_apart(name: str) -> tuple[str, str]:
    """The key and the ending of a member, divided at the first dot of the file's name."""
    folder, slash, file = name.rpartition("/")
    stem, _, ending = file.partition(".")
    return folder + slash + stem, ending.lower()


def _stems(places: Sequence[str]) -> list[str]:
    """A name for each tar, that of its file where no other has it."""
    stems = [place.rpartition("/")[2].removesuffix(".tar") for place in places]
    return stems if len(set(stems)) == len(stems) else [str(at) for at in range(len(places))]
