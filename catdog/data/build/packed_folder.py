"""A folder of an archive, for those who look for photos in folders."""

from collections.abc import Callable, Iterator
from functools import cached_property

from catdog.data.archives import Archive, Packed, slashed
from catdog.data.photo_names import is_left_behind


class _Tree:
    """The folders of an archive: the names of those inside each, and of its files."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.folders: dict[str, set[str]] = {"": set()}
        self.files: dict[str, list[str]] = {}
        #: Names that are written in another way in the archive.
        self.written: dict[str, str] = {}
        for name in archive.names():
            parts = [part for part in slashed(name).split("/") if part not in ("", ".")]
            if parts and not any(map(is_left_behind, parts)):
                self._add(parts, name)

    def _add(self, parts: list[str], name: str) -> None:
        path = "/".join(parts)
        if path != name:
            self.written[path] = name
        above = ""
        for part in parts[:-1]:
            inside = f"{above}/{part}" if above else part
            self.folders[above].add(part)
            self.folders.setdefault(inside, set())
            above = inside
        self.files.setdefault(above, []).append(parts[-1])


class PackedFolder:
    """A folder of an archive, by its path there; hidden files and the like are not in it."""

    def __init__(self, archive: Archive, inside: str = "", tree: _Tree | None = None) -> None:
        self.archive, self.inside = archive, inside
        self._given = tree

    @cached_property
    def _tree(self) -> _Tree:
        return self._given or _Tree(self.archive)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.inside.rpartition("/")[2] or self.archive.place.rstrip("/").rpartition("/")[2]

    @property
    def parent(self) -> "PackedFolder":
        """The folder that it is in; that of the archive is in itself."""
        return PackedFolder(self.archive, self.inside.rpartition("/")[0], self._tree)

    def __truediv__(self, name: str) -> "PackedFolder":
        inside = f"{self.inside}/{name}" if self.inside else name
        return PackedFolder(self.archive, inside, self._tree)

    def __str__(self) -> str:
        return f"{self.archive.place}/{self.inside}".rstrip("/")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedFolder) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def exists(self) -> bool:
        """Whether there is a folder or a file of this path."""
        above, _, name = self.inside.rpartition("/")
        return self.inside in self._tree.folders or name in self._tree.files.get(above, ())

    def is_dir(self) -> bool:
        """Whether there is a folder of this path."""
        return self.inside in self._tree.folders

    def joinpath(self, name: str) -> Packed:
        """The file of a path below this folder."""
        path = f"{self.inside}/{name}" if self.inside else name
        return Packed(self.archive, self._tree.written.get(path, path))

    def subfolders(self) -> list["PackedFolder"]:
        """The folders in it, in the order of their names."""
        return [self / name for name in sorted(self._tree.folders.get(self.inside, ()))]

    def files_below(self, enter: Callable[["PackedFolder"], bool]) -> Iterator[tuple[str, ...]]:
        """Files below it, taken apart, in order; only in folders to `enter`."""
        for name in sorted(set(self._tree.files.get(self.inside, ()))):
            yield (name,)
        for folder in self.subfolders():
            if enter(folder):
                for parts in folder.files_below(enter):
                    yield (folder.name, *parts)
