"""Batch normalisation folded into the layer before it: fewer layers, the same outputs in TEST."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from catdog.errors import WeightsError, some_of
from catdog.layers import class_of, layer_class
from catdog.layers.affine import Scale
from catdog.layers.base import Numbers
from catdog.net.batch_statistics import by_batch, for_single_photos
from catdog.net.wiring import readers
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.weights.model import BlobsOfLayers, Weights


@dataclass(frozen=True)
class _Chain:
    """A layer with weights, the normalisation that alone reads it, and the Scale after that."""

    layer: LayerParameter
    norm: LayerParameter
    scale: LayerParameter | None

    @property
    def top(self) -> str:
        return str((self.scale or self.norm).top[0])


def fold_net(net: NetParameter) -> NetParameter:
    """A copy without each BatchNorm or BN, and Scale after it, that can be folded.

    Folded are those right after a layer that can take them (Convolution, InnerProduct), that
    nothing else reads and that shares no parameters. The layer gets a bias. Those of
    `use_global_stats: false` too, see `folded_by_stored`.
    """
    folded = NetParameter()
    folded.CopyFrom(net)
    chains = {chain.layer.name: chain for chain in _chains(net)}
    gone = {each.name for c in chains.values() for each in (c.norm, c.scale) if each is not None}
    del folded.layer[:]
    for layer in net.layer:
        if layer.name in gone:
            continue
        added = folded.layer.add()
        added.CopyFrom(layer)
        if chain := chains.get(layer.name):
            added.top[:] = [chain.top]
            getattr(added, layer_class(layer.type).messages[0]).bias_term = True
    if net.HasField("deploy"):
        folded.deploy.CopyFrom(fold_net(net.deploy))
    return folded


def folded_by_stored(net: NetParameter) -> list[str]:
    """Lines on folded layers that in Caffe take the statistics of the batch."""
    asking = set(by_batch(net))
    names = [f'"{each.norm.name}"' for each in _chains(net) if each.norm.name in asking]
    if not names:
        return []
    return [
        f"{some_of(names, 3)} (use_global_stats: false) are folded by the stored statistics, which "
        "a prediction takes too; Caffe takes those of the batch"
    ]


def fold_weights(weights: Weights, net: NetParameter | None = None) -> Weights:
    """The weights of the folded net; by default `net` is the one that they carry.

    Raises WeightsError when there is no net, for a layer that the weights do not have, and for one
    without the statistics that it is folded by.
    """
    structure = net or weights.as_net()
    if not structure.layer:
        raise WeightsError(
            "does not tell its layers", where=weights.source, remedy="give the net with --model"
        )
    blobs = dict(weights.blobs)
    asking = set(by_batch(structure))
    for chain in _chains(structure):
        if chain.norm.name in asking:
            _check_stored(blobs, chain.norm, weights.source)
        _fold(blobs, chain, weights.source)
    return Weights(blobs, fold_net(weights.net), weights.source)


def _chains(net: NetParameter) -> Iterator[_Chain]:
    layers = [layer for layer in for_single_photos(net).layer if layer.type != "Input"]
    alone = [{bottom for bottom, count in counts.items() if count == 1} for counts in readers(net)]
    for index, layer in enumerate(layers):
        if not _can_take(layer):
            continue
        norm = _next(layers, alone, index)
        if norm is None or not class_of(layers[norm]).scales_channels(layers[norm]):
            continue
        scale = _next(layers, alone, norm)
        if scale is None or not _is_scale(layers[scale]):
            yield _Chain(layer, layers[norm], None)
        else:
            yield _Chain(layer, layers[norm], layers[scale])


def _next(layers: list[LayerParameter], alone: list[set[str]], index: int) -> int | None:
    """The layer that alone reads the top of the one at `index`, and no other blob."""
    top = layers[index].top[0]
    for later in range(index + 1, len(layers)):
        layer = layers[later]
        if top in layer.bottom:
            fits = list(layer.bottom) == [top] and top in alone[later] and len(layer.top) == 1
            return later if fits else None
    return None


def _can_take(layer: LayerParameter) -> bool:
    kind = layer_class(layer.type)
    named = any(param.name for param in layer.param)
    return kind.folds_norm(layer) and len(layer.top) == 1 and not named


def _is_scale(layer: LayerParameter) -> bool:
    return layer_class(layer.type) is Scale and Scale.learns_channels(layer)


def _fold(blobs: BlobsOfLayers, chain: _Chain, source: str) -> None:
    """w' = w * slope / root of (variance + eps), b' = (b - mean) * the same + offset."""
    weight, *biases = _of(blobs, chain.layer, source)
    gain, offset = _line(chain.norm, _of(blobs, chain.norm, source), source)
    if chain.scale is not None:
        slope, *offsets = _of(blobs, chain.scale, source)
        gain, offset = gain * slope, offset * slope + (offsets[0] if offsets else 0)
    bias = biases[0] if biases else 0
    shape = (-1, *[1] * (weight.ndim - 1))
    blobs[chain.layer.name] = [
        (weight * gain.reshape(shape)).astype(np.float32),
        (bias * gain + offset).astype(np.float32),
    ]
    for layer in (chain.norm, chain.scale):
        if layer is not None:
            del blobs[layer.name]


def _check_stored(blobs: BlobsOfLayers, norm: LayerParameter, source: str) -> None:
    """Raise WeightsError where the statistics of a layer are of no batch."""
    if not _of(blobs, norm, source)[2:3] or not np.any(_of(blobs, norm, source)[2]):
        raise WeightsError(
            f'has no statistics for "{norm.name}" (use_global_stats: false)',
            where=source,
            remedy="name weights of a training",
        )


def _line(norm: LayerParameter, blobs: list[Numbers], source: str) -> tuple[Numbers, Numbers]:
    try:
        return class_of(norm).channel_line(norm, blobs)
    except ValueError:
        raise WeightsError(
            f'has {len(blobs)} blobs for layer "{norm.name}" ({norm.type}), which has another '
            "number of them",
            where=source,
            remedy="name the weights of this net",
        ) from None


def _of(blobs: BlobsOfLayers, layer: LayerParameter, source: str) -> list[Numbers]:
    found = blobs.get(layer.name, [])
    arrays = [array.astype(np.float64) for array in found if array is not None]
    if not arrays:
        raise WeightsError(
            f'has no weights for layer "{layer.name}"',
            where=source,
            remedy="name the weights of this net",
        )
    return arrays
