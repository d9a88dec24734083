"""Zips that come over a page: written as they come, whole or not at all."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from catdog.errors import CatdogError
from catdog.runtime.files import free_name, is_zip, replacing, unwritable
from catdog.runtime.room import amount
from catdog.studio.texts import check_name

#: Where they lie, in the studio's folder.
UPLOADS = "uploads"
#: Bytes that a disk keeps free.
_SPARE = 200 << 20


async def keep_upload(name: str, size: int, parts: AsyncIterator[bytes], folder: Path) -> str:
    """Write a zip below a folder; gives its name there.

    Args:
        name: that of the file; where it is taken, the next free one is used.
        size: bytes that are announced; 0 where they are not.

    Raises CatdogError for a name that is none, a disk without room, and what is no zip.
    """
    stem = name.removesuffix(".zip").removesuffix(".ZIP")
    check_name(stem)
    target = folder / UPLOADS / f"{stem}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        free = free_name(target)
        target = target.with_name(f"{stem}-{free.suffix[1:]}.zip")
    _check_room(target.parent, size)
    with replacing(target) as beside:
        try:
            with beside.open("wb") as file:
                written = 0
                async for part in parts:
                    file.write(part)
                    written += len(part)
                    if written > size:
                        _check_room(target.parent, len(part))
        except OSError as error:
            raise unwritable(target, error) from error
        if not is_zip(beside):
            what = "is no zip, or it is cut off"
            raise CatdogError(what, where=f"{stem}.zip", remedy="pack the folder of photos again")
    return f"{UPLOADS}/{target.name}"


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free - _SPARE
    if size > free:
        what = f"takes {amount(size)}, and {amount(max(0, free))} are free"
        raise CatdogError(what, where=UPLOADS, remedy="make room on the disk")
