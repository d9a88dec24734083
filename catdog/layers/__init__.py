"""Caffe's layers and those of its forks, a module for each family; LAYERS has every type by its
name."""

from collections.abc import Iterable, Mapping, Sequence

from catdog.layers import (
    activation,
    affine,
    distance,
    loss,
    metric,
    norm,
    pooling,
    python,
    recurrent,
    reduce,
    selection,
    shape,
    sink,
    softmax_loss,
    vision,
)
from catdog.layers.base import Layer, Setting
from catdog.layers.forks import (
    Choice,
    bn,
    detection,
    intel,
    mobilenet,
    multibox,
    nvidia,
    priors,
    proposal,
    pspnet,
    rcnn,
    rfcn,
    ssd,
    upsample,
    yolo,
)
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape

FAMILIES = (
    vision,
    pooling,
    norm,
    affine,
    activation,
    reduce,
    shape,
    selection,
    recurrent,
    softmax_loss,
    loss,
    distance,
    metric,
    sink,
    python,
)
#: The modules of layers.forks that have types of their own, and those that have variants.
FORKS: tuple[Mapping[str, type[Layer]], ...] = (
    ssd.TABLE,
    priors.TABLE,
    detection.TABLE,
    multibox.TABLE,
    rcnn.TABLE,
    rfcn.TABLE,
    proposal.TABLE,
    yolo.TABLE,
    bn.TABLE,
    mobilenet.TABLE,
    pspnet.TABLE,
    upsample.TABLE,
)
#: Of two that know a layer the first one counts.
VARIANTS: tuple[Mapping[str, Choice], ...] = (
    rfcn.VARIANTS,
    bn.VARIANTS,
    intel.VARIANTS,
    nvidia.VARIANTS,
    upsample.VARIANTS,
)


def merge(tables: Iterable[Mapping[str, type[Layer]]]) -> dict[str, type[Layer]]:
    """One table of all families; a type that stands in two of them is a mistake of ours."""
    merged: dict[str, type[Layer]] = {}
    for table in tables:
        twice = merged.keys() & table.keys()
        if twice:
            raise ValueError(f"layer types in two families: {sorted(twice)}")
        merged.update(table)
    return merged


LAYERS: dict[str, type[Layer]] = merge([*(family.TABLE for family in FAMILIES), *FORKS])


def layer_class(type_name: str) -> type[Layer]:
    """The class of a layer type; Layer, with its defaults, for one that is not in LAYERS."""
    return LAYERS.get(type_name, Layer)


def class_of(param: LayerParameter, shapes: Sequence[Shape] | None = None) -> type[Layer]:
    """The class of a layer; of a type with several meanings that which its fields have.

    Without the shapes of its bottoms, only how many they are counts.
    """
    known = [()] * len(param.bottom) if shapes is None else shapes
    choices = (table[param.type](param, known) for table in VARIANTS if param.type in table)
    return next(filter(None, choices), layer_class(param.type))


def make_layer(
    param: LayerParameter, shapes: Sequence[Shape], setting: Setting | None = None
) -> Layer:
    """A layer of a type in LAYERS."""
    if param.type not in LAYERS:
        raise KeyError(param.type)
    return class_of(param, shapes)(param, shapes, setting)
