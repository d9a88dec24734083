"""Weight files of every kind: read by content, written by name, copied by layer."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py

from catdog.errors import WeightsError, did_you_mean
from catdog.proto.forks import settled
from catdog.runtime.files import replacing
from catdog.weights import caffemodel, hdf5, tensors
from catdog.weights.copy import CopyRow, CopyState, compare, copy_weights
from catdog.weights.fold import fold_net, fold_weights
from catdog.weights.mark import Mark, read_mark
from catdog.weights.model import Array, Weights, weights_of
from catdog.weights.pretrained import weight_file

__all__ = [
    "CopyRow",
    "CopyState",
    "Mark",
    "Weights",
    "compare",
    "copy_weights",
    "fold_net",
    "fold_weights",
    "read_mark",
    "read_weights",
    "weight_file",
    "weights_of",
    "write_weights",
]

_CAFFEMODEL, _SAFETENSORS = ".caffemodel", ".safetensors"
_HDF5 = (".h5", ".hdf5")
_TORCH = (".pt", ".pth")
#: How the files of torch.save begin: a zip archive or, before 2020, a pickle.
_TORCH_STARTS = (b"PK\x03\x04", b"\x80\x02")
#: A .safetensors file begins with the length of its header, in so many bytes, and the header.
_LENGTH = 8


def read_weights(path: str | Path, fork: str = "", net: str = "") -> Weights:
    """Read a .caffemodel, .caffemodel.h5, .safetensors or .pt, known by its content.

    `fork` is the fork of Caffe that wrote the file, such as "SSD", where that counts for its net
    and the file does not tell. `net` is the name of the net that it is for: one that is called
    `torchvision:resnet34` or the like gets a state dict by the names of its modules. Raises
    WeightsError for a file of another kind, a damaged one, and a missing one; CatdogError for a
    fork that is not known.
    """
    path = Path(path)
    if path.is_dir():
        what = "is an LMDB, not weights" if (path / "data.mdb").exists() else "is a folder"
        raise WeightsError(what, where=str(path), remedy="name a weight file")
    try:
        found = _reader(path, net)(path)
    except FileNotFoundError:
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        remedy = did_you_mean(path.name, beside) or "check the path"
        raise WeightsError("no such file", where=str(path), remedy=remedy) from None
    except OSError as error:
        raise WeightsError(error.strerror or "cannot be read", where=str(path)) from error
    if not fork:
        return found
    with found.located():
        return replace(found, net=settled(found.net, fork))


def _reader(path: Path, net: str) -> Callable[[Path], Weights]:
    with path.open("rb") as file:
        start = file.read(_LENGTH + 1)
    if h5py.is_hdf5(path):
        return hdf5.read
    if start.startswith(_TORCH_STARTS):
        return partial(tensors.read_torch, net=net)
    header = int.from_bytes(start[:_LENGTH], "little")
    if start[_LENGTH:] == b"{" and header <= path.stat().st_size:
        return partial(tensors.read_safetensors, net=net)
    return caffemodel.read


def write_weights(
    path: str | Path, weights: Weights, diffs: dict[str, list[Array]] | None = None
) -> None:
    """Write weights in the form that the name asks for: .caffemodel, .h5, .safetensors or .pt.

    `diffs`, gradients by layer, go into Caffe's two forms (snapshot_diff). The file is whole or
    not there. Raises WeightsError for another name, and where the form cannot hold the weights.
    """
    path = Path(path)
    known = (_CAFFEMODEL, *_HDF5, _SAFETENSORS, *_TORCH)
    if path.suffix not in known:
        remedy = f"end the name with {', '.join(known)}"
        raise WeightsError("its name does not say the form", where=str(path), remedy=remedy)
    try:
        with replacing(path) as beside:
            _write(beside, weights, diffs)
    except WeightsError as error:
        error.where = str(path)
        raise


def _write(path: Path, weights: Weights, diffs: dict[str, list[Array]] | None) -> None:
    if path.suffix in _HDF5:
        hdf5.write(path, weights, diffs)
    elif path.suffix == _SAFETENSORS:
        tensors.write_safetensors(path, weights)
    elif path.suffix in _TORCH:
        tensors.write_torch(path, weights)
    else:
        caffemodel.write(path, weights, diffs)
