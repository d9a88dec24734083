"""A report as one HTML file: light, readable on a phone, with every picture inside.

Nothing is loaded from elsewhere and nothing runs: the page's own policy forbids both. Every text
is escaped, wherever it comes from.
"""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import cast

import cv2
import matplotlib as mpl
from matplotlib.figure import Figure

from catdog.data.images import Pixels
from catdog.runtime.files import replacing

#: The longer side of a thumbnail, in pixels: sharp on a phone, a few kilobytes.
THUMBNAIL = 240
_QUALITY = 80

_STYLE = """
:root{color-scheme:light;--ink:#26313b;--soft:#66737f;--line:#e3e7eb;--blue:#3b6ea5;--red:#b3402a}
*{box-sizing:border-box}
body{margin:0;background:#f6f7f9;color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1060px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.7rem;line-height:1.2;margin:8px 0 4px}
h2{font-size:1.15rem;margin:0 0 4px}
p{margin:0 0 12px;color:var(--soft);overflow-wrap:anywhere;max-width:75ch}
section{background:#fff;border:1px solid var(--line);border-radius:12px;padding:18px;margin:18px 0}
.numbers{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(118px,1fr))}
.numbers div{border-left:3px solid var(--blue);padding:2px 0 2px 10px}
.numbers b{display:block;font-size:1.45rem;line-height:1.25;font-variant-numeric:tabular-nums}
.numbers span{color:var(--soft);font-size:.85rem}
.figures{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,285px),1fr))}
.figures img{width:100%;max-width:520px;height:auto;display:block;margin:0 auto}
.tables{display:flex;flex-wrap:wrap;gap:20px 56px;align-items:flex-start}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:6px 14px 6px 0;text-align:right;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;font-size:.85rem}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}
table.matrix td{border:0}
table.matrix td+td{text-align:center;padding:10px 16px;border:2px solid #fff;border-radius:8px}
table.matrix th{text-align:center;padding:4px 12px;border:0}
.cards{display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(132px,1fr))}
.group{display:flex;flex-wrap:wrap;gap:12px;padding:12px 0;border-top:1px solid var(--line)}
.group figure{width:132px}
figure{margin:0;min-width:0}
figure img{width:100%;height:132px;object-fit:contain;background:#eef1f4;border-radius:8px;
display:block}
figcaption{font-size:.8rem;line-height:1.35;padding-top:5px;overflow-wrap:anywhere}
figcaption b{display:block;font-weight:600}
figcaption i{display:block;font-style:normal;color:var(--soft)}
figcaption i.bad{color:var(--red)}
"""

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>$style</style>
</head>
<body><main>
<h1>$title</h1>
<p>$lead</p>
$sections
</main></body>
</html>
""")


@dataclass(frozen=True)
class Card:
    """A small picture with its caption; `bad` sets the note in another colour."""

    picture: Pixels
    title: str
    note: str = ""
    bad: bool = False


class Page:
    """A page that grows by sections; `str()` is its HTML.

    Args:
        title: the heading.
        lead: a sentence below it.
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self._title, self._lead = title, lead
        self._sections: list[str] = []

    def section(self, title: str, *parts: str, text: str = "") -> None:
        """Add a section of parts made by the functions of this module."""
        lead = f"<p>{escape(text)}</p>" if text else ""
        self._sections.append(f"<section><h2>{escape(title)}</h2>{lead}{''.join(parts)}</section>")

    def __str__(self) -> str:
        return _PAGE.substitute(
            title=escape(self._title),
            lead=escape(self._lead),
            style=_STYLE,
            sections="\n".join(self._sections),
        )

    def write(self, path: str | Path) -> Path:
        """Write the page, whole or not at all; gives its path."""
        with replacing(path) as target:
            # names of files need not be text: what cannot be written is shown as such
            target.write_text(str(self), encoding="utf-8", errors="backslashreplace")
        return Path(path)


def numbers(pairs: Iterable[tuple[str, str]]) -> str:
    """The numbers that matter, large: (what it is, the number) of each."""
    tiles = (f"<div><b>{escape(b)}</b><span>{escape(a)}</span></div>" for a, b in pairs)
    return f'<div class="numbers">{"".join(tiles)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is set to the left."""
    body = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in rows)
    heading = f"<thead><tr>{_cells(head, 'th')}</tr></thead>"
    return f'<div class="scroll"><table>{heading}<tbody>{body}</tbody></table></div>'


def matrix(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Counts of true classes (rows) taken for classes (columns), darker for a larger share."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{_shaded(row, own)}</tr>"
        for own, (name, row) in enumerate(zip(names, counts, strict=True))
    )
    heading = _cells(["", *names], "th")
    return f'<div class="scroll"><table class="matrix"><tr>{heading}</tr>{rows}</table></div>'


def beside(*tables: str) -> str:
    """Tables side by side, where there is room."""
    return f'<div class="tables">{"".join(tables)}</div>'


def figures(drawn: Iterable[tuple[str, Figure]]) -> str:
    """Drawings side by side, (what it shows, drawing) of each."""
    pictures = (f'<img src="{_svg(figure)}" alt="{escape(name)}">' for name, figure in drawn)
    return f'<div class="figures">{"".join(pictures)}</div>'


def cards(shown: Iterable[Card]) -> str:
    """Small pictures in a grid."""
    return f'<div class="cards">{"".join(map(_card, shown))}</div>'


def group(shown: Iterable[Card]) -> str:
    """Small pictures that belong together, in a row."""
    return f'<div class="group">{"".join(map(_card, shown))}</div>'


def _cells(texts: Iterable[str], tag: str) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _shaded(row: Sequence[int], own: int) -> str:
    """The counts of a class: blue where it was recognised, red where it was not."""
    total = max(sum(row), 1)
    color = {True: "59,110,165", False: "179,64,42"}
    return "".join(
        f'<td style="background:rgba({color[at == own]},{0.05 + 0.45 * count / total:.2f})">'
        f"{count:,}</td>"
        for at, count in enumerate(row)
    )


def _card(card: Card) -> str:
    kind = ' class="bad"' if card.bad else ""
    note = f"<i{kind}>{escape(card.note)}</i>" if card.note else ""
    image = f'<img src="{_jpeg(card.picture)}" alt="{escape(card.title)}" loading="lazy">'
    return f"<figure>{image}<figcaption><b>{escape(card.title)}</b>{note}</figcaption></figure>"


def thumbnail(picture: Pixels) -> Pixels:
    """A picture with its longer side at most THUMBNAIL pixels long, its shape kept."""
    height, width = picture.shape[:2]
    factor = min(1.0, THUMBNAIL / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cast(Pixels, cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _jpeg(picture: Pixels) -> str:
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _svg(figure: Figure) -> str:
    stream = io.BytesIO()
    # the same drawing gives the same bytes
    with mpl.rc_context({"svg.hashsalt": "catdog"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(stream.getvalue()).decode()}"
