"""What the names stand for that the page of reviews is asked with."""

import re
from pathlib import Path

from catdog.errors import CatdogError, one_line
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.studio.here import Studio
from catdog.studio.review_photos import ReviewPhotos
from catdog.studio.review_words import rebuild_words, rebuilt_source
from catdog.studio.reviews import ReviewCounts, ReviewOf, Reviews, rows_of
from catdog.studio.texts import check_name
from catdog.studio.watch import Store, StorePart

#: Where reviews of the pages lie, in the studio's folder.
REVIEWS = "reviews"
_ENDING = ".csv"


def known_reviews(studio: Studio) -> Reviews:
    """What is known of the studio's reviews."""
    return Reviews(studio.place.own / "reviews")


def review_named(studio: Studio, file: str) -> str:
    """A review by its name from the studio's folder. Raises CatdogError for what is no CSV."""
    name = studio.place.name(studio.place.within(file))
    if not name.lower().endswith(_ENDING):
        raise CatdogError("is no .csv", where=one_line(name), remedy="name a review")
    return name


def review_of(studio: Studio, file: str) -> ReviewOf:
    """What a review is of. Raises CatdogError where that is not known."""
    found = known_reviews(studio).find(file)
    if found is None:
        raise CatdogError("its photos are not known", where=file, remedy="say where they are")
    return found


def photos_of(studio: Studio, file: str) -> ReviewPhotos:
    """The photos that a review is on. Raises as `review_of`."""
    data = review_of(studio, file).data
    return ReviewPhotos(studio.place, data, store_of(studio, data))


def classes_of(studio: Studio, file: str) -> list[str]:
    """The classes of the photos of a review; none where they are not known."""
    return photos_of(studio, file).classes() if known_reviews(studio).find(file) else []


def store_of(studio: Studio, data: str) -> Store | None:
    """The store that data are a part of."""
    for store in studio.watch.stores():
        if any(part.path == data for part in store.parts):
            return store
    return None


def parts_of_stores(studio: Studio) -> list[tuple[Store, StorePart]]:
    """Every part of every store, as there is to choose from."""
    return [(store, part) for store in studio.watch.stores() for part in store.parts]


def data_named(studio: Studio, name: str) -> str:
    """A part of a store, or a folder of photos. Raises CatdogError where there is neither."""
    if not name.strip():
        what = "no photos are named"
        raise CatdogError(what, where="data", remedy="choose a store, or name a folder")
    if store_of(studio, name):
        return name
    path = studio.place.readable(name)
    if not path.is_dir():
        remedy = "name a part of a store or a folder of photos"
        raise CatdogError("no such folder", where=one_line(name), remedy=remedy)
    return studio.place.name(path)


def weights_named(studio: Studio, name: str) -> str:
    """A run, or a weight file. Raises CatdogError where there is neither."""
    if any(run.name == name for run in studio.watch.runs()):
        return name
    path = studio.place.within(name)
    if not path.is_file():
        raise CatdogError("no such run or file", where=one_line(name), remedy="choose a run")
    return studio.place.name(path)


def new_review(studio: Studio, data: str, name: str) -> str:
    """The file of a review of this name, or of the one that the photos have.

    Raises CatdogError for a name that is none, and for that of a review on other photos.
    """
    store = store_of(studio, data)
    if not name and (before := _built_with(studio, data, store)):
        # its labels are those from before: decisions go on in one file
        return before
    name = name or _as_name(store.name if store else data)
    check_name(name)
    file = f"{REVIEWS}/{name.removesuffix(_ENDING)}{_ENDING}"
    known = known_reviews(studio).find(file)
    if known and Path(file).is_file() and known.data != data:
        other = store_of(studio, known.data)
        if store is None or other != store:
            what = f"is a review of {known.data}"
            raise CatdogError(what, where=file, remedy="give another name")
    return file


def build_words_of(studio: Studio, file: str, out: str) -> list[str]:
    """The words that build the store of a review again. Raises CatdogError where none can."""
    photos = photos_of(studio, file)
    record = photos.dataset if photos.store else _record_of(studio, photos.data)
    if record is None:
        record = DatasetParameter(equalize=True, interpolation=DatasetParameter.CUBIC)
        return rebuild_words(record, photos.data, out, file)
    source = rebuilt_source(record, studio.place.folder)
    studio.place.readable(source)
    return rebuild_words(record, source, out, file)


def check_changes(file: str) -> None:
    """Raise CatdogError where a build with a review would be the one without it."""
    counts = ReviewCounts.of(rows_of(Path(file)))
    if not counts.relabelled + counts.dropped:
        what = "no photo is dropped or has another class yet"
        raise CatdogError(what, where=file, remedy="decide on some")


def free_out(studio: Studio, file: str) -> str:
    """A name for the store that is built with a review, which nothing has yet."""
    data = review_of(studio, file).data
    store = store_of(studio, data)
    name = f"{store.name if store else _as_name(data)}-reviewed"
    number, free = 1, name
    while (studio.place.folder / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


def _built_with(studio: Studio, data: str, store: Store | None) -> str:
    """The review that a store was built with; empty where it was built without, or that is gone."""
    record = ReviewPhotos(studio.place, data, store).dataset
    if record is None or not record.review:
        return ""
    try:
        name = review_named(studio, record.review)
    except CatdogError:
        return ""
    return name if Path(name).is_file() else ""


def _record_of(studio: Studio, folder: str) -> DatasetParameter | None:
    """The record of a store that was built of a folder."""
    path = studio.place.readable(folder)
    for store, part in parts_of_stores(studio):
        record = ReviewPhotos(studio.place, part.path, store).dataset
        if record and record.source and studio.place.folder / record.source == path:
            return record
    return None


def _as_name(path: str) -> str:
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", path).strip("-._")[:50]
    return words.replace("..", ".") or "photos"
