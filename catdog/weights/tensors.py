"""Weight files of the PyTorch world: tensors named `<layer>.<i>`, and state dicts of known nets."""

import argparse
import base64
import warnings
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from google.protobuf.message import DecodeError
from torch import Tensor

from catdog.errors import WeightsError
from catdog.proto.caffe_pb2 import NetParameter
from catdog.proto.parse import parse
from catdog.runtime.files import write_by_memory
from catdog.runtime.room import check_fits
from catdog.weights import torchvision_nets
from catdog.weights.architectures import ARCHITECTURES
from catdog.weights.model import BlobsOfLayers, Weights, is_index, set_blob
from catdog.weights.named_module import is_named
from catdog.weights.named_nets import check_state, named_module
from catdog.weights.state_dict import blobs_of, recognise

_NET = "catdog_net"
#: Where checkpoints have their state dict.
_CHECKPOINT = ("state_dict", "model_state_dict", "model_state", "model", "net")
#: What DataParallel and torch.compile put before every name.
_WRAPPERS = ("module.", "_orig_mod.")


def read_safetensors(path: Path, net: str = "") -> Weights:
    """Read a .safetensors file, for a net of this name."""
    return _weights(*_safetensors(path), path, net)


def _safetensors(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a file, and the net that it carries, as text."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, (file.metadata() or {}).get(_NET, "")
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(
            "is damaged or cut short", where=str(path), remedy="get the file again"
        ) from error


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a state dict by their names, of a .safetensors, .pt or .pth.

    Of a checkpoint its state dict; what wrappers put before every name is left out, nothing is
    executed. Raises WeightsError for another file, a damaged one and a missing one.
    """
    try:
        return dict(
            _unwrapped((_safetensors if path.suffix == ".safetensors" else _torch)(path)[0])
        )
    except FileNotFoundError:
        raise WeightsError("no such file", where=str(path), remedy="check the path") from None


def write_safetensors(path: Path, weights: Weights) -> None:
    """Write a .safetensors file; the net rides in its metadata."""
    carried = base64.b64encode(weights.net.SerializePartialToString()).decode()
    # save_file has faults of its own where the disk is full
    path.write_bytes(safetensors.torch.save(_named(weights), metadata={_NET: carried}))


def read_torch(path: Path, net: str = "") -> Weights:
    """Read a .pt of named tensors, or of a checkpoint around them, for a net of this name; nothing
    in it is executed."""
    return _weights(*_torch(path), path, net)


def _torch(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a file, and the net that it carries, as text."""
    _check_archive(path)
    try:
        # checkpoints often hold the arguments of the command that made them: names and values
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch has no error of its own for a damaged pickle
        raise WeightsError(
            "is no file of weights alone, or a damaged one",
            where=str(path),
            remedy="save a state dict: torch.save(net.state_dict(), path)",
        ) from error
    if not isinstance(content, Mapping):
        raise WeightsError("holds no named tensors", where=str(path), remedy="save a state dict")
    content = _state_dict(content)
    tensors = {str(k): _plain(v, k, path) for k, v in content.items() if isinstance(v, Tensor)}
    if not tensors:
        raise WeightsError("holds no named tensors", where=str(path), remedy="save a state dict")
    carried = content.get(_NET, "")
    return tensors, carried if isinstance(carried, str) else ""


def _check_archive(path: Path) -> None:
    """Raise CatdogError where what is packed in a .pt does not fit into the memory."""
    unpacked = 0
    # what zipfile cannot read, in whatever way, torch tells
    with suppress(Exception), zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    check_fits(unpacked, "what is packed in it", str(path))


def _plain(tensor: Tensor, name: object, path: Path) -> Tensor:
    """A tensor that has numbers in memory, each in its place; WeightsError for any other."""
    kind = ""
    if tensor.is_meta:
        kind = "on the device meta, without its numbers"
    elif tensor.layout != torch.strided:
        kind = "sparse"
    elif tensor.is_quantized:
        kind = "quantised"
    elif tensor.is_complex():
        kind = "of complex numbers"
    elif tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        kind = "expanded: it repeats numbers that are stored once"
    if kind:
        raise WeightsError(
            f'tensor "{name}" is {kind}',
            where=str(path),
            remedy="save tensors as they are in a state dict of float32",
        )
    return tensor


def _state_dict(content: Mapping[object, object]) -> Mapping[object, object]:
    """The named tensors of a checkpoint, which has them under one of some usual names."""
    inside = (content.get(key) for key in _CHECKPOINT)
    return next((each for each in inside if isinstance(each, Mapping)), content)


def write_torch(path: Path, weights: Weights) -> None:
    """Write a .pt of named tensors, which `torch.load(path, weights_only=True)` reads."""
    carried = base64.b64encode(weights.net.SerializePartialToString()).decode()
    write_by_memory(path, partial(torch.save, {**_named(weights), _NET: carried}))


def _named(weights: Weights) -> dict[str, Tensor]:
    return {
        f"{layer}.{index}": torch.from_numpy(array.copy())
        for layer, arrays in weights.blobs.items()
        for index, array in enumerate(arrays)
        if array is not None
    }


def _weights(tensors: Mapping[str, Tensor], carried: str, path: Path, net: str) -> Weights:
    """The weights of tensors named `<layer>.<i>`, or of the state dict of a known net."""
    tensors, message = _unwrapped(tensors), _net(carried, path)
    odd = next((name for name in tensors if not _is_blob(name)), "")
    if not odd:
        return Weights(_by_layer(tensors, path), message, str(path))
    try:
        blobs, message.name = _of_state(tensors, net, path)
    except WeightsError as error:
        error.where = str(path)
        raise
    if blobs:
        return Weights(blobs, message, str(path))
    raise WeightsError(
        f'tensor "{odd}" is not named LAYER.NUMBER',
        where=str(path),
        remedy="name tensors after the net's layers: conv1.0 (weight), conv1.1 (bias); known "
        f"besides are state dicts of {', '.join(a.name for a in ARCHITECTURES)}, and of "
        "torchvision's nets for pictures",
    )


def _of_state(tensors: Mapping[str, Tensor], net: str, path: Path) -> tuple[BlobsOfLayers, str]:
    """The blobs of the state dict of a known net, and its name where its layers have the names of
    modules; nothing where it is not known.

    A net that is called after a named one takes no other. Raises WeightsError for one.
    """
    if is_named(net):
        named = named_module(net)
        check_state(named, tensors, path)
        return named.blobs(tensors), net
    if known := recognise(tensors):
        return blobs_of(tensors, known), ""
    if module := torchvision_nets.recognise(tensors):
        return module.blobs(tensors), module.name
    return {}, ""


def _is_blob(name: str) -> bool:
    layer, _, index = name.rpartition(".")
    return bool(layer) and is_index(index)


def _by_layer(tensors: Mapping[str, Tensor], path: Path) -> BlobsOfLayers:
    blobs: BlobsOfLayers = {}
    for name, tensor in tensors.items():
        layer, _, index = name.rpartition(".")
        set_blob(blobs, layer, index, tensor.detach().float().numpy(), where=str(path))
    return blobs


def _unwrapped(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors without what stands before every name; `<layer>.<i>` is the least that stays."""
    for wrapper in _WRAPPERS:
        if tensors and all(
            name.startswith(wrapper) and "." in name[len(wrapper) :] for name in tensors
        ):
            return _unwrapped({name[len(wrapper) :]: each for name, each in tensors.items()})
    return tensors


def _net(carried: str, path: Path) -> NetParameter:
    try:
        return parse(NetParameter, base64.b64decode(carried, validate=True))
    except (ValueError, DecodeError) as error:
        raise WeightsError(
            "carries a damaged net", where=str(path), remedy="get the file again"
        ) from error
