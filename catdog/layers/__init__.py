"""Caffe's layers, a module for each family; LAYERS has every type by its Caffe name."""

from collections.abc import Iterable, Mapping

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
from catdog.layers.base import Layer

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


def merge(tables: Iterable[Mapping[str, type[Layer]]]) -> dict[str, type[Layer]]:
    """One table of all families; a type that stands in two of them is a mistake of ours."""
    merged: dict[str, type[Layer]] = {}
    for table in tables:
        twice = merged.keys() & table.keys()
        if twice:
            raise ValueError(f"layer types in two families: {sorted(twice)}")
        merged.update(table)
    return merged


LAYERS: dict[str, type[Layer]] = merge(family.TABLE for family in FAMILIES)


def layer_class(type_name: str) -> type[Layer]:
    """The class of a layer type; Layer, with its defaults, for one that is not in LAYERS."""
    return LAYERS.get(type_name, Layer)
