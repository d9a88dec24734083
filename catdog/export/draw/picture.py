"""A net as a picture: through Graphviz where it is installed, else through matplotlib."""

from collections.abc import Mapping
from pathlib import Path

from catdog.errors import CatdogError
from catdog.export.draw import dot, render
from catdog.export.draw.graph import graph_of
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.files import replacing
from catdog.spec.shape import Shape

RANKDIRS = ("LR", "TB", "BT", "RL")
#: A net of more boxes is deep.
DEEP = 20
#: What is written without Graphviz, which knows more.
FORMS = ("png", "svg", "pdf", "dot")


def draw(
    net: NetParameter,
    *,
    form: str = "png",
    title: str | None = None,
    rankdir: str = "",
    shapes: Mapping[str, Shape] | None = None,
    show_rates: bool = False,
) -> bytes:
    """A net as a picture file, or as text for Graphviz (form dot).

    Layers that run in place stand below the one that they change. Graphviz draws where it is
    installed, matplotlib where not, and always where columns are wanted.

    Args:
        net: all layers are drawn; filter them by their rules before.
        title: what stands above it; by default the net's name.
        rankdir: the direction of the flow, one of RANKDIRS; by default from left to right, and of
            a deep net from top to bottom, in columns.
        shapes: of the blobs, as far as they are known.
        show_rates: show the lr_mult of layers that learn.

    Raises CatdogError for an unknown form or direction.
    """
    if rankdir and rankdir not in RANKDIRS:
        raise CatdogError(f'no direction "{rankdir}"', remedy=f"one of {', '.join(RANKDIRS)}")
    graph = graph_of(net, shapes, show_rates=show_rates)
    columns = not rankdir and len(graph.boxes) > DEEP
    rankdir = rankdir or ("TB" if columns else "LR")
    title = net.name if title is None else title
    if form in ("dot", "gv"):
        return dot.text(graph, rankdir, title).encode()
    if dot.is_there() and not (columns and form in FORMS):
        return dot.picture(dot.text(graph, rankdir, title), form)
    if form not in FORMS:
        raise CatdogError(
            f'cannot write "{form}" without Graphviz', remedy=f"use one of {', '.join(FORMS)}"
        )
    return render.picture(graph, rankdir, form, title, columns=columns)


def draw_to_file(
    net: NetParameter,
    path: str | Path,
    *,
    title: str | None = None,
    rankdir: str = "",
    shapes: Mapping[str, Shape] | None = None,
    show_rates: bool = False,
) -> None:
    """Write a net's picture in the format of the path's suffix, png without one."""
    form = Path(path).suffix[1:].lower() or "png"
    content = draw(
        net, form=form, title=title, rankdir=rankdir, shapes=shapes, show_rates=show_rates
    )
    with replacing(path) as beside:
        beside.write_bytes(content)
