"""Data layers as sources outside the net, and their table."""

from catdog.data.sources import (
    annotated,
    data,
    dummy,
    hdf5,
    image,
    label_maps,
    memory,
    window,
)
from catdog.data.sources.base import Batch, Context, RecordSource, Source
from catdog.data.sources.memory import MemoryData
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.runtime.patterns import is_there
from catdog.spec.missing import namesake

__all__ = [
    "SOURCES",
    "Batch",
    "Context",
    "MemoryData",
    "RecordSource",
    "Source",
    "open_source",
]

SOURCES: dict[str, type[Source]] = {
    **data.TABLE,
    **image.TABLE,
    **hdf5.TABLE,
    **memory.TABLE,
    **dummy.TABLE,
    **window.TABLE,
    **annotated.TABLE,
    **label_maps.TABLE,
}


def open_source(layer: LayerParameter, context: Context | None = None) -> Source:
    """The source of a data layer; raises LayerError and DataError."""
    context = context or Context()
    try:
        return SOURCES[layer.type](layer, context)
    except DataError as error:
        name = getattr(SOURCES[layer.type].data_message(layer), "source", "")
        beside = namesake(name, context.locate)
        if beside and not is_there(context.locate(name)):
            error.remedy = f"{beside} has that name: write source: {beside}"
        raise
