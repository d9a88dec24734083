"""OpenCV 4's cv2.dnn.Net over a net of Caffe's."""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.opencv.description import Description
from catdog.opencv.failure import NetError, as_net_error
from catdog.opencv.graph import GraphLayer
from catdog.opencv.inputs import NO_MEAN, Inputs, kept
from catdog.opencv.model import Array, CaffeModel
from catdog.opencv.program import Program, needed
from catdog.runtime.files import replacing
from catdog.spec.shape import Shape

#: Programs that are kept: each for some outputs, and for inputs of some shapes.
_MOST = 4


def _missing(name: str, why: str) -> Callable[..., Any]:
    """A method of cv2.dnn.Net that says that it is not there."""

    def method(*_: Any, **__: Any) -> Any:
        raise NetError(f"catdog.opencv has no Net.{name}: {why}")

    method.__name__ = name
    method.__doc__ = f"Raises NetError: {why}."
    return method


#: cv2's own class, of the nets of other frameworks.
_NATIVE = cv2.dnn.Net


class _AnyNet(type):
    """A net of another framework is a `cv2.dnn.Net` too, where that is the class below."""

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or isinstance(instance, _NATIVE)


class Net(Description, metaclass=_AnyNet):
    """A net that `readNetFromCaffe` has read; `Net()` is an empty one.

    The methods are cv2.dnn.Net's of OpenCV 4, with its names for layers and outputs. Mistakes
    raise NetError.
    """

    def __init__(self, model: CaffeModel | None = None) -> None:
        super().__init__(model)
        self._inputs = Inputs(list(model.inputs) if model else [])
        self._programs: dict[Any, Program] = {}
        self._last: Program | None = None

    def setInput(
        self, blob: Any, name: str = "", scalefactor: float = 1.0, mean: Any = NO_MEAN
    ) -> None:
        """Set an input, the first one without a name, to scalefactor * (blob - mean).

        The blob, N x channels x height x width, may have another size than the text says: the net
        takes it where its layers can.
        """
        self.model  # noqa: B018  # an empty net says so
        self._inputs.set(name, blob, scalefactor, mean)

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """Run the net; gives the first output of a layer, by default of the last one.

        `forward(name)` gives an array, `forward(names)` a tuple of them in that order; so does
        what OpenCV's other form, `forward(outputBlobs, outputName)`, is called by.
        """
        asked, alone = _asked(arguments, named)
        if not self.graph.layers:
            raise NetError("the net has inputs alone", where=str(self.model.spec.path))
        layers = [self.graph.layer(name) for name in asked] or [self.graph.layers[-1]]
        found = tuple(blobs[0] for blobs in self._made(layers))
        return found[0] if alone else found

    def forwardAndRetrieve(self, outBlobNames: Sequence[str]) -> tuple[tuple[Array, ...], ...]:
        """Run the net; gives all outputs of each of these layers."""
        return tuple(self._made([self.graph.layer(name) for name in outBlobNames]))

    def _made(self, layers: Sequence[GraphLayer]) -> list[tuple[Array, ...]]:
        # what a layer without outputs, such as Silence, shows is what it reads
        wanted = tuple(layer.makes or layer.reads for layer in layers)
        with as_net_error():
            inputs = self._inputs.blobs()
            program = self._program(wanted, tuple(blob.shape for blob in inputs))
            self.model.check_weights(program.layers)
            made = program.run(inputs)
        self._last = program
        return [tuple(kept(made[blob]) for blob in each) for each in wanted]

    def _program(self, wanted: tuple[tuple[int, ...], ...], shapes: tuple[Shape, ...]) -> Program:
        program = self._programs.get((wanted, shapes))
        if program is None:
            if len(self._programs) == _MOST:
                del self._programs[next(iter(self._programs))]
            blobs = dict.fromkeys(blob for each in wanted for blob in each)
            layers = needed(self.graph, blobs)
            net = self.model.net(dict(zip(self.model.inputs, shapes, strict=True)), layers)
            whole = len(net.nodes) > len(layers)
            nodes = [net.nodes[each.number - 1] for each in layers] if whole else net.nodes
            program = self._programs[wanted, shapes] = Program(nodes, layers, blobs)
        return program

    def _changed(self) -> None:
        self._programs.clear()

    def getPerfProfile(self) -> tuple[int, NDArray[np.float64]]:
        """Ticks of the last `forward`, see cv2.getTickFrequency, and those of each layer.

        Layers that ran together with the one before have 0.
        """
        times = self._last.times if self._last else {}
        spent = [times.get(layer.number, 0) for layer in self.graph.layers]
        ticks = np.rint(np.array(spent, float) * (cv2.getTickFrequency() / 1e9))
        return int(ticks.sum()), ticks

    def setInputsNames(self, inputBlobNames: Sequence[str]) -> None:
        """Call the inputs by other names, in their order."""
        self._inputs.rename(list(inputBlobNames))

    def setInputShape(self, inputName: str, shape: Sequence[int]) -> None:
        """Check that the net takes an input of this shape; what `setInput` brings counts."""
        names = list(self.model.inputs)
        shapes = {name: known for name, known in self.model.inputs.items() if known}
        shapes[names[self._inputs.index(inputName)]] = tuple(map(int, shape))
        if len(shapes) == len(names):
            with as_net_error():
                self.model.net(shapes)

    def dumpToFile(self, path: str) -> None:
        """Write `dump` to a file."""
        with as_net_error(), replacing(path) as beside:
            beside.write_text(self.dump(), encoding="utf-8")

    def setPreferableBackend(self, backendId: int) -> None:
        """Nothing: the net runs on the cores."""

    def setPreferableTarget(self, targetId: int) -> None:
        """Nothing: the net runs on the cores."""

    def enableFusion(self, fusion: bool) -> None:
        """Nothing: layers run together where that changes no number."""

    def enableWinograd(self, useWinograd: bool) -> None:
        """Nothing: how a convolution is computed is not chosen here."""

    def setHalideScheduler(self, scheduler: str) -> None:
        """Nothing: Halide is no part of this."""

    addLayer = _missing("addLayer", "a net is what its prototxt says")
    addLayerToPrev = _missing("addLayerToPrev", "a net is what its prototxt says")
    connect = _missing("connect", "a net is what its prototxt says")
    registerOutput = _missing("registerOutput", "forward takes the layers' names")
    forwardAsync = _missing("forwardAsync", "OpenCV has it for OpenVINO's backend alone")
    quantize = _missing("quantize", "catdog convert --int8 writes an ONNX model in int8")
    getInputDetails = _missing("getInputDetails", "the net is not quantised")
    getOutputDetails = _missing("getOutputDetails", "the net is not quantised")
    dumpToPbtxt = _missing("dumpToPbtxt", "dump and dumpToFile write the graph")


def _asked(arguments: Sequence[Any], named: dict[str, Any]) -> tuple[list[str], bool]:
    """The layers that `forward` was asked for, and whether it gives one array."""
    given = [*arguments]
    first = given.pop(0) if given else named.get("outBlobNames", named.get("outputName", ""))
    if isinstance(first, str):
        # a second argument is where OpenCV would write to
        return ([first] if first else []), not given and "outputBlobs" not in named
    if isinstance(first, list | tuple) and all(isinstance(name, str) for name in first):
        return list(first), False
    if first is None and not given:
        return [], True
    if not isinstance(first, list | tuple | np.ndarray | None):
        raise NetError(f"forward takes the names of layers, not {first!r}")
    name = str(given[0]) if given else str(named.get("outputName", ""))
    return ([name] if name else []), False
