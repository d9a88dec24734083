"""Caffe's HDF5 weight file: /data/<layer>/<i>, a parameter only at its owner (Net::ToHDF5)."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from google.protobuf.message import DecodeError

from catdog.errors import WeightsError
from catdog.proto.caffe_pb2 import NetParameter
from catdog.weights.model import Array, BlobsOfLayers, Weights

#: The net without its numbers, serialised.
NET = "catdog_net"


def read(path: Path) -> Weights:
    """Read a .caffemodel.h5; what another layer owns is None where the file leaves it out."""
    try:
        with h5py.File(path) as file:
            data = file.get("data")
            blobs = _blobs(data) if isinstance(data, h5py.Group) else {}
            if not blobs:
                raise _no_weights(path, file)
            net = NetParameter.FromString(bytes(file[NET][()]) if NET in file else b"")
            return Weights(blobs, net, str(path))
    except (OSError, KeyError, ValueError, TypeError, DecodeError, RecursionError) as error:
        raise WeightsError(
            "is damaged or cut short", where=str(path), remedy="get the file again"
        ) from error


def _no_weights(path: Path, file: h5py.File) -> WeightsError:
    if "history" in file:
        remedy = "give it to --snapshot, or name its .caffemodel.h5"
        return WeightsError("is a solver state, not weights", where=str(path), remedy=remedy)
    remedy = "name the .caffemodel.h5 of a snapshot"
    return WeightsError("has no weights under /data/LAYER/0", where=str(path), remedy=remedy)


def _blobs(group: h5py.Group) -> BlobsOfLayers:
    found: dict[str, dict[int, Array]] = {}
    for layer, index, array in _arrays(group):
        found.setdefault(layer, {})[index] = array
    return {layer: [blobs.get(i) for i in range(max(blobs) + 1)] for layer, blobs in found.items()}


def _arrays(group: h5py.Group, layer: str = "") -> Iterator[tuple[str, int, Array]]:
    """Every blob; the name of a layer may have a slash, which HDF5 takes for a group."""
    for name in group:
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _arrays(item, f"{layer}/{name}" if layer else name)
        elif name.isdecimal():
            yield layer, int(name), np.asarray(item, np.float32)


def write(path: Path, weights: Weights, diffs: dict[str, list[Array]] | None = None) -> None:
    """Write a .caffemodel.h5 that Caffe 1.0 loads.

    A layer without parameters is an empty group. A shared parameter is there once, at its owner;
    the others link to it, where Caffe leaves them out. `diffs` are all there, under /diff.
    """
    with h5py.File(path, "w") as file:
        data = file.require_group("data")
        for name in (layer.name for layer in weights.net.layer):
            data.require_group(name)
        places: dict[tuple[int, tuple[int, ...]], str] = {}
        for layer, arrays in weights.blobs.items():
            group = data.require_group(layer)
            for index, array in enumerate(arrays):
                if array is None:
                    continue
                owner = places.setdefault(_memory(array), f"{group.name}/{index}")
                here = owner == f"{group.name}/{index}"
                group[str(index)] = array if here else h5py.SoftLink(owner)
        for layer, gradients in (diffs or {}).items():
            group = file.require_group("diff").require_group(layer)
            for index, gradient in enumerate(gradients):
                group[str(index)] = gradient
        file[NET] = np.frombuffer(weights.net.SerializeToString(), np.uint8)


def _memory(array: Array) -> tuple[int, tuple[int, ...]]:
    return array.ctypes.data, array.shape
