"""A net as boxes and arrows: what a picture of it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catdog.export.draw.words import Colour, colour, details, rates
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.spec.shape import Shape


@dataclass(frozen=True)
class BoxRow:
    """One layer in a box."""

    name: str
    text: str
    colour: Colour


@dataclass
class Box:
    """A layer and those that run in place on its top, one below the other.

    `size` is the shape of the output.
    """

    rows: list[BoxRow]
    size: str = ""


@dataclass(frozen=True)
class Arrow:
    """A blob from the box that makes it to one that reads it, by their numbers.

    `label` is the blob's name where its box makes several.
    """

    start: int
    end: int
    label: str = ""


@dataclass
class Graph:
    """Boxes in the order of the net, and the arrows between them."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)


def graph_of(
    net: NetParameter, shapes: Mapping[str, Shape] | None = None, *, show_rates: bool = False
) -> Graph:
    """The graph of a net; `shapes` are those of its blobs, as far as they are known.

    A blob that several layers make, as the data layers of two phases do, comes from each. With
    `show_rates` layers that learn show their lr_mult.
    """
    graph = Graph()
    makers: dict[str, list[tuple[int, str]]] = {}
    for layer in net.layer:
        if _in_place(layer) and len(makers.get(layer.bottom[0], [])) == 1:
            (number, _), *_ = makers[layer.bottom[0]]
            graph.boxes[number].rows.append(_row(layer, show_rates))
            continue
        number = len(graph.boxes)
        graph.boxes.append(Box([_row(layer, show_rates)], _size(layer, shapes or {})))
        for bottom in dict.fromkeys(layer.bottom):
            graph.arrows += [Arrow(start, number, label) for start, label in makers.get(bottom, [])]
        for top in layer.top:
            made = (number, top if len(layer.top) > 1 else "")
            earlier = [] if top in layer.bottom or not _is_data(layer) else makers.get(top, [])
            makers[top] = [*earlier, made]
    return graph


def _in_place(layer: LayerParameter) -> bool:
    return list(layer.bottom) == list(layer.top) and len(layer.top) == 1


def _is_data(layer: LayerParameter) -> bool:
    return not layer.bottom


def _row(layer: LayerParameter, show_rates: bool) -> BoxRow:
    words = [layer.type, details(layer)]
    if show_rates and layer.param:
        words.append(rates(layer))
    return BoxRow(layer.name, "  ".join(filter(None, words)), colour(layer.type))


def _size(layer: LayerParameter, shapes: Mapping[str, Shape]) -> str:
    """The shape of the first top that has one."""
    known = [shapes[top] for top in layer.top if shapes.get(top)]
    return " × ".join(map(str, known[0])) if known else ""
