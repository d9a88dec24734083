"""The photos that a review is on: their classes, and small pictures of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from catdog.data.build.folder_layouts import find_photos, photo_path
from catdog.data.build.listing import in_utf8
from catdog.data.images import Unreadable, decode, jpeg, read_file
from catdog.data.preprocessing import dataset_at
from catdog.data.shards import open_records
from catdog.data.thumbnails import thumbnail
from catdog.errors import CatdogError, DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.studio.place import StudioFolder
from catdog.studio.store_facts import stored_photo
from catdog.studio.watch import Store

_QUALITY = 86


@dataclass(frozen=True)
class ReviewPhotos:
    """The photos of a part of a store, or of a folder.

    Args:
        place: where may be read.
        data: the part, or the folder.
        store: what the part is of; None for a folder.
    """

    place: StudioFolder
    data: str
    store: Store | None = None

    @property
    def dataset(self) -> DatasetParameter | None:
        """The record of the store; None where there is none."""
        return dataset_at(Path(self.data)) if self.store else None

    def classes(self) -> list[str]:
        """The names of the classes; none where they are not known."""
        if self.store:
            return list(self.store.classes)
        try:
            folder = self.place.readable(self.data)
            return list(_classes(folder, folder.stat().st_mtime_ns))
        except (CatdogError, OSError):
            return []

    def picture(self, photo: str, wanted: Iterable[str], side: int) -> bytes:
        """A photo as a JPEG of at most `side` pixels; the store's own where its file is gone.

        `wanted` are the names of all photos that are asked for. Raises DataError where there is
        neither.
        """
        path = self._path(photo)
        if path:
            try:
                return jpeg(thumbnail(decode(read_file(path)).pixels, side), _QUALITY)
            except Unreadable:
                # a store keeps what a file has lost since
                if not self.store:
                    raise
        for part in self.store.parts if self.store else ():
            places = _places(part.path, _stamp(part.path), frozenset(wanted))
            if photo in places:
                return stored_photo(Path(part.path), places[photo])[0]
        raise DataError("is not there any more", where=in_utf8(photo))

    def _path(self, photo: str) -> Path | None:
        record = self.dataset
        source = self.data if record is None else record.source
        try:
            return photo_path(self.place.readable(source), photo)
        except (CatdogError, OSError):
            return None


@lru_cache(maxsize=16)
def _classes(folder: Path, _changed: int) -> Sequence[str]:
    return find_photos(folder).classes


@lru_cache(maxsize=8)
def _places(store: str, _changed: int, wanted: frozenset[str]) -> Mapping[str, int]:
    """Where the photos of these names stand in a store."""
    found: dict[str, int] = {}
    with open_records(store) as records:
        for at, key in enumerate(records.all_keys()):
            # as `catdog evaluate` names them
            name = key.decode(errors="backslashreplace").partition("_")[2]
            if name in wanted:
                found.setdefault(name, at)
    return found


def _stamp(store: str) -> int:
    path = Path(store)
    return max((each.stat().st_mtime_ns for each in (path, *path.glob("*.mdb"))), default=0)
