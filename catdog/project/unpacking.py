"""A zip of photos, unpacked into the project's folder."""

import shlex
import shutil
from pathlib import Path, PurePosixPath

from catdog.data.archives import Zip
from catdog.data.photo_names import is_left_behind, is_picture
from catdog.errors import DataError
from catdog.project.found import TABLES
from catdog.runtime.files import is_zip, unwritable
from catdog.runtime.progress import progress

#: Where a zip is unpacked, in the project's folder.
PHOTOS = "photos"


def unpacking(photos: str | Path, folder: str | Path = PHOTOS) -> str:
    """The command that does the same."""
    return shlex.join(["python", "-m", "zipfile", "-e", str(photos), str(folder)])


def is_packed(path: Path) -> bool:
    """Whether a path is a zip."""
    return path.is_file() and is_zip(path)


def unpack(path: Path, folder: Path) -> None:
    """Write the photos, lists and tables of a zip into a folder, which is whole or not there.

    Nothing comes to lie outside of the folder. Raises DataError as `Zip.members`, and for a
    disk without room.
    """
    archive = Zip(str(path))
    archive.members()
    names = [name for name in archive.names() if _is_wanted(name)]
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        for name in progress(names, "unpack", unit="files"):
            target = beside.joinpath(*_inside(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
        beside.rename(folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        if not error.errno:
            raise DataError(str(error.strerror), where=f"{path}/{name}") from error
        raise unwritable(folder, error) from error


def _is_wanted(name: str) -> bool:
    parts = _inside(name)
    hidden = any(map(is_left_behind, parts))
    return bool(parts) and not hidden and (is_picture(parts[-1]) or parts[-1].endswith(TABLES))


def _inside(name: str) -> tuple[str, ...]:
    """The parts of a member's path, without what leads out of the folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return tuple(part for part in parts if part not in ("/", "..", "."))
