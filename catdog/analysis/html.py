"""A report as one HTML file: light, readable on a phone, with every picture inside.

Nothing is loaded from elsewhere and nothing runs: the page's own policy forbids both. Every text
is escaped, wherever it comes from.
"""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from catdog.data.images import Pixels
from catdog.data.thumbnails import in_base64
from catdog.runtime.files import replacing
from catdog.runtime.page_templates import page_templates
from catdog.runtime.picture_style import boxes_for_unknown_signs

if TYPE_CHECKING:
    from jinja2 import Environment

_QUALITY = 80


@dataclass(frozen=True)
class Card:
    """A small picture with its caption; `bad` sets the note in another colour."""

    picture: Pixels
    title: str
    note: str = ""
    bad: bool = False


@dataclass(frozen=True)
class _Section:
    title: str
    parts: Sequence[str]
    text: str


class Page:
    """A page that grows by sections; `str()` is its HTML.

    Args:
        title: the heading.
        lead: a sentence below it.
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self._title, self._lead = title, lead
        self._sections: list[_Section] = []

    def section(self, title: str, *parts: str, text: str = "") -> None:
        """Add a section of parts made by the functions of this module."""
        self._sections.append(_Section(title, parts, text))

    def __str__(self) -> str:
        page = _templates().get_template("page.html")
        return page.render(title=self._title, lead=self._lead, sections=self._sections)

    def write(self, path: str | Path) -> Path:
        """Write the page, whole or not at all; gives its path."""
        with replacing(path) as target:
            # names of files need not be text: what cannot be written is shown as such
            target.write_text(str(self), encoding="utf-8", errors="backslashreplace")
        return Path(path)


def check_ready() -> None:
    """Raise CatdogError where pages cannot be made: Jinja2 is missing."""
    _templates()


def numbers(pairs: Iterable[tuple[str, str]]) -> str:
    """The numbers that matter, large: (what it is, the number) of each."""
    return _part("numbers", pairs)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is set to the left."""
    return _part("table", head, rows)


def matrix(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Counts of true classes (rows) taken for classes (columns), darker for a larger share."""
    return _part("matrix", list(names), counts)


def beside(*tables: str) -> str:
    """Tables side by side, where there is room."""
    return _part("beside", tables)


def figures(drawn: Iterable[tuple[str, Figure]]) -> str:
    """Drawings side by side, (what it shows, drawing) of each."""
    return _part("figures", drawn)


def cards(shown: Iterable[Card]) -> str:
    """Small pictures in a grid."""
    return _part("cards", shown, "cards")


def group(shown: Iterable[Card]) -> str:
    """Small pictures that belong together, in a row."""
    return _part("cards", shown, "group")


def views(shown: Iterable[Card]) -> str:
    """Larger pictures side by side, where there is room."""
    return _part("cards", shown, "views")


def triples(rows: Iterable[Sequence[Card]]) -> str:
    """Rows of three small pictures that belong together, side by side where there is room."""
    return _part("triples", rows)


def bars(rows: Iterable[tuple[str, str, float]]) -> str:
    """A bar for each: (name, number, share of the bar that is full)."""
    return _part("bars", rows)


def _part(macro: str, *content: Any) -> str:
    """A piece of a page, which Jinja2 knows for HTML and does not escape again."""
    part: str = getattr(_templates().get_template("parts.html").module, macro)(*content)
    return part


def _templates() -> "Environment":
    return page_templates(Path(__file__).with_name("templates"), jpeg=_jpeg, svg=_svg)


def _jpeg(picture: Pixels) -> str:
    return f"data:image/jpeg;base64,{in_base64(picture, _QUALITY)}"


def _svg(figure: Figure) -> str:
    stream = io.BytesIO()
    # the same drawing gives the same bytes
    with mpl.rc_context({"svg.hashsalt": "catdog"}), boxes_for_unknown_signs():
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(stream.getvalue()).decode()}"
