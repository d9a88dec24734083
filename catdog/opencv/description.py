"""What OpenCV's Net tells of a net: names and numbers of layers, shapes, operations, memory."""

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.net.net import Net as Module
from catdog.opencv.failure import NetError, as_net_error
from catdog.opencv.graph import INPUT, GraphLayer, LayerGraph
from catdog.opencv.layer import NetLayer
from catdog.opencv.model import Array, CaffeModel, shown
from catdog.spec.shape import Shape

#: What OpenCV calls the type of the layer 0 where it lists types.
_INPUT_TYPE = "__NetInputLayer__"
_FLOAT = 4


class Description:
    """The half of OpenCV's Net that tells of its layers and sets their parameters."""

    def __init__(self, model: CaffeModel | None) -> None:
        self._model = model

    @property
    def model(self) -> CaffeModel:
        """The net that was read; NetError for an empty one."""
        if self._model is None:
            raise NetError("the net is empty", remedy="readNetFromCaffe reads one")
        return self._model

    @property
    def graph(self) -> LayerGraph:
        """The layers of the net."""
        return self.model.graph

    def _changed(self) -> None:
        """Parameters were set."""

    def empty(self) -> bool:
        """Whether there is no net: that of `Net()`."""
        return self._model is None

    def getLayerNames(self) -> tuple[str, ...]:
        """The names of all layers but that of the inputs; the first has id 1."""
        return tuple(layer.name for layer in self.graph.layers) if self._model else ()

    def getLayerId(self, layer: str) -> int:
        """The number of a layer, -1 for a name that there is not."""
        return self.graph.ids.get(layer, -1)

    def getLayer(self, layerId: Any) -> NetLayer:
        """A layer by number or name; NetError where there is none."""
        asked = _name_or_number(layerId)
        which = None if asked in (0, INPUT) else self.graph.layer(asked)
        return NetLayer(self.model, which, self._changed)

    def getLayerTypes(self) -> tuple[str, ...]:
        """The types of the layers, each once, sorted, with that of the inputs."""
        return tuple(sorted({_INPUT_TYPE, *(layer.type for layer in self.graph.layers)}))

    def getLayersCount(self, layerType: str) -> int:
        """How many layers are of a type."""
        types = [_INPUT_TYPE, *(layer.type for layer in self.graph.layers)]
        return types.count(layerType)

    def getUnconnectedOutLayers(self) -> NDArray[np.int32]:
        """The numbers of the layers that no other reads."""
        return np.array([layer.number for layer in self.graph.unconnected], np.int32)

    def getUnconnectedOutLayersNames(self) -> tuple[str, ...]:
        """The names of the layers that no other reads: what `forward` takes for all outputs."""
        if self._model is None:
            return (INPUT,)
        return tuple(layer.name for layer in self.graph.unconnected)

    def getParam(self, layer: Any, numParam: int = 0) -> Array:
        """A copy of a parameter blob; NetError where the layer has none of that number."""
        which = self.graph.layer(_name_or_number(layer))
        self._check_param(which, numParam)
        return shown(self.model.layer(which), numParam)

    def setParam(self, layer: Any, numParam: int, blob: Any) -> None:
        """Set a parameter blob; NetError for another size than the layer's."""
        which = self.graph.layer(_name_or_number(layer))
        self._check_param(which, numParam)
        self.model.set_blob(which, numParam, np.asarray(blob, np.float32))
        self._changed()

    def _check_param(self, which: GraphLayer, index: int) -> None:
        have = len(self.model.layer(which).blobs)
        if which.name in self.model.without_weights:
            have = 0
        if not 0 <= index < have:
            raise NetError(
                f"has {have} parameter blobs, none of number {index}", where=f'layer "{which.name}"'
            )

    def getLayersShapes(
        self, netInputShapes: Any, *_: Any
    ) -> tuple[NDArray[np.int32], tuple[Any, ...], tuple[Any, ...]]:
        """For inputs of these shapes the ids, and of each layer the shapes that it reads and makes.

        A shape, or one for each input.
        """
        shapes = self._blob_shapes(netInputShapes)
        ids = np.arange(len(self.graph.layers) + 1, dtype=np.int32)
        inputs = _arrays(shapes[blob] for blob in self.graph.inputs.values())
        reads = [_arrays(shapes[i] for i in layer.reads) for layer in self.graph.layers]
        makes = [_arrays(shapes[i] for i in layer.makes) for layer in self.graph.layers]
        return ids, (inputs, *reads), (inputs, *makes)

    def getFLOPS(self, *arguments: Any) -> int:
        """Operations of convolutions and products, an addition and a multiplication being two.

        `getFLOPS(shape)`, `getFLOPS(shapes)` of all inputs, and both with a layer's id before.
        """
        which, asked = self._asked(arguments)
        with as_net_error():
            net = self.model.net(self._named(asked))
            shapes = self._blob_shapes(asked)
        layers = self.graph.layers if which is None else [which]
        return sum(_operations(net, layer, shapes) for layer in layers)

    def getMemoryConsumption(self, *arguments: Any) -> tuple[int, int]:
        """Bytes of the parameters and of all blobs; arguments as those of `getFLOPS`."""
        which, asked = self._asked(arguments)
        shapes = self._blob_shapes(asked)
        layers = self.graph.layers if which is None else [which]
        weights = sum(
            prod(self.model.layer(layer).blobs.shape(index))
            for layer in layers
            for index in range(len(self.model.layer(layer).blobs))
        )
        made = {blob for layer in layers for blob in layer.makes}
        made |= set(self.graph.inputs.values()) if which is None else set()
        return _FLOAT * weights, _FLOAT * sum(prod(shapes[blob]) for blob in made)

    def dump(self) -> str:
        """The net as text that Graphviz draws."""
        lines = [
            f'\t"{layer.name}" [label="{layer.name}\\n{layer.type}" shape=box]'
            for layer in self.graph.layers
        ]
        makers = dict.fromkeys(self.graph.inputs.values(), INPUT)
        for layer in self.graph.layers:
            lines += [f'\t"{makers[blob]}" -> "{layer.name}"' for blob in layer.reads]
            makers.update(dict.fromkeys(layer.makes, layer.name))
        return "\n".join(["digraph G {", *lines, "}", ""])

    def _asked(self, arguments: Sequence[Any]) -> tuple[GraphLayer | None, Any]:
        if len(arguments) > 1:
            return self.graph.layer(_name_or_number(arguments[0])), arguments[1]
        return None, arguments[0]

    def _named(self, asked: Any) -> dict[str, Shape]:
        """The shapes of the inputs by name; NetError for another number of them."""
        many = len(asked) > 0 and np.ndim(asked[0]) > 0
        given = [tuple(map(int, shape)) for shape in (asked if many else [asked])]
        names = list(self.graph.inputs)
        if len(given) != len(names):
            raise NetError(f"{len(given)} shapes for the inputs {', '.join(names)}")
        return dict(zip(names, given, strict=True))

    def _blob_shapes(self, asked: Any) -> dict[int, Shape]:
        """The shape of every blob of the graph for inputs of such shapes."""
        named = self._named(asked)
        with as_net_error():
            net = self.model.net(named)
            shapes = {self.graph.inputs[name]: shape for name, shape in named.items()}
            for layer, node in zip(self.graph.layers, net.nodes, strict=True):
                tops = node.layer.top_shapes(*(shapes[blob] for blob in layer.reads))
                shapes.update(zip(layer.makes, tops, strict=True))
        return shapes


def _operations(net: Module, layer: GraphLayer, shapes: dict[int, Shape]) -> int:
    reads, makes = ([shapes[i] for i in blobs] for blobs in (layer.reads, layer.makes))
    kind = net.nodes[layer.number - 1].layer
    products = kind.multiply_adds(reads, makes)
    biases = sum(map(prod, makes)) if products and len(kind.blobs) > 1 else 0
    return 2 * products + biases


def _name_or_number(asked: Any) -> str | int:
    if isinstance(asked, str):
        return asked
    try:
        return index(asked)
    except TypeError:
        raise NetError(f"a layer is asked for by name or number, not by {asked!r}") from None


def _arrays(shapes: Any) -> tuple[NDArray[np.int32], ...]:
    return tuple(np.array(shape, np.int32) for shape in shapes)
