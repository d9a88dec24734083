"""The folder that a studio works in: what lies outside is neither read nor written.

What its owner has linked into it is in it; no upload can bring a link.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from catdog.errors import CatdogError, one_line
from catdog.runtime.patterns import without_braces

#: Where the studio keeps what is its own: jobs, uploads.
OWN = ".studio"
#: Letters of a name, and names that one with braces may stand for.
_LONGEST, _NAMES = 500, 10_000


class StudioFolder:
    """A folder, and those of photos elsewhere that may be read as well.

    Args:
        folder: where everything is read and written.
        photos: folders of photos outside of it.
    """

    def __init__(self, folder: Path, photos: Sequence[Path] = ()) -> None:
        self.folder = folder.resolve()
        self.photos = tuple(each.resolve() for each in photos)

    @property
    def own(self) -> Path:
        """The studio's own folder, which need not be there."""
        return self.folder / OWN

    def within(self, name: str) -> Path:
        """The path of a name from the folder. Raises CatdogError for one that leads out of it, and
        for one of the studio's own files."""
        for path in self._resolved(name):
            if not path.is_relative_to(self.folder):
                raise self._outside(name, "name what is in the studio's folder")
            if path.is_relative_to(self.own):
                raise CatdogError("belongs to the studio", where=name, remedy="name another")
        return Path(os.path.normpath(self.folder / name))

    def readable(self, name: str) -> Path:
        """As `within`, or in one of the folders of photos that the studio was started with."""
        paths = self._resolved(name)
        for photos in self.photos:
            if all(path.is_relative_to(photos) for path in paths):
                return Path(os.path.normpath(self.folder / name))
        if not all(path.is_relative_to(self.folder) for path in paths):
            raise self._outside(name, f"start the studio with --photos {one_line(name)}")
        return self.within(name)

    def name(self, path: Path) -> str:
        """A path as seen from the folder."""
        whole = path if path.is_absolute() else self.folder / path
        return str(whole.relative_to(self.folder) if whole.is_relative_to(self.folder) else whole)

    def _resolved(self, name: str) -> list[Path]:
        """The path of a name, and those that its braces stand for, as tools read them."""
        if not name.strip() or len(name) > _LONGEST or "\0" in name:
            raise CatdogError("is no path", where=one_line(name[:80]) or "path", remedy="name one")
        names = dict.fromkeys((name, *without_braces(name, _NAMES)))
        return [Path(os.path.normpath(self.folder / each)) for each in names]

    def _outside(self, name: str, remedy: str) -> CatdogError:
        return CatdogError("lies outside the studio's folder", where=one_line(name), remedy=remedy)
