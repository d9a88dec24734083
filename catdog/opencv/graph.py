"""A net's layers by the names and numbers that OpenCV gives them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from catdog.errors import did_you_mean
from catdog.opencv.failure import NetError
from catdog.proto.caffe_pb2 import NetParameter

#: OpenCV's name for the layer 0, whose outputs are the net's inputs.
INPUT = "_input"


@dataclass(frozen=True)
class GraphLayer:
    """A layer, and the numbers of the blobs that it reads and makes: each is made once.

    A layer that Caffe runs in place makes a blob of its own here.
    """

    number: int
    name: str
    type: str
    reads: tuple[int, ...]
    makes: tuple[int, ...]


@dataclass(frozen=True)
class LayerGraph:
    """The layers from 1 on, and the blobs of the inputs by name, which come first."""

    inputs: dict[str, int]
    layers: tuple[GraphLayer, ...]
    #: The layer that makes a blob last, by the blob's name in the text.
    makers: dict[str, str]

    @cached_property
    def ids(self) -> dict[str, int]:
        """The number of each layer."""
        return {INPUT: 0, **{layer.name: layer.number for layer in self.layers}}

    @cached_property
    def unconnected(self) -> list[GraphLayer]:
        """The layers of which nothing is read: a net's outputs."""
        read = {blob for layer in self.layers for blob in layer.reads}
        return [layer for layer in self.layers if read.isdisjoint(layer.makes)]

    def layer(self, asked: str | int) -> GraphLayer:
        """A layer by name or number; NetError where there is none."""
        number = self.ids.get(asked, -1) if isinstance(asked, str) else asked
        if 0 < number <= len(self.layers):
            return self.layers[number - 1]
        if isinstance(asked, str) and asked in self.makers:
            maker = self.makers[asked]
            raise NetError(
                f'no layer is called "{asked}"',
                remedy=f'that is a blob of layer "{maker}", by whose name OpenCV knows it',
            )
        what = f'"{asked}"' if isinstance(asked, str) else f"{asked}"
        remedy = did_you_mean(asked, self.ids) if isinstance(asked, str) else ""
        raise NetError(
            f"no layer is called {what}" if isinstance(asked, str) else f"no layer has id {what}",
            remedy=remedy or f"ids are 1 to {len(self.layers)}, names in getLayerNames()",
        )


def graph_of(net: NetParameter, inputs: Iterable[str]) -> LayerGraph:
    """The graph of a net in its state, whose Input and data layers make `inputs`."""
    blobs = {name: number for number, name in enumerate(inputs)}
    given = dict(blobs)
    made = len(blobs)
    times: Counter[str] = Counter()
    layers: list[GraphLayer] = []
    makers: dict[str, str] = {}
    for param in net.layer:
        if param.type == "Input":
            continue
        reads = tuple(blobs[name] for name in param.bottom)
        makes = tuple(range(made, made + len(param.top)))
        made += len(param.top)
        blobs.update(zip(param.top, makes, strict=True))
        # of layers of one name the second is NAME_1
        name = f"{param.name}_{times[param.name]}" if times[param.name] else param.name
        times[param.name] += 1
        layers.append(GraphLayer(len(layers) + 1, name, param.type, reads, makes))
        makers.update(dict.fromkeys(param.top, name))
    return LayerGraph(given, tuple(layers), makers)
