"""Data layers as sources outside the net; their table, and how they are cut out of a net."""

from collections.abc import Iterable, Iterator

from catdog.errors import Fault, SpecError
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.sources import data, dummy, hdf5, image, memory, window
from catdog.sources.base import Batch, Context, RecordSource, Source
from catdog.sources.memory import MemoryData

__all__ = [
    "SOURCES",
    "Batch",
    "Context",
    "MemoryData",
    "RecordSource",
    "Source",
    "cut",
    "open_source",
]

SOURCES: dict[str, type[Source]] = {
    **data.TABLE,
    **image.TABLE,
    **hdf5.TABLE,
    **memory.TABLE,
    **dummy.TABLE,
    **window.TABLE,
}


def cut(net: NetParameter) -> tuple[list[LayerParameter], NetParameter]:
    """The data layers of a net, already filtered by its rules, and the net without them.

    Raises SpecError where two of them, or one and an Input layer, make the same blob.
    """
    faults = list(_twice(layer for layer in net.layer if layer.type in {*SOURCES, "Input"}))
    if faults:
        raise SpecError(faults)
    rest = NetParameter()
    rest.CopyFrom(net)
    del rest.layer[:]
    rest.layer.extend(layer for layer in net.layer if layer.type not in SOURCES)
    return [layer for layer in net.layer if layer.type in SOURCES], rest


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


def open_source(layer: LayerParameter, context: Context | None = None) -> Source:
    """The source of a data layer that `cut` gave; raises LayerError and DataError."""
    return SOURCES[layer.type](layer, context)
