"""The photos of a folder, or of an archive as if it were one."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from catdog.data.build.packed_folder import PackedFolder
from catdog.data.photo_names import is_archive, is_left_behind, is_picture, natural_order
from catdog.errors import DataError
from catdog.runtime.columns import Picked, Texts

Parts = tuple[str, ...]
"""A path below a folder, taken apart."""

Folder = Path | PackedFolder
"""A folder of a disk, or of an archive."""


def subfolders(folder: Folder) -> Sequence[Folder]:
    """The folders in a folder, in the order of their names, without what is left behind."""
    if isinstance(folder, PackedFolder):
        return folder.subfolders()
    found = (Path(entry.path) for entry in os.scandir(folder) if _leads_on(entry))
    return sorted(path for path in found if not is_left_behind(path.name))


def files_below(
    folder: Folder, enter: Callable[[Folder], bool] = lambda _: True
) -> Iterator[Parts]:
    """Files below a folder, in order, without what is left behind; only in folders to `enter`.

    A link to a folder is followed, unless that one is below the folder anyway, or around it. The
    names of one folder at a time are held.
    """
    if isinstance(folder, PackedFolder):
        return folder.files_below(enter)
    return _files_on_disk(folder, enter)


def _files_on_disk(folder: Path, enter: Callable[[Folder], bool]) -> Iterator[Parts]:
    own: set[Path] = set()
    around = folder.resolve().parents

    def is_new(path: Path) -> bool:
        if not path.is_symlink():
            return True
        if not own:
            own.update(Path(at).resolve() for at, _, _ in os.walk(folder))
        target = path.resolve()
        if target in own or target in around:
            return False
        own.add(target)
        return True

    ahead: list[tuple[Path, Parts]] = [(folder, ())]
    while ahead:
        at, inside = ahead.pop()
        folders, files = _entries(at)
        files.sort(reverse=True)
        while files:
            yield (*inside, files.pop())
        found = [name for name in sorted(folders) if enter(at / name) and is_new(at / name)]
        ahead += [(at / name, (*inside, name)) for name in reversed(found)]


def _entries(folder: Path) -> tuple[list[str], list[str]]:
    """The names of folders and of files in a folder; nothing of one that cannot be read.

    What they are stands in the folder itself: none of the files is asked.
    """
    folders: list[str] = []
    files: list[str] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not is_left_behind(entry.name):
                (folders if _leads_on(entry) else files).append(entry.name)
    return folders, files


def _leads_on(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def photos_in(folder: str | Path) -> list[Path]:
    """The photos of a folder, deeper ones too, in the natural order of their names.

    Raises DataError when there is no such folder or no photo in it.
    """
    return [Path(folder, name) for name in names_in(Path(folder))]


def names_in(folder: Path) -> Sequence[str]:
    """The same as `photos_in` by their paths below the folder, in little memory."""
    check_folder(folder)
    found = Texts("/".join(parts) for parts in files_below(folder) if is_picture(parts[-1]))
    if not found:
        raise no_photos(folder)
    return Picked(found, natural_order(found))


def check_folder(folder: Folder) -> None:
    """Raise DataError where there is no folder of this name."""
    if isinstance(folder, PackedFolder) or folder.is_dir():
        return
    if not folder.exists():
        raise DataError("no such folder", where=str(folder), remedy="name a folder of photos")
    if not folder.is_file():
        what = "is a pipe, a socket or a device: no photos"
        raise DataError(what, where=str(folder), remedy="name a folder of photos")
    remedy = "unpack it and name the folder" if is_archive(folder) else "name a folder of photos"
    raise DataError("is a file, not a folder", where=str(folder), remedy=remedy)


def no_photos(folder: Folder) -> DataError:
    """What is said of a folder without photos, and what may be done about what is there."""
    there = [] if isinstance(folder, PackedFolder) else sorted(folder.iterdir())
    packed = next((path.name for path in there if is_archive(path)), None)
    remedy = f"unpack {packed} first" if packed else "name a folder that has some"
    return DataError("no photos in this folder", where=str(folder), remedy=remedy)
