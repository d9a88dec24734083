"""What lies below a folder, looked at often: only folders that have changed are read again."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


def is_text(name: str) -> bool:
    """Whether a name is UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class _Looked:
    """A folder at a look: its time then, the folders in it that are gone into, the files wanted."""

    time: int
    folders: tuple[str, ...]
    files: tuple[str, ...]
    stores: tuple[str, ...]


class Folders:
    """The folders below one, without hidden ones and those of Python's environments.

    Args:
        root: where to look; what is found is named from there.
        wanted: whether the name of a file is.
        linked: whether the name of a link to a folder is; others are not followed.
    """

    def __init__(
        self, root: Path, wanted: Callable[[str], bool], linked: Callable[[str], bool]
    ) -> None:
        self._root, self._wanted, self._linked = root, wanted, linked
        self._looked: dict[str, _Looked] = {}

    def look(self) -> tuple[list[str], list[str]]:
        """The files that are wanted, and the folders that linked names stand for."""
        seen = dict(self._look_at(""))
        self._looked = seen
        files = [str(Path(at, name)) for at, found in seen.items() for name in found.files]
        linked = [str(Path(at, name)) for at, found in seen.items() for name in found.stores]
        return files, linked

    def _look_at(self, at: str) -> Iterator[tuple[str, _Looked]]:
        try:
            found = self._folder(at)
        except OSError:
            # it went away in between, or is not to be read
            return
        yield at, found
        for name in found.folders:
            yield from self._look_at(str(Path(at, name)))

    def _folder(self, at: str) -> _Looked:
        path = self._root / at
        time = path.stat().st_mtime_ns
        before = self._looked.get(at)
        if before and before.time == time:
            return before
        folders, files, stores = [], [], []
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if not is_text(name):
                    # no page could show it, or ask for it
                    continue
                if self._linked(name) and entry.is_dir():
                    stores.append(name)
                elif name.startswith("."):
                    continue
                elif entry.is_dir(follow_symlinks=False):
                    folders += [name] * (not (path / name / "pyvenv.cfg").exists())
                elif self._wanted(name):
                    files.append(name)
        return _Looked(time, *(tuple(sorted(each)) for each in (folders, files, stores)))
