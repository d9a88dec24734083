"""A report on a folder of labelled photos before a net is trained on it."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from catdog.analysis import charts
from catdog.analysis.duplicates import groups
from catdog.analysis.html import Card, Page, cards, figures, group, numbers, table
from catdog.analysis.label_errors import Suspects, losses, photo_cards, suspects
from catdog.analysis.labelled import LabelledPhotos, LabelledPredictions
from catdog.analysis.survey import PhotoInfo, UnreadablePhoto
from catdog.data.build.listing import Listing
from catdog.data.images import Pixels, Unreadable, decode, read_file
from catdog.data.thumbnails import thumbnail
from catdog.runtime.files import replacing
from catdog.runtime.parallel import in_order
from catdog.runtime.text_table import text_table

PAGE, TABLE = "index.html", "photos.csv"

_SKEWED, _SHOWN, _GROUPS, _ROWS = 10, 24, 20, 100


@dataclass(frozen=True)
class Trained:
    """Predictions of a trained net for the readable photos; `weights` is the path of its file."""

    weights: str
    classes: Sequence[str]
    data: LabelledPhotos
    predictions: LabelledPredictions


@dataclass(frozen=True)
class Exploration:
    """What was found in a folder; photos with a side below `tiny` pixels are tiny.

    `duplicates` are groups of indices into `seen`.
    """

    folder: str
    listing: Listing
    seen: Sequence[PhotoInfo]
    unreadable: Sequence[UnreadablePhoto]
    tiny: int
    trained: Trained | None = None
    duplicates: list[list[int]] = field(default_factory=list)

    @property
    def small(self) -> list[PhotoInfo]:
        """The tiny photos, the smallest first."""
        found = [s for s in self.seen if min(s.width, s.height) < self.tiny]
        return sorted(found, key=lambda s: min(s.width, s.height))

    @property
    def gray(self) -> list[PhotoInfo]:
        """The photos without colour."""
        return [info for info in self.seen if info.gray]

    def class_of(self, info: PhotoInfo | UnreadablePhoto) -> str:
        """The name of a photo's class."""
        return self.listing.classes[info.photo.label]


def explore(
    folder: str,
    listing: Listing,
    surveyed: Sequence[PhotoInfo | UnreadablePhoto],
    *,
    tiny: int,
    trained: Trained | None = None,
) -> Exploration:
    """Combine the survey of the photos of a folder, and find near-duplicates among them."""
    seen = [info for info in surveyed if isinstance(info, PhotoInfo)]
    unreadable = [info for info in surveyed if isinstance(info, UnreadablePhoto)]
    duplicates = groups([info.hash for info in seen])
    return Exploration(folder, listing, seen, unreadable, tiny, trained, duplicates)


def summary(found: Exploration) -> Iterator[str]:
    """The findings as lines for a terminal."""
    yield f"{found.folder}: {found.listing.layout}"
    yield text_table(None, _numbers(found))


def write_exploration(found: Exploration, out: Path) -> list[Path]:
    """Write the page, its charts as .png, and a CSV table of all photos; returns their paths."""
    drawings = _drawings(found)
    written = [draw_page(found, drawings).write(out / PAGE)]
    for name, figure in drawings:
        written.append(charts.save(figure, out / f"{name.replace(' ', '_')}.png"))
    return [*written, _write_table(found, out / TABLE)]


def draw_page(found: Exploration, drawings: Sequence[tuple[str, Figure]]) -> Page:
    """The exploration as a page."""
    page = Page(f"What is in {Path(found.folder).name or found.folder}?", found.listing.layout)
    page.section("In numbers", numbers(_numbers(found)))
    if drawings:
        *sizes, classes = drawings
        page.section("Sizes", figures(sizes))
        page.section("Classes", figures([classes]))
    if found.trained:
        _add_suspects(page, found.trained)
    _add_odd_ones(page, found)
    _add_unused(page, found)
    return page


def _add_odd_ones(page: Page, found: Exploration) -> None:
    skewed = sorted(found.seen, key=lambda info: -info.skew)[:_SKEWED]
    if skewed and skewed[0].skew > 1:
        text = "A net that takes squares sees these most distorted."
        page.section("Furthest from a square", cards(_cards(found, skewed)), text=text)
    if found.duplicates:
        shown = found.duplicates[:_GROUPS]
        parts = [group(_duplicate_cards(found, members)) for members in shown]
        text = _of(len(shown), len(found.duplicates), "group") + (
            " A pair that is in training and validation makes the validation too good."
        )
        page.section("Nearly the same", *parts, text=text)
    for title, infos in ((f"Tiny: a side below {found.tiny} pixels", found.small),
                          ("Without colour", found.gray)):  # fmt: skip
        if infos:
            shown_infos = infos[:_SHOWN]
            text = _of(len(shown_infos), len(infos), "photo")
            page.section(title, cards(_cards(found, shown_infos)), text=text)


def _add_unused(page: Page, found: Exploration) -> None:
    files = [(unreadable.photo.name, unreadable.reason) for unreadable in found.unreadable]
    files += found.listing.skipped
    if files:
        shown = files[:_ROWS]
        text = _of(len(shown), len(files), "file")
        page.section("Not usable", table(("file", "reason"), shown), text=text)


def _add_suspects(page: Page, trained: Trained) -> None:
    found = suspects(trained.predictions, _SHOWN)
    for title, text, indices in _suspect_lists(found):
        if indices:
            shown = cards(photo_cards(trained.predictions, trained.classes, trained.data, indices))
            page.section(title, shown, text=f"{text} By {trained.weights}.")


def _suspect_lists(found: Suspects) -> list[tuple[str, str, list[int]]]:
    return [
        (
            "Mislabelled?",
            "The net is as sure of another class as it is of that class's own photos.",
            found.mislabelled,
        ),
        ("Hardest of the others", "The highest losses given their labels.", found.hardest),
        ("Undecided", "The net cannot tell: often neither one nor the other.", found.undecided),
    ]


def _of(shown: int, count: int, what: str) -> str:
    named = what if count == 1 else f"{what}s"
    return f"{count:,} {named}." if shown == count else f"{shown} of {count:,} {named}."


def _numbers(found: Exploration) -> Iterator[tuple[str, str]]:
    yield "photos", f"{len(found.seen):,}"
    yield "classes", f"{len(found.listing.classes):,}"
    yield "cannot be read", f"{len(found.unreadable):,}"
    yield "not used", f"{len(found.listing.skipped):,}"
    yield "groups of doubles", f"{len(found.duplicates):,}"
    yield "without colour", f"{len(found.gray):,}"
    yield f"tiny, a side below {found.tiny} pixels", f"{len(found.small):,}"
    if found.trained:
        judged = found.trained.predictions
        if count := len(judged.label):
            right = (judged.predicted == judged.label).sum() / count
            yield "told right by the net", f"{right:.1%}"


def _drawings(found: Exploration) -> list[tuple[str, Figure]]:
    if not found.seen:
        return []
    count = Counter(info.photo.label for info in found.seen)
    classes = found.listing.classes
    return [
        ("widths", charts.histogram(_values(found, "width"), "width in pixels")),
        ("heights", charts.histogram(_values(found, "height"), "height in pixels")),
        ("aspect", charts.histogram(_values(found, "aspect"), "width / height")),
        ("classes", charts.bars(classes, [count[i] for i in range(len(classes))], "photos")),
    ]


def _values(found: Exploration, name: str) -> charts.Numbers:
    return np.array([getattr(info, name) for info in found.seen], np.float64)


def _cards(found: Exploration, infos: Sequence[PhotoInfo]) -> Iterator[Card]:
    pictures = in_order(_thumbnail, infos)
    for info, picture in zip(infos, pictures, strict=True):
        size = f"{info.width} x {info.height}"
        yield Card(picture, info.photo.name, f"{found.class_of(info)}, {size}")


def _duplicate_cards(found: Exploration, members: Sequence[int]) -> Iterator[Card]:
    infos = [found.seen[index] for index in members[:_SHOWN]]
    digests = Counter(found.seen[index].digest for index in members)
    mixed = len({found.seen[index].photo.label for index in members}) > 1
    for info, card in zip(infos, _cards(found, infos), strict=True):
        same = ", the same file" if digests[info.digest] > 1 else ""
        yield Card(card.picture, card.title, card.note + same, bad=mixed)


def _thumbnail(info: PhotoInfo) -> Pixels:
    try:
        return thumbnail(decode(read_file(info.photo.file)).pixels)
    except Unreadable:  # it went away since it was seen
        return np.full((1, 1, 3), 255, np.uint8)


def _write_table(found: Exploration, path: Path) -> Path:
    """A row for each photo, with its group of duplicates and the net's prediction."""
    duplicates = {at: number for number, members in enumerate(found.duplicates) for at in members}
    by_name = _predicted(found.trained)
    with (
        replacing(path) as beside,
        beside.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ("photo", "class", "width", "height", "gray", "doubles", "taken_for", "loss", "fault")
        )
        for at, info in enumerate(found.seen):
            name = info.photo.name
            size = info.width, info.height, int(info.gray)
            predicted = by_name.get(name, ("", ""))
            writer.writerow(
                (name, found.class_of(info), *size, duplicates.get(at, ""), *predicted, "")
            )
        for unreadable in found.unreadable:
            row = (unreadable.photo.name, found.class_of(unreadable), *[""] * 6, unreadable.reason)
            writer.writerow(row)
    return path


def _predicted(trained: Trained | None) -> dict[str, tuple[str, str]]:
    """For each photo, by name, the predicted class and the loss."""
    if trained is None:
        return {}
    predictions, classes = trained.predictions, trained.classes
    return {
        trained.data.names[index]: (classes[taken], f"{loss:.6f}")
        for index, taken, loss in zip(
            predictions.index, predictions.predicted, losses(predictions), strict=True
        )
    }
