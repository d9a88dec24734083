"""The builds of a folder of stores: one at a time, and one rename makes a new one current.

    input/train_lmdb -> .builds/current/train_lmdb
    input/.builds/current -> 4
    input/.builds/4/train_lmdb/data.mdb ...

Whatever moment a process dies at, all names of `input` lead into one build.
"""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catdog.data.build.build_files import SKIPPED
from catdog.data.checksums import CHECKSUMS, read_checksums
from catdog.data.lmdb_store import BUILT, DATA_FILE
from catdog.data.mean import BUILT_MEAN
from catdog.data.preprocessing import DATASET_FILE
from catdog.data.store_names import SHARD
from catdog.errors import DataError
from catdog.runtime.files import flush, flush_all, free_name
from catdog.runtime.lock import only_one

BUILDS, CURRENT = ".builds", "current"
NAMES = (*BUILT, BUILT_MEAN, SKIPPED, DATASET_FILE)
"""What a build may consist of."""

_PLAN = "plan"
_ANOTHER = "another build is writing here"
_OF_AN_LMDB = {DATA_FILE, "lock.mdb", DATASET_FILE, CHECKSUMS}


class Builds:
    """The builds of a folder, while this process alone may make one; see `only_build`."""

    def __init__(self, out: Path) -> None:
        self._out, self._folder = out, out / BUILDS
        self._current = self._folder / CURRENT

    def begin(self, plan: str, resume: bool) -> tuple[Path, bool]:
        """The folder to build in, and whether an interrupted build of the same plan is in it.

        What else earlier builds left unfinished is removed. Raises DataError where one is to be
        gone on with, and what is there is of another plan.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        plans = {folder: _text(folder / _PLAN) for folder in self._others()}
        found = next((at for at, its in plans.items() if resume and its == plan), None)
        if resume and not found and any(plans.values()):
            raise DataError(
                "the build that was interrupted here is of other photos, labels or options",
                where=str(self._out),
                remedy="give what it was begun with, or leave --resume out to begin anew",
            )
        for folder in plans.keys() - {found}:
            _remove(folder)
        folder = found or self._folder / str(self._next())
        folder.mkdir(exist_ok=True)
        (folder / _PLAN).write_text(plan)
        return folder, found is not None

    def check_current(self, plan: str) -> None:
        """Raise DataError where the current build is of another plan."""
        if _text(self._current / _PLAN) != plan:
            raise DataError(
                "the build here is of other photos, labels or options",
                where=str(self._out),
                remedy="give what it was built with, or leave --rebuild out to build it anew",
            )

    def take_shards(self, folder: Path, without: Collection[str]) -> None:
        """Have a new build begin with the shards of the current one but for some.

        They are links to the same files, which nobody writes to again.
        """
        for shard in self._current.glob(f"*/{SHARD}*"):
            name = f"{shard.parent.name}/{shard.name}"
            if name not in without and (shard / DATA_FILE).exists():
                (folder / name).mkdir(parents=True)
                for path in shard.iterdir():
                    # the record is written anew
                    if path.name != DATASET_FILE:
                        (folder / name / path.name).hardlink_to(path)

    def finish(self, folder: Path) -> list[str]:
        """Make a build the current one; returns what was in its way, and what that is called now.

        Raises DataError on a disk that knows no symbolic links.
        """
        flush_all(folder)
        try:
            self._adopt()
            aside = [told for path in folder.iterdir() if (told := self._link(path))]
            self._switch(folder)
        except PermissionError as error:
            raise DataError(
                f"symbolic links cannot be made here ({error.strerror})",
                where=str(self._out),
                remedy="give an --out on a disk that has them",
            ) from error
        self._clean()
        return aside

    def _others(self) -> list[Path]:
        """What is here and not the current build.

        A folder called `current` is a copy of one: `cp -rL` follows links.
        """
        mine = {self._current, self._folder / self._current.readlink()} if self._is_set() else set()
        return [path for path in self._folder.iterdir() if path not in mine]

    def _is_set(self) -> bool:
        return self._current.is_symlink()

    def _next(self) -> int:
        numbers = [int(path.name) for path in self._folder.iterdir() if path.name.isdecimal()]
        return max(numbers, default=0) + 1

    def _switch(self, folder: Path) -> None:
        """The one step in which all names of the outer folder change what they mean."""
        ahead = self._folder / f"{CURRENT}.new"
        ahead.unlink(missing_ok=True)
        ahead.symlink_to(folder.name)
        ahead.replace(self._current)
        flush(self._folder)

    def _link(self, built: Path) -> str:
        """Have a name lead into the current build; what was there and is not ours gets another."""
        name = built.name
        place, told = self._out / name, ""
        if name == _PLAN or self._is_ours(name):
            return told
        if place.exists() or place.is_symlink():
            free = free_name(place)
            place.rename(free)
            told = f"{place} was none of catdog's: it is {free} now"
        place.symlink_to(self._means(name))
        return told

    def _means(self, name: str) -> Path:
        return Path(BUILDS, CURRENT, name)

    def _is_ours(self, name: str) -> bool:
        place = self._out / name
        return place.is_symlink() and place.readlink() == self._means(name)

    def _adopt(self) -> None:
        """Make stores that lie here themselves, of a catdog that made no links, a build.

        dataset.yaml goes last, so that where this is cut short the next build goes on with it.
        """
        if (self._out / DATASET_FILE).is_symlink() or not (self._out / DATASET_FILE).exists():
            return
        if not self._is_set():
            folder = self._folder / str(self._next())
            folder.mkdir()
            self._switch(folder)
        for name in NAMES:
            place = self._out / name
            if _is_built(place) and not (self._current / name).exists():
                place.rename(self._current / name)
                self._link(place)

    def _clean(self) -> None:
        """Remove earlier builds, and names that lead nowhere in this one."""
        for path in self._others():
            _remove(path)
        for name in NAMES:
            place = self._out / name
            if self._is_ours(name) and not place.exists():
                place.unlink()


@contextmanager
def only_build(out: Path) -> Iterator[Builds]:
    """Build in a folder. Raises CatdogError where another process, of whatever machine, does."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        with only_one(out / "build", _ANOTHER, "wait for it to end", where=str(out)):
            yield Builds(out)
    finally:
        with suppress(OSError):
            (out / BUILDS).rmdir()
            for folder in made:
                folder.rmdir()


@contextmanager
def kept_when_interrupted(folder: Path, *, alone: bool = True) -> Iterator[None]:
    """Remove what was built where that fails; leave it to a next build where a person stops it.

    What others are building too, and shards that are done, are left to a next build in any case.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        if not alone or any(_begun(folder)):
            error.add_note("the same command with --resume goes on from here")
        else:
            _remove(folder)
        raise
    except Exception:
        if alone and not any(_shards_done(folder)):
            _remove(folder)
        raise


def _begun(folder: Path) -> Iterator[bool]:
    """Something true for each record, and for each shard that is done."""
    yield from (True for name in BUILT for _ in read_checksums(folder / name))
    yield from map(bool, _shards_done(folder))


def _shards_done(folder: Path) -> Iterator[Path]:
    return folder.glob(f"*/{SHARD}*/{SKIPPED}")


def _is_built(place: Path) -> bool:
    """Whether something is a store, or a file, of a catdog that made no links."""
    if place.is_symlink() or not place.exists():
        return False
    if place.name not in BUILT:
        return place.is_file()
    there = {path.name for path in place.iterdir()}
    return {DATASET_FILE, DATA_FILE} <= there <= _OF_AN_LMDB


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _text(path: Path) -> str:
    with suppress(OSError, UnicodeError):
        return path.read_text()
    return ""
