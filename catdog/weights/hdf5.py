"""Caffe's HDF5 weight file: /data/<layer>/<i>, a parameter only at its owner (Net::ToHDF5)."""

from pathlib import Path

import h5py
import numpy as np
from google.protobuf.message import DecodeError

from catdog.data.hdf5_file import arrays, hdf5_file, member, numbers, stored_bytes
from catdog.errors import DataError, WeightsError
from catdog.proto.caffe_pb2 import NetParameter
from catdog.proto.parse import parse
from catdog.runtime.hdf5_image import hdf5_image
from catdog.weights.model import Array, BlobsOfLayers, Weights, is_index, set_blob

#: The net without its numbers, serialised.
NET = "catdog_net"


def read(path: Path) -> Weights:
    """Read a .caffemodel.h5; what another layer owns is None where the file leaves it out."""
    try:
        with hdf5_file(path) as file:
            data = member(file, "data") if "data" in file else None
            blobs = _blobs(data) if isinstance(data, h5py.Group) else {}
            if not blobs:
                raise _no_weights(path, file)
            return Weights(blobs, _net(file), str(path))
    except DecodeError as error:
        raise WeightsError(
            "carries a damaged net", where=str(path), remedy="get the file again"
        ) from error
    except DataError as error:
        remedy = error.remedy or "get the file again"
        raise WeightsError(error.what, where=str(path), remedy=remedy) from error


def _net(file: h5py.File) -> NetParameter:
    carried = member(file, NET) if NET in file else None
    content = stored_bytes(carried) if isinstance(carried, h5py.Dataset) else b""
    return parse(NetParameter, content)


def _no_weights(path: Path, file: h5py.File) -> WeightsError:
    if "history" in file:
        remedy = "give it to --snapshot, or name its .caffemodel.h5"
        return WeightsError("is a solver state, not weights", where=str(path), remedy=remedy)
    remedy = "name the .caffemodel.h5 of a snapshot"
    return WeightsError("has no weights under /data/LAYER/0", where=str(path), remedy=remedy)


def _blobs(group: h5py.Group) -> BlobsOfLayers:
    found: BlobsOfLayers = {}
    for path, dataset in arrays(group):
        # the name of a layer may have a slash, which HDF5 takes for a group
        layer, _, index = path.rpartition("/")
        if layer and is_index(index):
            set_blob(found, layer, index, numbers(dataset), where=str(dataset.file.filename))
    return found


def write(path: Path, weights: Weights, diffs: dict[str, list[Array]] | None = None) -> None:
    """Write a .caffemodel.h5 that Caffe 1.0 loads.

    A layer without parameters is an empty group. A shared parameter is there once, at its owner;
    the others link to it, where Caffe leaves them out. `diffs` are all there, under /diff.
    """
    with hdf5_image(path) as file:
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
        file[NET] = np.frombuffer(weights.net.SerializePartialToString(), np.uint8)


def _memory(array: Array) -> tuple[int, tuple[int, ...]]:
    return array.ctypes.data, array.shape
