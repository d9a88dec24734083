"""Data layers as sources outside the net, and their table."""

from catdog.data.sources import data, dummy, hdf5, image, memory, window
from catdog.data.sources.base import Batch, Context, RecordSource, Source
from catdog.data.sources.memory import MemoryData
from catdog.proto.caffe_pb2 import LayerParameter

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
}


def open_source(layer: LayerParameter, context: Context | None = None) -> Source:
    """The source of a data layer; raises LayerError and DataError."""
    return SOURCES[layer.type](layer, context)
