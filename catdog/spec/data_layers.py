"""Data layers: their types, and how they are cut out of a net."""

from collections.abc import Iterable, Iterator

from catdog.errors import Fault, SpecError
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter

#: Layers that bring data and become sources outside the net; `data.sources` has a class for each.
#: The second line has those of forks.
DATA_LAYERS = frozenset(
    {"Data", "DummyData", "HDF5Data", "ImageData", "MemoryData", "WindowData"}
    | {"AnnotatedData", "DenseImageData", "ImageLabelmapData", "ImageSegData"}
)


def brings_data(layer: LayerParameter) -> bool:
    """Whether data come in by a layer: a data layer, an Input, a Python layer without bottoms."""
    return not layer.bottom and layer.type != "Parameter"


def cut_data_layers(net: NetParameter) -> tuple[list[LayerParameter], NetParameter]:
    """The data layers of a net, already filtered by its rules, and the net without them.

    Raises SpecError where two of them, or one and an Input layer, make the same blob.
    """
    faults = list(_twice(layer for layer in net.layer if layer.type in {*DATA_LAYERS, "Input"}))
    if faults:
        raise SpecError(faults)
    rest = NetParameter()
    rest.CopyFrom(net)
    del rest.layer[:]
    rest.layer.extend(layer for layer in net.layer if layer.type not in DATA_LAYERS)
    return [layer for layer in net.layer if layer.type in DATA_LAYERS], rest


def _twice(layers: Iterable[LayerParameter]) -> Iterator[Fault]:
    made: dict[str, str] = {}
    for layer in layers:
        for top in layer.top:
            if top in made:
                yield Fault(
                    f'({layer.type}) top "{top}" is made by layer "{made[top]}" already',
                    remedy="give it another name, or include each in one phase",
                    layer=layer.name,
                    field="top",
                )
            made[top] = layer.name
