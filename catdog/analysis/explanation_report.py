"""Explanations as one picture, or as a page."""

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes

from catdog.analysis import charts, html
from catdog.analysis.explanation import METHODS, OCCLUSION, Explanation, Heat
from catdog.analysis.explanation_pictures import (
    activation_tiles,
    enlarged,
    kernel_tiles,
    kernels_of,
    overlay,
)
from catdog.data.build.listing import in_utf8
from catdog.data.images import Pixels
from catdog.errors import CatdogError
from catdog.inference.tally import LIKELIEST, foremost
from catdog.net.step import Node
from catdog.runtime.picture_style import (
    BLUE,
    INK,
    SMALL,
    check_suffix,
    save_figure,
    style_axes,
    white_figure,
)

#: Photos of a picture, and of a page: some 40 MB, which browsers still show.
PICTURE_PHOTOS, PAGE_PHOTOS = 12, 500
#: Inches of a panel.
_PANEL = 2.9, 3.0
#: Letters of a name.
_WIDTH = 30

Panel = Callable[[Axes], None]


def is_page(path: Path) -> bool:
    """Whether a file of this name is a page; others are pictures."""
    return path.suffix.lower() in (".html", ".htm")


def check_target(path: Path, photos: int) -> None:
    """Raise CatdogError for what can be no picture or page of so many photos."""
    if is_page(path):
        html.check_ready()
        kind, most, remedy = "page", PAGE_PHOTOS, "name fewer"
    else:
        check_suffix(path)
        kind, most, remedy = "picture", PICTURE_PHOTOS, "write a page: --out explanation.html"
    if photos > most:
        what = f"{photos:,} photos are too many for one {kind}, which holds {most}"
        raise CatdogError(what, where=str(path), remedy=remedy)


def draw_explanations(
    path: Path, found: Iterable[Explanation], node: Node | None, *, with_layer: bool
) -> None:
    """A row for each photo: the photo, its maps, its likeliest classes; `with_layer` also what the
    layer makes of it and, last, its kernels."""
    rows = [row for each in found for row in _rows(each, node)]
    if with_layer and node:
        rows += _kernel_rows(node)
    columns = max(map(len, rows))
    figure = white_figure((columns * _PANEL[0], len(rows) * _PANEL[1]))
    for at, row in enumerate(rows):
        for place, draw in enumerate(row):
            draw(figure.add_subplot(len(rows), columns, at * columns + place + 1))
    save_figure(figure, path, dpi=110)


def explanation_page(
    found: Iterable[Explanation], node: Node | None, lead: str, *, with_layer: bool
) -> html.Page:
    """A section for each photo with what `draw_explanations` draws; one for the kernels."""
    page = html.Page("What the net looked at", lead)
    for each in found:
        cards = [html.Card(picture, title) for title, picture in _views(each)]
        parts = [html.views(cards), html.bars(_likeliest(each))]
        if node and each.activations is not None:
            title = f"activations of {node.name}"
            tiles = activation_tiles(each.activations)
            parts += [
                html.views([html.Card(tiles, title)]),
                _page_histogram(each.activations, title),
            ]
        page.section(_name(each), *parts)
    kernels = kernels_of(node) if with_layer and node else None
    if node and kernels is not None:
        shown = html.views([html.Card(kernel_tiles(kernels), f"kernels of {node.name}")])
        page.section(f"Layer {node.name}", shown, _page_histogram(kernels, "weights"))
    return page


def _rows(found: Explanation, node: Node | None) -> list[list[Panel]]:
    views = [_shown(picture, title) for title, picture in _views(found)]
    rows = [[*views, _bars(found)]]
    if node and found.activations is not None:
        title = f"activations of {node.name}"
        tiles = activation_tiles(found.activations)
        rows.append([_shown(tiles, title), _histogram(found.activations, title)])
    return rows


def _kernel_rows(node: Node) -> list[list[Panel]]:
    kernels = kernels_of(node)
    if kernels is None:
        return []
    return [
        [_shown(kernel_tiles(kernels), f"kernels of {node.name}"), _histogram(kernels, "weights")]
    ]


def _views(found: Explanation) -> list[tuple[str, Pixels]]:
    name = _short(found.head.names[found.number])
    views = [(_short(_name(found)), enlarged(found.picture))]
    for method, heat in found.maps.items():
        told = _told(found, method, float(heat.max()))
        views.append((f"{name}: {METHODS[method]}{told}", overlay(found.picture, heat)))
    return views


def _told(found: Explanation, method: str, most: float) -> str:
    """What there is to say of the hottest place of a map."""
    if most <= 0:
        return ", nowhere"
    if method != OCCLUSION:
        return ""
    if found.head.scores:
        return f", at most {most:.3g} less"
    points = f"{100 * most:.0f}" if most >= 0.01 else f"{100 * most:.1g}"
    return f", at most {points} points less"


def _likeliest(found: Explanation) -> list[tuple[str, str, float]]:
    """Of the likeliest classes the name, the number in words, and the share of a bar that is full:
    the probability; of scores none."""
    head, row = found.head, found.row
    return [
        (in_utf8(head.names[at]), head.word(row[at], 1), 0.0 if head.scores else float(row[at]))
        for at in foremost(row)
    ]


def _name(found: Explanation) -> str:
    return in_utf8(Path(str(found.prediction.path)).name)


def _short(name: str) -> str:
    return name if len(name) <= _WIDTH else f"{name[: _WIDTH - 1]}…"


def _shown(picture: Pixels, title: str) -> Panel:
    def draw(axes: Axes) -> None:
        if picture.ndim == 3:
            axes.imshow(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        else:
            axes.imshow(picture, cmap="gray")
        axes.set_axis_off()
        axes.set_title(title, fontsize=SMALL, color=INK, parse_math=False)

    return draw


def _bars(found: Explanation) -> Panel:
    def draw(axes: Axes) -> None:
        likeliest = _likeliest(found)
        axes.barh(range(len(likeliest)), [share for *_, share in likeliest], height=0.3, color=BLUE)
        for at, (name, word, _) in enumerate(likeliest):
            said = f"{_short(name)}  {word}"
            axes.text(0, at - 0.22, said, fontsize=SMALL, color=INK, parse_math=False)
        axes.set_xlim(0, 1)
        axes.set_ylim(LIKELIEST - 0.5, -0.6)
        axes.set_axis_off()

    return draw


def _histogram(values: Heat, label: str) -> Panel:
    def draw(axes: Axes) -> None:
        style_axes(axes)
        axes.set_xlabel(label, color=INK, fontsize=SMALL)
        charts.draw_histogram(axes, _numbers(values))

    return draw


def _page_histogram(values: Heat, label: str) -> str:
    return html.figures([(label, charts.histogram(_numbers(values), label, "numbers"))])


def _numbers(values: Heat) -> charts.Numbers:
    return values.astype(np.float64).ravel()
