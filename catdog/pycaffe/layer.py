"""What `net.layers` holds, and what a layer written in Python derives from."""

from collections.abc import Sequence

from catdog.data.sources import SOURCES
from catdog.errors import CatdogError
from catdog.layers import LAYERS
from catdog.layers.blob import Blob
from catdog.layers.python import UserLayer as Layer
from catdog.pycaffe.unit import Unit

__all__ = ["BuiltLayer", "Layer", "layer_type_list"]


class BuiltLayer:
    """A layer of a net: its type and its parameter blobs."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self.type, self.blobs = unit.type, unit.blobs

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Do what Caffe's LayerSetUp does a second time: nothing, parameters stay as they are."""
        self._check(bottom, top)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give the tops the shapes that follow from those of the bottoms.

        Raises CatdogError for other blobs than those that the layer has in its net.
        """
        self._check(bottom, top)
        self._unit.reshape()

    def _check(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        given, own = (*bottom, *top), (*self._unit.bottoms, *self._unit.tops)
        if list(map(id, given)) != list(map(id, own)):
            raise CatdogError(
                "got other blobs than the layer's in its net",
                where=f'layer "{self._unit.name}"',
                remedy="give net.blobs by the names in net.bottom_names and net.top_names",
            )


def layer_type_list() -> list[str]:
    """The types of layers that a net may have."""
    return sorted({*LAYERS, *SOURCES, "Input"})
