"""State dicts of torchvision's nets, and of others of their kind, to blobs by layer.

Their nets expect RGB pictures, normalised; ours get BGR from 0 to 255, minus the mean. The first
layer takes up the rest: its channels are turned round and divided by the deviation, so that the
zeros of its padding stay what they were.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from catdog.errors import WeightsError
from catdog.weights.architectures import ARCHITECTURES, Architecture, LayerTensors
from catdog.weights.model import Array, BlobsOfLayers

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
        blobs[part.layer] = [_array(each) for each in (weight, bias) if each is not None]
        if part.norm:
            blobs |= _norm(tensors, part, architecture)
    return blobs


def _weight(
    tensors: Mapping[str, Tensor], part: LayerTensors, architecture: Architecture
) -> Tensor:
    weight = _take(tensors, f"{part.tensors}.weight", architecture)
    if part is architecture.parts[0]:
        weight = _for_bgr(weight, architecture)
    return torch.nn.functional.pad(weight, (1, 0, 1, 0)) if part.widened else weight


def _for_bgr(weight: Tensor, architecture: Architecture) -> Tensor:
    if weight.dim() != 4 or weight.shape[1] != 3:
        raise WeightsError(
            f"is a {architecture.name} whose first layer is {list(weight.shape)}",
            remedy="only one that takes three colours can be used",
        )
    deviation = torch.tensor(architecture.deviation, dtype=torch.float64).view(-1, 1, 1)
    return (weight.double() / deviation).flip(1)


def _norm(
    tensors: Mapping[str, Tensor], part: LayerTensors, architecture: Architecture
) -> BlobsOfLayers:
    mean, variance, slope, offset = (
        _take(tensors, f"{part.norm}.{name}", architecture) for name in _STATISTICS
    )
    # the sums that a long training leaves behind: with a factor of 1, the first batch of another
    # training would count as much as all that was before
    factor = 1 / (1 - architecture.fraction)
    sums = [_array(mean.double() * factor), _array(variance.double() * factor)]
    return {
        f"{part.layer}_bn": [*sums, _array(torch.tensor([factor]))],
        f"{part.layer}_scale": [_array(slope), _array(offset)],
    }


def _take(tensors: Mapping[str, Tensor], name: str, architecture: Architecture) -> Tensor:
    if name not in tensors:
        raise WeightsError(
            f"is a {architecture.name} without {name}", remedy="save the whole state dict"
        )
    return tensors[name]


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().float().contiguous().numpy()
    return array
