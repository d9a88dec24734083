"""A review applied to the photos of a build: which are left out, which get another class."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catdog.data.build.listing import Listing, Photo, Skipped, in_utf8
from catdog.data.build.review import DROP, RELABEL, ReviewRow, raise_faults, read_review
from catdog.data.build.split import Division
from catdog.errors import DataError, did_you_mean, some_of

_AGAIN = "look at it again, and write that label"


@dataclass(frozen=True)
class ReviewedPhotos:
    """The photos that stay, with their labels; those that are dropped, with the reason."""

    photos: Division
    dropped: list[Skipped]
    relabelled: int


def apply_review(photos: Division, listing: Listing, path: Path) -> ReviewedPhotos:
    """Apply the decisions of a file to photos that are divided already, so that every other photo
    stays in its part.

    Raises DataError, with file and line, for photos and classes that are not there, and for a
    label that the photo does not have; and where nothing is left of a part.
    """
    rows = {row.photo: row for row in read_review(path)}
    places: dict[str, list[int]] = {name: [] for name in rows}
    for at, each in enumerate(photos):
        for name in _written(each.photo.name):
            if name in places:
                places[name].append(at)
    faults: list[tuple[int, str, str]] = []
    for name, row in rows.items():
        for what, remedy in _faults(row, places[name], photos, listing):
            faults.append((row.line, f"{name!r}: {what}", remedy))
    raise_faults(path, faults)
    decided = {places[name][0]: row for name, row in rows.items()}
    labels = {
        at: listing.classes.index(row.new_label)
        for at, row in decided.items()
        if row.decision == RELABEL
    }
    dropped = {at: row for at, row in decided.items() if row.decision == DROP}
    left = np.ones(len(photos), bool)
    left[list(dropped)] = False
    kept = photos.relabelled(labels).chosen(left)
    if gone := [part for part in photos.parts if part not in kept.parts]:
        raise DataError(f"drops every photo of {' and '.join(gone)}", where=str(path))
    skipped = [Skipped(row.photo, _reason(row, path)) for row in dropped.values()]
    return ReviewedPhotos(kept, skipped, len(labels))


def _written(name: str) -> Collection[str]:
    """How the name of a photo may stand in a file: one that is not UTF-8 in several ways."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return {name, in_utf8(name), os.fsencode(name).decode(errors="backslashreplace")}
    return (name,)


def _faults(
    row: ReviewRow, places: list[int], photos: Division, listing: Listing
) -> Iterator[tuple[str, str]]:
    """What speaks against a row, with the remedy."""
    if len(places) != 1:
        what = f"{len(places)} photos are called so" if places else "there is no such photo"
        yield what, "" if places else _meant(row.photo, photos)
        return
    photo = photos[places[0]].photo
    if photo.labels:
        if row.decision == RELABEL:
            yield "has several labels, a review gives one", "change the table of labels"
        return
    given = listing.classes[photo.label]
    if row.label != given:
        yield f'is labelled "{given}", and "{row.label}" stands here', _AGAIN
    if row.decision == RELABEL and row.new_label not in listing.classes:
        known = did_you_mean(row.new_label, listing.classes)
        there = f"there are {some_of(listing.classes, 5)}"
        yield f'there is no class "{row.new_label}"', known or there


def _meant(name: str, photos: Division) -> str:
    """The photo of this name in another folder, or a few names as they are."""
    last = name.rpartition("/")[2]
    alike = next((each.photo.name for each in photos if _last(each.photo) == last), "")
    return f'did you mean "{alike}"?' if alike else f"names are such as {photos[0].photo.name}"


def _last(photo: Photo) -> str:
    return photo.name.rpartition("/")[2]


def _reason(row: ReviewRow, path: Path) -> str:
    return f"dropped in {path.name}" + (f": {row.note}" if row.note else "")
