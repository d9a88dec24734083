"""A store before it is built: which photos there are, and what becomes of them."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2

from catdog.data.archives import Zip, is_packed
from catdog.data.build.build_remarks import alike
from catdog.data.build.listing import Listing, Photo
from catdog.data.build.packed_photos import find_packed
from catdog.data.images import Pixels, Unreadable, decode, fitted, jpeg, read_file
from catdog.data.thumbnails import thumbnail
from catdog.errors import DataError
from catdog.project.found import FoundPhotos, found_in
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.studio.place import StudioFolder
from catdog.studio.store_words import StoreSettings

#: Photos of a preview, classes and files of a list, at most.
MOST_SHOWN, MOST_CLASSES, MOST_FILES = 24, 200, 50
#: Files of an archive that comes over a page, at most.
MOST_MEMBERS = 500_000
_QUALITY = 88


@dataclass(frozen=True)
class StoreDraft:
    """The photos that are named.

    Args:
        source: as it was named; `data`: what `create_lmdb` is given for it.
        layout: the form of labels that was recognised, in words.
        labels: the words of `create_lmdb` for photos that a list or a table names.
        several: whether a photo has several labels.
        classes: the first classes, or labels, and how many photos each has.
        class_count: of all classes.
        photos: how many there are; `apart`: of these, those for validation that came apart.
        skipped: the first files that are not used, and why; `skipped_count`: of all.
        notes: what deserves a look.
    """

    source: str
    data: str
    layout: str
    labels: tuple[str, ...]
    several: bool
    classes: tuple[tuple[str, int], ...]
    class_count: int
    photos: int
    apart: int
    skipped: tuple[tuple[str, str], ...]
    skipped_count: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PreviewedPhoto:
    """A photo as it is and as the store would have it, as JPEGs in base64.

    `size` is its own, width and height; `reason` says why it cannot be read.
    """

    name: str
    label: str
    size: tuple[int, int] = (0, 0)
    before: str = ""
    after: str = ""
    reason: str = ""


def look_at(source: str, place: StudioFolder) -> StoreDraft:
    """The photos of a folder, an archive, a list or a table in the studio's folder.

    Raises CatdogError for a place outside of it, DataError where there are no labelled photos.
    """
    found = _found(source, place)
    listing = found.listing
    counts = list(zip(found.classes, found.counts(), strict=True))
    skipped = [(each.name, each.reason) for each in listing.skipped[:MOST_FILES]]
    return StoreDraft(
        source,
        place.name(found.source),
        listing.layout,
        _labels(found, place),
        found.several,
        tuple(counts[:MOST_CLASSES]),
        len(counts),
        found.count,
        len(listing.validation or ()),
        tuple(skipped),
        len(listing.skipped),
        (*listing.notes, *alike(found.classes)),
    )


def preview(
    source: str, place: StudioFolder, asked: StoreSettings, count: int = 6, crop: int = 0
) -> list[PreviewedPhoto]:
    """Some photos, spread over all, before and after their preparation.

    Args:
        crop: pixels of the middle that a net would take of what is stored; 0: all.

    Raises as `look_at`.
    """
    found = _found(source, place)
    photos = _spread(found.photos, max(1, min(count, MOST_SHOWN)))
    return [_previewed(photo, found, asked, crop) for photo in photos]


def _found(source: str, place: StudioFolder) -> FoundPhotos:
    path = place.readable(source)
    if not is_packed(str(path)):
        if not path.exists():
            raise DataError("no such folder", where=source, remedy="name a folder of photos")
        return found_in(path)
    if path.suffix.lower() == ".zip":
        _check_zip(str(path))
    return FoundPhotos(path, None, False, _of_archive(path))


def _of_archive(path: Path) -> Listing:
    if not path.is_file():
        raise DataError("no such file", where=str(path), remedy="check the name")
    return find_packed([str(path)])


def _check_zip(path: str) -> None:
    """Raise DataError for a zip that is not to be unpacked: more files, or bytes, than photos have.

    Nothing of it is written: photos are read out of it.
    """
    archive = Zip(path)
    if len(archive.names()) > MOST_MEMBERS:
        raise DataError(f"has more than {MOST_MEMBERS:,} files", where=path)
    archive.check()
    archive.check_open()


def _labels(found: FoundPhotos, place: StudioFolder) -> tuple[str, ...]:
    if not found.table:
        return ()
    flag = "--labels" if found.several else "--list"
    return flag, place.name(found.table)


def _spread(photos: Sequence[Photo], count: int) -> list[Photo]:
    """Some photos from the first to the last, so that the classes of a sorted list are there."""
    step = max(1.0, len(photos) / count)
    return [photos[int((at + 0.5) * step)] for at in range(min(count, len(photos)))]


def _previewed(photo: Photo, found: FoundPhotos, asked: StoreSettings, crop: int) -> PreviewedPhoto:
    label = _label(photo, found)
    dataset = asked.dataset()
    try:
        gray = dataset.channel_order == DatasetParameter.GRAY
        pixels = decode(read_file(photo.file), gray=gray).pixels
    except Unreadable as error:
        return PreviewedPhoto(photo.name, label, reason=error.what)
    height, width = pixels.shape[:2]
    before = _in_base64(thumbnail(pixels))
    after = _middle(fitted(pixels, dataset), crop)
    return PreviewedPhoto(photo.name, label, (width, height), before, _in_base64(_shown(after)))


def _label(photo: Photo, found: FoundPhotos) -> str:
    if photo.labels:
        return ", ".join(
            name for name, value in zip(found.classes, photo.labels, strict=True) if value
        )
    return found.classes[photo.label]


def _middle(pixels: Pixels, crop: int) -> Pixels:
    height, width = pixels.shape[:2]
    if not 0 < crop <= min(height, width):
        return pixels
    top, left = (height - crop) // 2, (width - crop) // 2
    return pixels[top : top + crop, left : left + crop]


def _shown(pixels: Pixels) -> Pixels:
    """Small pictures with their pixels as they are, large ones shrunk."""
    side = max(pixels.shape[:2])
    if side * 2 > 240:
        return thumbnail(pixels)
    times = 240 // side
    size = pixels.shape[1] * times, pixels.shape[0] * times
    return cast(Pixels, cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST))


def _in_base64(pixels: Pixels) -> str:
    return base64.b64encode(jpeg(pixels, _QUALITY)).decode()
