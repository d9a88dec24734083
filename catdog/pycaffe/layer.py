"""What `net.layers` holds, and what a layer written in Python derives from."""

from dataclasses import dataclass

from catdog.layers.blob import BlobVec
from catdog.layers.python import UserLayer as Layer

__all__ = ["BuiltLayer", "Layer"]


@dataclass(frozen=True)
class BuiltLayer:
    """A layer of a net: its type and its parameter blobs."""

    type: str
    blobs: BlobVec
