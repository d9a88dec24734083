"""Photos that came over a page, in files of the studio's own, and none for long."""

import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from catdog.data.photo_names import is_left_behind, is_picture
from catdog.errors import CatdogError, one_line
from catdog.inference.given_pictures import StoredPicture
from catdog.web.photo_size import check_sent

_MIB = 1 << 20
#: Bytes of a photo; photos of one request; photos that are kept to be looked at further.
PHOTO_BYTES, AT_ONCE, KEPT = 64 * _MIB, 64, 128
KEPT_BYTES = 1 << 30
#: Photos and bytes of a set, parts of its names, and letters of each.
SET_PHOTOS, SET_BYTES = 100_000, 8 << 30
_PARTS, _LETTERS = 8, 120
#: Sets that nothing came of yet.
_SETS = 4


@dataclass
class SentSet:
    """Photos that belong together, in a folder: what came so far."""

    token: str
    folder: Path
    photos: int = 0
    bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class SentPhotos:
    """What came over a page, below a folder that is emptied at the beginning and at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._photos: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._sets: OrderedDict[str, SentSet] = OrderedDict()
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Remove all."""
        with self._lock:
            self._photos.clear()
            self._sets.clear()
            shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self, photo: StoredPicture) -> str:
        """The token by which a photo is asked for later; the oldest ones go."""
        token = secrets.token_urlsafe(12)
        path = self._folder / "photos" / token
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(photo.content)
            self._photos[token] = photo.name, len(photo.content)
            while len(self._photos) > KEPT or self._bytes > KEPT_BYTES:
                old, _ = self._photos.popitem(last=False)
                (path.parent / old).unlink(missing_ok=True)
        return token

    @property
    def _bytes(self) -> int:
        return sum(size for _, size in self._photos.values())

    def photo(self, token: str) -> StoredPicture:
        """A photo that was kept. Raises CatdogError where it is no more."""
        with self._lock:
            found = self._photos.get(token)
            if found is None:
                raise CatdogError("is not kept any more", where="photo", remedy="send it again")
            return StoredPicture((self._folder / "photos" / token).read_bytes(), found[0])

    def set(self, known: str = "") -> SentSet:
        """The set of this token, without one a new set. Raises CatdogError for one that is none."""
        with self._lock:
            if known:
                if known not in self._sets:
                    what = "is no set of photos that came"
                    raise CatdogError(what, where="upload", remedy="send the photos again")
                return self._sets[known]
            token = secrets.token_urlsafe(12)
            found = SentSet(token, self._folder / "sets" / token)
            found.folder.mkdir(parents=True)
            self._sets[token] = found
            while len(self._sets) > _SETS:
                _, old = self._sets.popitem(last=False)
                shutil.rmtree(old.folder, ignore_errors=True)
            return found

    def add(self, found: SentSet, name: str, file: IO[bytes]) -> None:
        """A photo, by the name that it came with.

        Raises CatdogError for too much, and for what is no photo by its name; Unreadable for one of
        too many pixels.
        """
        with found.lock:
            _add_photo(found, name, file)

    def take(self, found: SentSet, folder: Path) -> Path:
        """Move a set into a folder, where it stays; gives the place of its photos."""
        with self._lock:
            self._sets.pop(found.token, None)
            place = folder / "photos"
            found.folder.rename(place)
        return place


def named_parts(name: str) -> PurePosixPath:
    """A name that a browser sent as a path that leads nowhere else.

    Raises CatdogError for one that is no photo's by its ending, or too deep.
    """
    words = [one_line(word).strip() for word in name.replace("\\", "/").split("/")]
    parts = [word[-_LETTERS:].lstrip(".") for word in words if word.strip(". ")]
    where = one_line(name[:_LETTERS]) or "photo"
    if not parts or is_left_behind(parts[-1]) or not is_picture(parts[-1]):
        raise CatdogError("is no photo by its name", where=where, remedy="send photos")
    if len(parts) > _PARTS:
        raise CatdogError(f"lies more than {_PARTS} folders deep", where=where)
    return PurePosixPath(*parts)


def _add_photo(found: SentSet, name: str, file: IO[bytes]) -> None:
    parts = named_parts(name)
    if found.photos >= SET_PHOTOS:
        raise CatdogError(
            f"more than {SET_PHOTOS:,} photos", where="upload", remedy="send a zip of them"
        )
    content = file.read(PHOTO_BYTES + 1)
    if len(content) > PHOTO_BYTES or found.bytes + len(content) > SET_BYTES:
        raise CatdogError("is too large", where=str(parts), remedy="name its folder instead")
    check_sent(StoredPicture(content, str(parts)))
    try:
        path = _free(found.folder / parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        # a photo called as a folder that is there, or no room
        what = f"cannot be kept: {(error.strerror or 'no').lower()}"
        raise CatdogError(what, where=str(parts)) from None
    found.photos += 1
    found.bytes += len(content)


def _free(path: Path) -> Path:
    """This path, or one beside it that nothing has yet."""
    number, free = 1, path
    while free.exists() or free.is_symlink():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def read_sent(name: str, file: IO[bytes]) -> StoredPicture:
    """A photo that was sent. Raises CatdogError for one of too many bytes."""
    shown = one_line(PurePosixPath(name.replace("\\", "/")).name[:_LETTERS]) or "photo"
    content = file.read(PHOTO_BYTES + 1)
    if len(content) > PHOTO_BYTES:
        raise CatdogError(f"more than {PHOTO_BYTES:,} bytes", where=shown, remedy="send it smaller")
    return StoredPicture(content, shown)


def counted_sent(files: Sequence[object]) -> None:
    """Raise CatdogError for more photos than one request may have."""
    if len(files) > AT_ONCE:
        what = f"{len(files)} photos, more than {AT_ONCE}"
        raise CatdogError(what, where="photos", remedy="classify them as many photos, below")
