"""What `net.layers` holds, and what a layer written in Python derives from."""

from dataclasses import dataclass

from catdog.data.sources import SOURCES
from catdog.layers import LAYERS
from catdog.layers.blob import BlobVec
from catdog.layers.python import UserLayer as Layer

__all__ = ["BuiltLayer", "Layer", "layer_type_list"]


@dataclass(frozen=True)
class BuiltLayer:
    """A layer of a net: its type and its parameter blobs."""

    type: str
    blobs: BlobVec


def layer_type_list() -> list[str]:
    """The types of layers that a net may have."""
    return sorted({*LAYERS, *SOURCES, "Input"})
