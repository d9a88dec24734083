"""Photos into a folder for each class: copies, or links to them.

DIR/cat/17.jpg    a photo that was taken for a cat
DIR/sorted.csv    of each photo where it went, or why it went nowhere
"""

import filecmp
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath

from catdog.data.images import Readable, Unreadable
from catdog.errors import CatdogError, DataError
from catdog.inference.foreign import NEITHER
from catdog.inference.heads import Head
from catdog.inference.photo_job import Batch, PhotoJob
from catdog.inference.predictor import Prediction
from catdog.inference.row_file import RowFile, row_file
from catdog.runtime.files import keep, unwritable

RECORD = "sorted.csv"
_TITLES = ("photo", "class", "probability", "file", "reason")
#: What is no name of a folder or file on some system, or would lead out of its folder.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
#: Bytes of a name, so that a number and an ending of its own still fit.
_LONGEST = 180
#: Letters of an ending, with its dot.
_ENDING = 12


class SortedFolders:
    """Takes predictions: each photo goes into the folder of its likeliest class.

    Args:
        folder: the folder of these folders.
        head: what the photos are sorted by.
        names: how each photo is called there, which no other is; see `names_of`.
        rows: the record.
        link: link to the photos; those of archives are unpacked nevertheless.

    A file of the same name and content is the photo itself, from before; one of other content
    stays, and the photo gets a number.
    """

    def __init__(
        self, folder: Path, head: Head, names: Sequence[str], rows: RowFile, *, link: bool = False
    ) -> None:
        self.folder, self._head, self._names, self._rows = folder, head, names, rows
        self._link = link
        self._kinds = (*head.names, NEITHER) if head.reject else head.names
        self._folders = [folder / name for name in class_folders(self._kinds)]
        #: How many photos went into the folder of each class.
        self.counts: Counter[str] = Counter()

    def told(self) -> str:
        """How many photos went where."""
        parts = [f"{self.counts[name]} {name}" for name in self._kinds if self.counts[name]]
        made = "links" if self._link else "copies"
        return (
            f"{made} in {self.folder}: {', '.join(parts) or 'none'}; {self.folder / RECORD} has all"
        )

    def lacks(self, at: int) -> bool:
        """Whether the photo at this place has not been sorted."""
        return at >= self._rows.done

    def take(self, at: int, batch: Batch) -> None:
        """Photos of which the first is at this place. Raises Unwritable."""
        places = enumerate(batch, at)
        self._rows.add(
            self._row(name, place, found) for place, (name, found) in places if self.lacks(place)
        )

    def _row(self, name: str, at: int, found: Prediction | Unreadable) -> list[object]:
        if isinstance(found, Unreadable):
            return [name, "", "", "", found.what]
        (number,) = self._head.chosen(found.probabilities)
        chance = f"{found.probabilities[number]:.6f}"
        if found.is_refused:
            number = -1
        folder, kind = self._folders[number], self._kinds[number]
        try:
            there = self._put(found.path, folder, self._names[at])
        except Unreadable as error:
            return [name, kind, chance, "", error.what]
        self.counts[kind] += 1
        return [name, kind, chance, there.relative_to(self.folder), ""]

    def _put(self, photo: Readable, folder: Path, name: str) -> Path:
        """The file of a photo in a folder, made where it is not there."""
        way = _Linked(photo) if self._link and isinstance(photo, Path) else _Copied(photo)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for target in _candidates(folder / name):
                if not os.path.lexists(target):
                    way.make(target)
                    return target
                if way.is_there(target):
                    return target
        except OSError as error:
            raise unwritable(folder / name, error) from error
        raise AssertionError("the names do not end")


class _Linked:
    def __init__(self, photo: Path) -> None:
        self._goal = photo.absolute()

    def is_there(self, target: Path) -> bool:
        return target.is_symlink() and target.readlink() == self._goal

    def make(self, target: Path) -> None:
        target.symlink_to(self._goal)


class _Copied:
    def __init__(self, photo: Readable) -> None:
        self._photo = photo

    def is_there(self, target: Path) -> bool:
        if target.is_symlink() or not target.is_file():
            return False
        if isinstance(self._photo, Path):
            return filecmp.cmp(self._photo, target, shallow=False)
        return target.read_bytes() == self._content()

    def make(self, target: Path) -> None:
        """All of it or nothing: a half copy would be taken for another photo."""
        beside = target.with_name(f".{os.getpid()}.part")
        try:
            if isinstance(self._photo, Path):
                try:
                    self._photo.open("rb").close()
                except OSError as error:  # it went away since it was predicted
                    reason = (error.strerror or "cannot be read").lower()
                    raise Unreadable(reason, where=str(self._photo)) from error
                shutil.copy2(self._photo, beside)
            else:
                beside.write_bytes(self._content())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def _content(self) -> bytes:
        try:
            return self._photo.read_bytes()
        except OSError as error:
            raise Unreadable((error.strerror or "cannot be read").lower()) from error


@contextmanager
def sorted_folders(
    folder: str | Path,
    job: PhotoJob,
    made_of: Callable[[], dict[str, str]],
    *,
    link: bool = False,
    resume: bool = False,
) -> Iterator[SortedFolders]:
    """A place for photos, with its record; an older record stays as `sorted.csv.1`.

    `made_of` and `resume` are as of `row_file`. Raises CatdogError for a net that gives several
    labels, and where the folder is one that the photos come from, or no folder.
    """
    root = Path(folder)
    head = job.heads[0]
    if head.several:
        raise CatdogError(
            "the net gives several labels, and a photo goes into the folder of one class",
            where="--sort-into",
            remedy="leave it out: the submission has a column for each label",
        )
    if root.exists() and not root.is_dir():
        raise DataError("is no folder", where=str(root))
    record = root / RECORD
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not resume:
            keep(record)
    except OSError as error:
        raise unwritable(root, error) from error
    with row_file(record, _TITLES, job.ids, made_of(), resume=resume) as rows:
        yield SortedFolders(root, head, names_of(job.files, job.ids), rows, link=link)


def check_apart(folder: str | Path, words: Sequence[str], flag: str = "--sort-into") -> None:
    """Raise CatdogError where a folder lies in one that photos are taken from: they would be its
    photos the next time."""
    root = Path(folder).resolve()
    for word in words:
        source = Path(word)
        if source.is_dir() and root.is_relative_to(source.resolve()):
            raise CatdogError(
                f"lies in {word}, where the photos come from",
                where=f"{flag} {folder}",
                remedy="name a folder beside it",
            )


def class_folders(names: Sequence[str]) -> list[str]:
    """A name of a folder for each class: of no two the same, whatever the classes are called."""
    return _distinct([_plain(name) for name in names])


def names_of(files: Sequence[Readable], ids: Sequence[str]) -> list[str]:
    """A file name for each photo: its own, or where another has that, one made of its id."""
    own = [_plain(PurePath(str(file)).name) for file in files]
    often = Counter(name.casefold() for name in own)
    return _distinct(
        [
            name if often[name.casefold()] == 1 else _plain(_with_ending(given, name))
            for name, given in zip(own, ids, strict=True)
        ]
    )


def _with_ending(given: str, name: str) -> str:
    ending = PurePath(name).suffix
    plain = given.replace("\\", "/").strip("/").replace("/", "_")
    return plain if plain.endswith(ending) else plain + ending


def _plain(name: str) -> str:
    """A name that every system takes, and that stays in its folder."""
    plain = _FORBIDDEN.sub("_", name).rstrip(" .")
    if plain.startswith("."):
        plain = "_" + plain[1:]
    stem, ending = PurePath(plain).stem, PurePath(plain).suffix[:_ENDING]
    while len(os.fsencode(plain)) > _LONGEST:
        stem = stem[:-1]
        plain = stem + ending
    return plain or "_"


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, a later one of the same letters with a number."""
    taken = {name.casefold() for name in names}
    seen: set[str] = set()
    found = []
    for name in names:
        chosen = name
        if name.casefold() in seen:
            free = (each for each in _candidates(Path(name)) if each.name.casefold() not in taken)
            chosen = next(free).name
        seen.add(chosen.casefold())
        taken.add(chosen.casefold())
        found.append(chosen)
    return found


def _candidates(path: Path) -> Iterator[Path]:
    """The path, then with (2), (3) and so on."""
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
