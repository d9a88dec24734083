"""The photos that are named on a command line: files, folders, zip archives, and what to call them.

An archive is read where it is: nothing of it is written anywhere.
"""

import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from catdog.data.archives import Packed, Zip, archive_at, is_packed, slashed, stamp_of
from catdog.data.build.photo_files import check_folder, names_in
from catdog.data.images import Readable
from catdog.data.photo_names import is_archive, natural_order
from catdog.errors import DataError
from catdog.runtime.columns import LazySequence, Mapped, Picked, Texts, repeated
from catdog.runtime.files import is_zip
from catdog.runtime.text_file import open_text

#: Photos of which each is asked about, rather than all of them.
FEW = 20


class GivenPhoto(NamedTuple):
    """A photo, and its path below the folder or archive that was named."""

    file: Path | Packed
    inside: PurePosixPath


_Maker = Callable[[str], GivenPhoto]


class _GivenPhotos(LazySequence[GivenPhoto]):
    """Photos by what each word gave: how a name becomes a photo, and the names."""

    def __init__(self) -> None:
        self._makers: list[_Maker] = []
        self._sources, self._names = array("I"), Texts()

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, make: _Maker, names: Iterable[str]) -> None:
        """The photos of one word."""
        for name in names:
            self._sources.append(len(self._makers))
            self._names.append(name)
        self._makers.append(make)

    def item(self, index: int) -> GivenPhoto:
        return self._makers[self._sources[index]](self._names.item(index))


def given_photos(words: Iterable[str | Path]) -> Sequence[GivenPhoto]:
    """The photos that files, folders and zips name, in their order, each once.

    `@FILE` stands for what a file names, one in each line. Raises DataError for what is not there,
    and for a folder or an archive without photos.
    """
    found = _GivenPhotos()
    named = [each for word in words for each in _listed(word)]
    for each in named:
        with _in_list(each.line):
            found.add(*_given(Path(each.word)))
    if len(named) < 2:
        return found
    # links to one file are photos of their own
    places = Texts(os.path.abspath(str(photo.file)) for photo in found)  # noqa: PTH100
    again = repeated(places)
    return Picked(found, array("I", (at for at in range(len(found)) if at not in again)))


def are_few(words: Sequence[str]) -> bool:
    """Whether these name photos one by one, and no more than FEW; lists of them included."""
    named = [each.word for word in words for each in _listed(word)]
    return len(named) <= FEW and not any(
        path.is_dir() or is_archive(path) or is_zip(path) for path in map(Path, named)
    )


class _Word(NamedTuple):
    """What names photos, and the `file:line` where it stands in a list."""

    word: str | Path
    line: str = ""


def _listed(word: str | Path) -> list[_Word]:
    """A word, or the lines of the file that follows an `@`.

    Raises DataError for a list that cannot be read, and for one that is empty.
    """
    text = str(word)
    if not text.startswith("@") or Path(text).exists():
        return [_Word(word)]
    path = Path(text[1:])
    try:
        with open_text(path, errors="surrogateescape") as file:
            lines = [(at, line.rstrip("\r\n")) for at, line in enumerate(file, 1) if line.strip()]
    except (OSError, UnicodeError) as error:
        what = (getattr(error, "strerror", "") or str(error)).lower()
        remedy = "@FILE means a list, with a photo or a folder on each line"
        raise DataError(f"cannot be read: {what}", where=text, remedy=remedy) from error
    if not lines:
        raise DataError("names no photos", where=text, remedy="write one on each line")
    return [_Word(line, f"{path}:{at}") for at, line in lines]


@contextmanager
def _in_list(line: str) -> Iterator[None]:
    """Name the line of a list beside what is wrong with what it names."""
    try:
        yield
    except DataError as error:
        error.where = ": ".join(each for each in (line, error.where) if each)
        raise


def in_order_of_rows(photos: Sequence[GivenPhoto]) -> tuple[Sequence[Readable], Sequence[str]]:
    """The files of photos and their ids, in the natural order of the ids."""
    ids = ids_of(photos)
    order = natural_order(ids)
    return Mapped(_file, Picked(photos, order)), Picked(ids, order)


def _file(photo: GivenPhoto) -> Readable:
    return photo.file


def digest_of(files: Iterable[Readable], ids: Iterable[str]) -> str:
    """A digest of photos: their ids and places, and of their files the size and the time."""
    digest = hashlib.sha256()
    for file, name in zip(files, ids, strict=True):
        told = name, str(file), stamp_of(file)
        digest.update(repr(told).encode())
    return digest.hexdigest()


def _given(path: Path) -> tuple[_Maker, Sequence[str]]:
    if path.is_dir():
        return lambda name: GivenPhoto(path / name, PurePosixPath(name)), names_in(path)
    if path.is_file() and (is_zip(path) or is_packed(str(path))):
        archive = Zip(str(path)) if is_zip(path) else archive_at(str(path))
        return (
            lambda name: GivenPhoto(Packed(archive, name), PurePosixPath(slashed(name))),
            [member.name for member in archive.members()],
        )
    if path.is_file() and not is_archive(path):
        return lambda _: GivenPhoto(path, PurePosixPath(path.name)), [path.name]
    if path.exists():
        check_folder(path)
    remedy = "name photos, a folder of them, or a zip"
    raise DataError("no such file or folder", where=str(path), remedy=remedy)


def ids_of(photos: Sequence[GivenPhoto]) -> Sequence[str]:
    """A name for each photo that no other has: for all the shortest kind that tells them apart.

    The file's name without its ending; the path below what was named; the path as it was named;
    then these with their endings.
    """
    for kind in _KINDS:
        ids = Texts(str(kind(photo)) for photo in photos)
        if not repeated(ids):
            return ids
    return Texts(str(photo.file) for photo in photos)


_KINDS: tuple[Callable[[GivenPhoto], object], ...] = (
    lambda photo: photo.inside.stem,
    lambda photo: photo.inside.with_suffix(""),
    lambda photo: PurePosixPath(str(photo.file)).with_suffix(""),
    lambda photo: photo.inside,
)
