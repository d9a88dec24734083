"""The colour of a layer by its family, and its main parameters as text."""

from typing import NamedTuple

from catdog.data.sources import SOURCES
from catdog.layers import layer_class
from catdog.layers.base import Family
from catdog.proto.caffe_pb2 import LayerParameter


class Colour(NamedTuple):
    """Of a row: the ground, and the darker rim."""

    fill: str
    rim: str


_COLOURS: dict[Family, Colour] = {
    Family.DATA: Colour("#eceff4", "#8b97ab"),
    Family.CONVOLUTION: Colour("#cfe3fb", "#3f7fc6"),
    Family.POOLING: Colour("#cdeee3", "#2f9c7c"),
    Family.ACTIVATION: Colour("#fdeec4", "#c99a1c"),
    Family.NORMALIZATION: Colour("#e7dcfa", "#8560c4"),
    Family.CONNECTED: Colour("#fbdccb", "#d2703a"),
    Family.RECURRENT: Colour("#f6d5ea", "#b8519a"),
    Family.SHAPING: Colour("#e3ebdc", "#71905a"),
    Family.RESULT: Colour("#fbd3d6", "#c8434d"),
    Family.OTHER: Colour("#f2f2f2", "#8c8c8c"),
}


def colour(type_name: str) -> Colour:
    """The colour of a layer type's family."""
    if type_name in SOURCES or type_name == "Input":
        return _COLOURS[Family.DATA]
    return _COLOURS[layer_class(type_name).family]


def details(layer: LayerParameter) -> str:
    """The main parameters of a layer as text, or nothing."""
    if layer.type in SOURCES:
        return SOURCES[layer.type].caption(layer)
    return layer_class(layer.type).caption(layer)


def rates(layer: LayerParameter) -> str:
    """The lr_mult of a layer's parameters."""
    return "lr × " + " / ".join(f"{spec.lr_mult:g}" for spec in layer.param)
