"""What deserves a look in a data set that has just been built."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from catdog.data.build.builder import Counts
from catdog.data.build.listing import Listing, in_utf8
from catdog.data.build.photo_classes import some
from catdog.data.build.split import TEST, TRAIN, VALIDATION
from catdog.proto.caffe_pb2 import DatasetParameter

_PURPOSE = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}


def build_remarks(listing: Listing, dataset: DatasetParameter, counts: Counts) -> list[str]:
    """A line for each: classes that are alone, of which nothing can be read or that a part lacks,
    whose names are nearly the same; pictures that stand in several parts or classes, and the notes
    of the listing."""
    names = alike(listing.classes)
    found = [*names, *_alone(listing, counts), *_lacking(listing, dataset, counts)]
    return list(map(in_utf8, (*found, *counts.doubles.lines(), *listing.notes)))


def alike(names: Sequence[str]) -> Iterator[str]:
    """A line for names that differ in capitals, blanks, signs between words or an s alone."""
    groups: dict[str, list[str]] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", name).casefold()
        # 1.0 is not 10
        plain = re.sub(r"(?<!\d)[\s._-]+|[\s._-]+(?!\d)", "", plain)
        groups.setdefault(plain.removesuffix("s") or plain or name, []).append(name)
    for group in groups.values():
        if len(group) > 1:
            shown = ", ".join(f'"{name}"' for name in group)
            yield f"classes whose names are nearly the same: {shown}; if they are one, rename them"


def _alone(listing: Listing, counts: Counts) -> Iterator[str]:
    """Of photos that have one label each."""
    if listing.train[0].labels:
        return
    if len(listing.classes) == 1:
        yield f"one class only, {listing.classes[0]}: there is nothing to tell it from"
    for label, name in enumerate(listing.classes):
        if not any(counts.labelled[part, label] for part in _PURPOSE):
            yield f"no photo of class {label} {name} can be read; its number is kept for it"


def _lacking(listing: Listing, dataset: DatasetParameter, counts: Counts) -> Iterator[str]:
    by_chance = listing.validation is None and not dataset.HasField("validation")
    for part, purpose in _PURPOSE.items():
        missing = [
            name
            for label, name in enumerate(listing.classes)
            if not counts.labelled[part, label] and any(counts.labelled[p, label] for p in _PURPOSE)
        ]
        if counts.pictures[part] and missing:
            remedy = "; --stratify gives each class its share" if by_chance and part != TEST else ""
            yield f"no {purpose} photos of {some(missing)}{remedy}"
