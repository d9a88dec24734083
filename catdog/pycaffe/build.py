"""A net's text to layers among blobs, in the order and by the names that Caffe gives them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catdog.data.sources import SOURCES, Context, Source, open_source
from catdog.layers.base import Layer, Setting
from catdog.layers.blob import Blob, BlobVec
from catdog.layers.python import Python, UserCodeError
from catdog.net import wiring
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.pycaffe.flags import Flags, settle
from catdog.pycaffe.install import install
from catdog.pycaffe.layer_unit import LayerUnit, ViewUnit
from catdog.pycaffe.mode import mode
from catdog.pycaffe.unit import (
    DataUnit,
    ParameterUnit,
    PythonUnit,
    Slot,
    SplitUnit,
    Unit,
)
from catdog.spec.data_layers import cut_data_layers
from catdog.spec.splits import insert_splits

#: Tops that have the bottom's numbers, or a parameter's, and no memory of their own.
_SHARING = {"Split", "Flatten", "Reshape", "Parameter"}


@dataclass(frozen=True)
class Built:
    """A net ready to run layer by layer; `core` is the same net as a torch module."""

    core: Net
    #: All layers, with the Split layers that were inserted.
    message: NetParameter
    units: list[Unit]
    names: list[str]
    blobs: list[Blob]
    inputs: list[str]
    outputs: list[str]
    #: The blob of each parameter that is not another's, in the order of `core.learnable`.
    learnable: list[Blob]


def build(net: ResolvedNet) -> Built:
    """Build a net; raises SpecError, LayerError and DataError with their places.

    What the code of a Python layer raises comes through as it is.
    """
    try:
        with net.located():
            return _build(net)
    except UserCodeError as error:
        raise error.__cause__ or error from None


def _build(net: ResolvedNet) -> Built:
    message = insert_splits(net.running)
    _drop_idle_transforms(message)
    data, rest = cut_data_layers(message)
    context = Context(
        phase=net.state.phase,
        seed=mode.draw_seed(),
        rank=mode.solver_rank,
        world=mode.solver_count,
        locate=net.locate,
    )
    sources = {layer.top[0]: open_source(layer, context) for layer in data if layer.top}
    shapes = {name: shape for source in sources.values() for name, shape in source.shapes.items()}
    setting = Setting(mode.randomness, provide_caffe=install)
    core = Net(rest, inputs=shapes, setting=setting)
    whole = wiring.with_automatic_tops(message)
    wired = _Wiring(core)
    units = list(_units(whole, core, sources, wired))
    settle([unit.flags for unit in units], force=message.force_backward)
    for unit in units:
        _begin(unit)
    return Built(
        core=core,
        message=message,
        units=units,
        names=wired.names,
        blobs=wired.blobs,
        inputs=list(wiring.input_shapes(message)),
        outputs=list(wiring.outputs(message, ())),
        learnable=[wired.owners[id(item.parameter)] for item in core.learnable],
    )


def _drop_idle_transforms(message: NetParameter) -> None:
    # Caffe looks at transform_param only where it transforms
    for layer in message.layer:
        source = SOURCES.get(layer.type)
        if source is not None and "transform_param" not in source.messages:
            layer.ClearField("transform_param")


def _begin(unit: Unit) -> None:
    """Loss weights lie in the diffs of the tops; a top may be another blob's numbers."""
    for top, weight in zip(unit.tops, unit.slot.loss_weights, strict=False):
        if weight:
            top.diff[...] = weight
    if unit.type in _SHARING:
        unit.forward()


class _Wiring:
    """The blobs of a net by name, made as the layers come, and the parameters' owners."""

    def __init__(self, core: Net) -> None:
        self.names: list[str] = []
        self.blobs: list[Blob] = []
        self.owners: dict[int, Blob] = {}
        self._core = core
        self._by_name: dict[str, Blob] = {}

    def bottoms(self, layer: LayerParameter) -> list[Blob]:
        """The blobs that a layer reads."""
        return [self._by_name[name] for name in layer.bottom]

    def tops(self, layer: LayerParameter) -> list[Blob]:
        """The blobs that a layer writes: new ones, or its bottoms where it runs in place."""
        return [
            self._by_name[name] if name in layer.bottom[i : i + 1] else self._new(name)
            for i, name in enumerate(layer.top)
        ]

    def parameters(self, layer: Layer) -> BlobVec:
        """Blobs of a layer's parameters; shared ones have one memory."""
        vector = BlobVec()
        for index in range(len(layer.blobs)):
            parameter = layer.blobs.parameter(index)
            blob = Blob.of(parameter.data.view(layer.blobs.shape(index)))
            owner = self.owners.setdefault(id(parameter), blob)
            if owner is not blob:
                blob.share_data(owner)
                blob.share_diff(owner)
            vector.append(blob)
        return vector

    def _new(self, name: str) -> Blob:
        blob = Blob(*(() if name == wiring.AUTOMATIC else self._core.shapes[name]))
        self.names.append(name)
        self.blobs.append(blob)
        self._by_name[name] = blob
        return blob


def _units(
    message: NetParameter, core: Net, sources: Mapping[str, Source], wired: _Wiring
) -> Iterator[Unit]:
    nodes = iter(core.nodes)
    for param in message.layer:
        node = None if param.type == "Input" or param.type in SOURCES else next(nodes)
        bottoms = wired.bottoms(param)
        flags = _flags(param, node)
        slot = Slot(param, bottoms, wired.tops(param), flags, node.loss_weights if node else ())
        if node is not None:
            yield _unit(slot, node, wired.parameters(node.layer))
        elif param.type == "Input":
            yield Unit(slot)
        else:
            yield DataUnit(slot, sources[param.top[0]])


def _unit(slot: Slot, node: Node, blobs: BlobVec) -> Unit:
    if isinstance(node.layer, Python):
        return PythonUnit(slot, node.layer, blobs)
    if node.type == "Split":
        return SplitUnit(slot)
    if node.type == "Parameter":
        return ParameterUnit(slot, blobs)
    kind = ViewUnit if node.type in _SHARING else LayerUnit
    return kind(slot, node, blobs)


def _flags(param: LayerParameter, node: Node | None) -> Flags:
    no_gradient = node.layer.no_gradient if node else frozenset()
    count = len(node.layer.blobs) if node else 0
    return Flags(
        bottoms=param.bottom,
        tops=param.top,
        losses=[bool(weight) for weight in node.loss_weights] if node else [],
        propagate_down=param.propagate_down,
        rates=_rates(param, count),
        takes_diff=[i not in no_gradient for i in range(len(param.bottom))],
    )


def _rates(param: LayerParameter, count: int) -> Sequence[bool]:
    given = [spec.lr_mult != 0 for spec in param.param]
    return given + [True] * (count - len(given))
