"""What tells that photos are those of before: a digest of what they are called, are and weigh."""

import hashlib
from pathlib import Path

from catdog.project.found import FoundPhotos


def digest_of(found: FoundPhotos, source: Path) -> str:
    """A digest of the names, the labels and the sizes of photos, and of the size of their zip.

    Their content is not read, and their times do not count: a copy has others.
    """
    digest = hashlib.sha256()
    if source.is_file() and source != found.table:
        digest.update(f"{source.stat().st_size}\n".encode())
    for photos in (found.listing.train, found.listing.validation or ()):
        for photo in photos:
            label = photo.labels if found.several else found.classes[photo.label]
            line = f"{photo.name}\0{label}\0{_size(photo.path)}\n"
            digest.update(line.encode(errors="surrogateescape"))
        digest.update(b"\n")
    return digest.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
