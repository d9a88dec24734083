"""A Caffe net that was read: its layers, its weights, and nets for the shapes of its inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from catdog.errors import SpecError, some_of
from catdog.layers import layer_class
from catdog.layers.base import Layer
from catdog.net import wiring
from catdog.net.net import Net as Module
from catdog.net.resolved import resolve
from catdog.opencv.failure import NetError
from catdog.opencv.graph import GraphLayer, LayerGraph, graph_of
from catdog.proto.caffe_pb2 import TEST, NetParameter
from catdog.spec import Spec, net_state
from catdog.spec.shape import Shape
from catdog.weights import CopyState, Weights, compare, copy_weights

Array = NDArray[np.float32]

#: Nets that are kept, each for other shapes of the inputs; they share their parameters.
_MOST = 8


@dataclass
class CaffeModel:
    """A net in the TEST phase with its weights.

    Args:
        spec: the net as written.
        weights: those of a file; None where none was given.
    """

    spec: Spec[NetParameter]
    weights: Weights | None
    message: NetParameter = field(init=False)
    graph: LayerGraph = field(init=False)
    #: The inputs' shapes in the text; None where it has none.
    inputs: dict[str, Shape | None] = field(init=False)

    def __post_init__(self) -> None:
        resolved = resolve(self.spec, net_state(TEST))
        rest = wiring.with_automatic_tops(_deployed(resolved.rest))
        data = [top for layer in resolved.data_layers for top in layer.top]
        self.inputs = {**dict.fromkeys(data), **_input_shapes(rest)}
        self._nets: dict[tuple[Shape, ...], Module] = {}
        self._first: Module | None = None
        #: Layers whose parameters nobody has given.
        self.without_weights: set[str] = set()
        with resolved.located():
            if found := wiring.faults(rest, self.inputs):
                raise SpecError(found)
            self.message = rest
            self.graph = graph_of(rest, self.inputs)
            if all(self.inputs.values()):
                self.net({name: shape for name, shape in self.inputs.items() if shape})

    def net(
        self, shapes: Mapping[str, Shape], layers: Sequence[GraphLayer] | None = None
    ) -> Module:
        """The net for inputs of these shapes, or some of its layers alone, which are its nodes.

        Raises LayerError where a layer cannot take the shapes.
        """
        if layers is None or self._first is None:
            layers = self.graph.layers
        key = (*(shapes[name] for name in self.inputs), tuple(each.number for each in layers))
        if key not in self._nets:
            if len(self._nets) == _MOST:
                del self._nets[next(iter(self._nets))]
            self._nets[key] = self._built(shapes, layers)
        return self._nets[key]

    def _built(self, shapes: Mapping[str, Shape], layers: Sequence[GraphLayer]) -> Module:
        with self.spec.located():
            net = Module(self._part(layers), inputs=shapes, fill=False)
            if self._first:
                net.share(self._first)
            net.fill()
        for node in net:
            # blobs that others read, or that are asked for, stay as they were made
            node.layer.in_place = False
        net.requires_grad_(requires_grad=False)
        if self._first is None:
            self._begin(net)
        return net

    def _part(self, layers: Sequence[GraphLayer]) -> NetParameter:
        """The message of some layers; the shapes of the inputs are given beside it."""
        computed = [layer for layer in self.message.layer if layer.type != "Input"]
        part = NetParameter()
        part.CopyFrom(self.message)
        del part.layer[:]
        part.layer.extend(computed[layer.number - 1] for layer in layers)
        return part

    def _begin(self, net: Module) -> None:
        """Give the first net the weights of the file."""
        named = {node.name for node in net if len(node.layer.blobs)}
        self.without_weights = {name for name in named if not self._in_text(net, name)}
        if self.weights is not None and named:
            copy_weights(net, self.weights)
            fresh = {r.layer for r in compare(net, self.weights) if r.state is CopyState.FRESH}
            self.without_weights &= fresh
        self.weights = None
        self._first = net

    @staticmethod
    def _in_text(net: Module, name: str) -> bool:
        return bool(net.node(name).layer.param.blobs)

    @property
    def parameters(self) -> Module:
        """The net whose parameters all others share."""
        if self._first is None:
            open_ones = some_of([name for name, shape in self.inputs.items() if not shape])
            raise NetError(
                f"the text has no shape for {open_ones}, so that layers have no parameters yet",
                remedy="setInput and forward come first",
            )
        return self._first

    def layer(self, which: GraphLayer) -> Layer:
        """The layer of a number, with its parameters."""
        return self.parameters.nodes[which.number - 1].layer

    def check_weights(self, layers: Sequence[GraphLayer]) -> None:
        """Raise NetError where one of these layers has parameters that nobody has given."""
        if not self.without_weights:
            return
        missing = [layer.name for layer in layers if layer.name in self.without_weights]
        if missing:
            raise NetError(
                f"no weights for {some_of(missing)}",
                where=str(self.spec.path),
                remedy="give readNetFromCaffe the .caffemodel too, or set getLayer(NAME).blobs",
            )

    def set_blobs(self, which: GraphLayer, arrays: Sequence[Array]) -> None:
        """Give a layer its parameters; of a bias that is left out the numbers are 0.

        Raises NetError for more blobs than the layer has, and for one of another size.
        """
        layer = self.layer(which)
        if not 0 < len(arrays) <= len(layer.blobs):
            raise NetError(
                f"{len(arrays)} blobs for the {len(layer.blobs)} of its own",
                where=f'layer "{which.name}"',
            )
        for index in range(len(layer.blobs)):
            if index < len(arrays):
                self.set_blob(which, index, arrays[index])
            else:
                layer.blobs.parameter(index).zero_()
        self.without_weights.discard(which.name)

    def set_blob(self, which: GraphLayer, index: int, array: Array) -> None:
        """Give a layer one of its parameter blobs; NetError for one of another size."""
        parameter = self.layer(which).blobs.parameter(index)
        given = torch.from_numpy(np.array(array, np.float32, order="C"))
        if given.numel() != parameter.numel():
            raise NetError(
                f"blob {index} is {list(parameter.shape)}, not {list(given.shape)}",
                where=f'layer "{which.name}"',
            )
        parameter.copy_(given.view(parameter.shape))


def shown(layer: Layer, index: int) -> Array:
    """A parameter blob as OpenCV shows it: with two axes at least, a bias as a column, that of
    InnerProduct as a row."""
    numbers: Array = np.array(layer.blobs[index].detach().numpy(), np.float32, order="C")
    if numbers.ndim >= 2:
        return numbers
    return numbers.reshape((1, -1) if layer.param.type == "InnerProduct" else (-1, 1))


def _input_shapes(net: NetParameter) -> dict[str, Shape | None]:
    shapes: dict[str, Shape | None] = {}
    for layer in net.layer:
        if layer.type == "Input":
            shapes.update(dict.fromkeys(layer.top))
            if layer.input_param.shape:
                shapes.update(wiring.input_shapes(NetParameter(layer=[layer])))
    return shapes


def _deployed(net: NetParameter) -> NetParameter:
    """A loss that has no labels to compare with as the layer of its probabilities; every layer in
    the phase of the net, as OpenCV has it."""
    deployed = NetParameter()
    deployed.CopyFrom(net)
    for layer in deployed.layer:
        layer.ClearField("phase")
        made = layer_class(layer.type).probability_layer(layer)
        if made and len(layer.bottom) == 1:
            made.name = layer.name
            made.bottom.append(layer.bottom[0])
            made.top.extend(layer.top or [layer.name])
            layer.CopyFrom(made)
    return deployed
