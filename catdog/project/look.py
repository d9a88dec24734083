"""What some of the photos are like: sizes, colours, unreadable files, how fast they come."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catdog.analysis.survey import PhotoInfo, UnreadablePhoto, survey
from catdog.data.build.listing import Photo
from catdog.errors import DataError, some_of
from catdog.project.found import FoundPhotos
from catdog.runtime.text_table import text_table
from catdog.runtime.wording import counted

#: Photos that are looked at, spread over all.
SAMPLE = 300


@dataclass(frozen=True)
class Look:
    """What a sample of photos is like.

    Args:
        seen: how many were read.
        width, height: medians in pixels; `least` and `most` are of the shorter and longer sides.
        gray: how many have no colour.
        unreadable: names of those that cannot be read, with the reason.
        rate: photos a second, read and decoded on all cores.
    """

    seen: int
    width: int
    height: int
    least: int
    most: int
    gray: int
    unreadable: tuple[str, ...]
    rate: float


def look(photos: Sequence[Photo], most: int = SAMPLE) -> Look:
    """Read some photos, spread over all. Raises DataError where none can be read."""
    step = max(1, -(-len(photos) // most))
    chosen = [photos[at] for at in range(0, len(photos), step)]
    began = time.monotonic()
    found = list(survey(chosen))
    seconds = max(time.monotonic() - began, 1e-6)
    seen = [each for each in found if isinstance(each, PhotoInfo)]
    unreadable = [each for each in found if isinstance(each, UnreadablePhoto)]
    bad = [f"{each.photo.name} ({each.reason})" for each in unreadable]
    if not seen:
        raise DataError(f"none of {counted(len(bad), 'photo')} can be read: {some_of(bad, 2)}")
    return Look(
        len(seen),
        int(np.median([each.width for each in seen])),
        int(np.median([each.height for each in seen])),
        min(min(each.width, each.height) for each in seen),
        max(max(each.width, each.height) for each in seen),
        sum(each.gray for each in seen),
        tuple(bad),
        len(found) / seconds,
    )


def described(found: FoundPhotos, seen: Look) -> list[str]:
    """Lines for a person: the layout, the classes with their photos, sizes and odd files."""
    listing = found.listing
    kind = "labels" if found.several else "classes"
    rows = [(name, f"{n:,}") for name, n in zip(found.classes, found.counts(), strict=True)]
    shown = [*rows[:20], ("...", f"{len(rows) - 20} more")] if len(rows) > 21 else rows
    apart = ", validation photos apart" if listing.validation is not None else ""
    lines = [f"{listing.layout}: {found.count:,} photos, {len(rows)} {kind}{apart}"]
    lines += text_table(None, shown).splitlines()
    lines.append(
        f"{seen.seen} of them looked at: {seen.width}x{seen.height} pixels in the middle, sides of "
        f"{seen.least} to {seen.most}, {seen.gray} without colour"
    )
    if seen.unreadable:
        lines.append(f"cannot be read, and left out: {some_of(seen.unreadable, 3)}")
    if listing.skipped:
        names = (each.name for each in listing.skipped)
        lines.append(f"left out: {some_of(names)} ({listing.skipped[0].reason})")
    return lines
