"""The validation photos of a project, one in each line: what its page of predictions shows."""

import os
from pathlib import Path

from catdog.data.shards import open_records
from catdog.project.found import FoundPhotos
from catdog.project.net_text import DATA
from catdog.project.request import seen_from
from catdog.runtime.files import replacing

LIST = "validation_photos.txt"


def write_validation_list(found: FoundPhotos, folder: Path) -> None:
    """Write the paths of the photos of the validation store, as seen from the project's folder.

    Photos whose names have line breaks or are not UTF-8 are left out.
    """
    place: dict[bytes, Path] = {}
    for photos in (found.listing.train, found.listing.validation or ()):
        for photo in photos:
            below = os.path.relpath(photo.path, found.source)
            place[os.fsencode(photo.name)] = place[os.fsencode(below)] = photo.path
    with open_records(folder / DATA / "validation_lmdb") as store:
        names = [key.partition(b"_")[2] for key in store.keys]
    paths = [seen_from(place[name], folder) for name in names if name in place]
    lines = [path for path in paths if path.isprintable()]
    with replacing(folder / LIST) as beside:
        beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
