"""State dicts of torchvision's nets, and of others of their kind, to blobs by layer."""

from collections.abc import Mapping

import torch
from torch import Tensor

from catdog.errors import WeightsError
from catdog.weights.architectures import ARCHITECTURES, Architecture, LayerTensors
from catdog.weights.for_caffe import array_of, for_bgr, sums
from catdog.weights.model import BlobsOfLayers

_STATISTICS = ("running_mean", "running_var", "weight", "bias")


def recognise(tensors: Mapping[str, Tensor]) -> Architecture | None:
    """The net whose state dict this is, by the names of its tensors, if it is a known one."""
    prefixes = {name.rpartition(".")[0] for name in tensors}
    named = (known for known in ARCHITECTURES if known.prefixes == prefixes)
    return next((known for known in named if _as_wide(tensors, known)), None)


def _as_wide(tensors: Mapping[str, Tensor], known: Architecture) -> bool:
    """Whether the layers that tell a net from others of the same names have its widths."""
    named = ((tensors.get(f"{part.tensors}.weight"), width) for part, width in known.widths)
    return all(weight is not None and weight.shape[:1] == (width,) for weight, width in named)


def blobs_of(tensors: Mapping[str, Tensor], architecture: Architecture) -> BlobsOfLayers:
    """The blobs of each layer as Caffe orders them, batch normalisation as two layers.

    `<layer>_bn` has mean, variance and their factor, `<layer>_scale` slope and offset. Raises
    WeightsError for a tensor that is missing and for a first layer that does not take colours.
    """
    blobs: BlobsOfLayers = {}
    for part in architecture.parts:
        weight = _weight(tensors, part, architecture)
        bias = tensors.get(f"{part.tensors}.bias")
        blobs[part.layer] = [array_of(each) for each in (weight, bias) if each is not None]
        if part.norm:
            blobs |= _norm(tensors, part, architecture)
    return blobs


def _weight(
    tensors: Mapping[str, Tensor], part: LayerTensors, architecture: Architecture
) -> Tensor:
    weight = _take(tensors, f"{part.tensors}.weight", architecture)
    if part is architecture.parts[0]:
        weight = for_bgr(weight, architecture.deviation, architecture.name)
    return torch.nn.functional.pad(weight, (1, 0, 1, 0)) if part.widened else weight


def _norm(
    tensors: Mapping[str, Tensor], part: LayerTensors, architecture: Architecture
) -> BlobsOfLayers:
    mean, variance, slope, offset = (
        _take(tensors, f"{part.norm}.{name}", architecture) for name in _STATISTICS
    )
    return {
        f"{part.layer}_bn": list(sums(mean, variance, architecture.fraction)),
        f"{part.layer}_scale": [array_of(slope), array_of(offset)],
    }


def _take(tensors: Mapping[str, Tensor], name: str, architecture: Architecture) -> Tensor:
    if name not in tensors:
        raise WeightsError(
            f"is a {architecture.name} without {name}", remedy="save the whole state dict"
        )
    return tensors[name]
