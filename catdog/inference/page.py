"""Predictions as one HTML file to look through, with a small picture of each photo inside.

Nothing is loaded from elsewhere, and no script runs but the page's own: its policy names the
digest of that. Every text is escaped, wherever it comes from.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath

from catdog.data.build.listing import in_utf8
from catdog.data.images import Readable, Unreadable, decode, read_file
from catdog.data.thumbnails import in_base64, thumbnail
from catdog.inference.heads import Head
from catdog.inference.photo_job import Batch
from catdog.inference.predictor import Prediction
from catdog.inference.tally import Tally, foremost
from catdog.runtime.files import replacing
from catdog.runtime.page_templates import for_script, page_templates, script_digest
from catdog.runtime.parallel import in_order
from catdog.runtime.wording import counted

#: Photos of a page: some 40 MB, which phones still show.
MOST = 5000
#: The longer side of a photo in pixels, and its quality as a JPEG: some 6 kB, 8 kB in the page.
SIDE, QUALITY = 200, 72
_TEMPLATES = Path(__file__).with_name("templates")
#: What the script takes for the number of the class of a photo that is refused.
_NEITHER = -2
#: Digits of a probability.
_DIGITS = 4
#: Classes, and letters, that fit into a heading.
_NAMED, _LONG = 4, 90


class PredictionPage:
    """Takes predictions for a page.

    Args:
        heads: what the net tells of a photo.
        count: how many photos there are.
        most: how many of them come into the page, from the first on.
        lead: a sentence below the heading.
    """

    def __init__(self, heads: Sequence[Head], count: int, most: int = MOST, lead: str = "") -> None:
        self.heads, self._count, self._most, self._lead = heads, count, most, lead
        self._photos: list[str] = []
        self._unreadable: list[tuple[str, str]] = []
        self._tally = Tally(heads, 0)
        self._next = 0

    @property
    def left_out(self) -> int:
        """How many photos are in no page, since it has its fill."""
        return max(0, self._count - self._most)

    def lacks(self, at: int) -> bool:
        """Whether the photo at this place comes into the page and is not there yet."""
        return self._next <= at < self._most

    def take(self, at: int, batch: Batch) -> None:
        """Photos of which the first is at this place; small pictures of them are made."""
        part = batch[: max(0, self._most - at)]
        self._next = at + len(batch)
        found = [(name, each) for name, each in part if isinstance(each, Prediction)]
        pictures = in_order(_thumbnail, [each.path for _, each in found])
        for name, each in part:
            self._tally.add(name, each)
            if isinstance(each, Unreadable):
                self._unreadable.append((_shown_name(name, each.where), each.what))
        for (name, each), picture in zip(found, pictures, strict=True):
            if isinstance(picture, Unreadable):
                self._unreadable.append((_shown_name(name, picture.where), picture.what))
            else:
                self._photos.append(for_script(self._photo(name, each, picture)))

    def _photo(self, name: str, found: Prediction, picture: str) -> list[object]:
        pairs = list(zip(self.heads, found.rows, strict=True))
        return [
            _shown_name(name, str(found.path)),
            picture,
            _rounded(min(head.sureness(row) for head, row in pairs)),
            _rounded(min(head.margin(row) for head, row in pairs)),
            [[_NEITHER] if found.is_refused else head.chosen(row) for head, row in pairs],
            [[[i, _rounded(row[i])] for i in foremost(row)] for _, row in pairs],
            [in_utf8(head.set_words(row)) for head, row in pairs],
            found.foreign.words if found.foreign else "",
        ]

    def text(self) -> Iterator[str]:
        """The page, piece by piece."""
        script, style = (_read(f"predictions.{kind}") for kind in ("js", "css"))
        return (
            page_templates(_TEMPLATES)
            .get_template("predictions.html")
            .generate(
                title=self._title(),
                lead=self._lead,
                digest=script_digest(script),
                style=style,
                script=script,
                heads=for_script([_of_head(head) for head in self.heads]),
                photos=self._photos,
                unreadable=self._unreadable,
            )
        )

    def _title(self) -> str:
        photos = counted(len(self._photos), "photo")
        if self.left_out:
            photos = f"The first {photos} of {self._count:,}"
        totals = next(iter(self._tally.totals()))
        is_short = (
            len(self.heads) == 1 and 0 < totals.count(",") + 1 <= _NAMED and len(totals) < _LONG
        )
        return in_utf8(f"{photos}: {totals}" if is_short else photos)


@contextmanager
def page_file(path: str | Path, page: PredictionPage) -> Iterator[PredictionPage]:
    """A file for a page, which is written when all predictions have been taken, or not at all.

    Raises CatdogError where Jinja2 is missing, Unwritable where the file cannot be written, both
    before the first prediction.
    """
    page_templates(_TEMPLATES)
    with replacing(path) as beside:
        beside.touch()
        yield page
        with beside.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(page.text())


def _thumbnail(path: Readable) -> str | Unreadable:
    try:
        return in_base64(thumbnail(decode(read_file(path)).pixels, SIDE), QUALITY)
    except Unreadable as error:  # it went away since it was predicted
        return error


def _of_head(head: Head) -> dict[str, object]:
    return {
        "title": in_utf8(head.title),
        "names": [in_utf8(name) for name in head.names],
        "several": head.several,
        "scores": head.scores,
    }


def _shown_name(name: str, where: str) -> str:
    """The id of a photo with the ending of its file."""
    ending = PurePath(where).suffix
    return in_utf8(name if name.endswith(ending) else f"{name}{ending}")


def _rounded(number: float) -> float:
    return round(float(number), _DIGITS)


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
