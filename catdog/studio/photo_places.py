"""Where photos lie in a folder: what may become a store."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from catdog.data.lmdb_store import DATA_FILE
from catdog.data.photo_names import is_archive, is_left_behind, is_picture
from catdog.studio.folders import is_text
from catdog.studio.place import StudioFolder
from catdog.tracking.log_reader import LOG

#: Folders that are looked into, names of each, and places that are offered.
_FOLDERS, _NAMES, _OFFERED = 2_000, 50, 60


def photo_places(place: StudioFolder) -> list[str]:
    """Folders with photos in them or in their folders, and zips, as seen from the studio's.

    Of large trees a part is looked at.
    """
    found: dict[str, None] = {}
    for root in (place.folder, *place.photos):
        for name in _of_root(root, place):
            if is_text(name):
                found.setdefault(name)
    return list(islice(found, _OFFERED))


def _of_root(root: Path, place: StudioFolder) -> Iterator[str]:
    with_photos: set[Path] = set()
    archives: list[Path] = []
    for at, folders, names in islice(os.walk(root), _FOLDERS):
        folders[:] = sorted(each for each in folders if not is_left_behind(each))
        # stores and runs have no photos of their own, an environment those of its packages
        if {DATA_FILE, LOG, "pyvenv.cfg"} & set(names):
            folders.clear()
            continue
        if any(map(is_picture, islice(names, _NAMES))):
            with_photos.add(Path(at))
        archives += [path for name in names if _is_whole(path := Path(at, name))]
    # train/ and cats/ are parts of what lies above them, and so is each class
    tops = {_top(path, root) for path in with_photos}
    yield from sorted(place.name(path) for path in tops if path != place.folder)
    yield from sorted(place.name(path) for path in archives if path.suffix == ".zip")


def _is_whole(path: Path) -> bool:
    """Whether a file is an archive, and none that is still being written."""
    return is_archive(path) and not path.name.startswith(".")


def _top(path: Path, root: Path) -> Path:
    """The folder that a person would name: the first below the root that leads to a photo."""
    parts = path.relative_to(root).parts
    return root if root.name and not parts else root / parts[0] if parts else root
