"""Weights into a net by layer name, as Caffe does it (Net::CopyTrainedLayersFrom)."""

from dataclasses import dataclass
from enum import Enum

import torch

from catdog.errors import WeightsError, some_of
from catdog.layers.base import Layer
from catdog.net.net import Net
from catdog.spec.shape import Shape
from catdog.weights.architectures import KNOWN, known_net
from catdog.weights.model import Array, Weights
from catdog.weights.named_module import is_named
from catdog.weights.named_nets import command_for
from catdog.weights.pretrained import solver_of

#: What to do about a layer whose shapes differ.
RENAME = "rename the layer to learn it from scratch"


class CopyState(Enum):
    """What copying does to a layer's parameters."""

    COPIED = "copied"
    FRESH = "fresh"
    MISMATCHED = "mismatched"
    UNUSED = "unused"


@dataclass(frozen=True)
class CopyRow:
    """A layer of the net or of the file, its blobs' shapes, what copying does to it, and why."""

    layer: str
    state: CopyState
    shapes: tuple[Shape, ...]
    reason: str = ""


def compare(net: Net, weights: Weights) -> list[CopyRow]:
    """What `copy_weights` would do: the net's layers in order, then what the file has beside."""
    owners = {id(item.parameter): item.name for item in net.learnable}
    layers = {node.name: node.layer for node in net if len(node.layer.blobs)}
    rows = [_row(name, layer, weights, owners) for name, layer in layers.items()]
    return rows + [
        CopyRow(name, CopyState.UNUSED, tuple(array.shape for array in arrays if array is not None))
        for name, arrays in weights.blobs.items()
        if name not in layers
    ]


def copy_weights(net: Net, weights: Weights, *, strict: bool = False) -> list[CopyRow]:
    """Copy what has the same name; returns what was copied, what starts fresh, what was unused.

    Raises WeightsError, and changes nothing, when blobs of a name differ in number or shape, or
    when no name is the same; with `strict` also when a layer has none in the file.
    """
    if any(item.parameter.is_meta for item in net.learnable):
        raise ValueError("the net has shapes alone: fill() it first")
    rows = compare(net, weights)
    _check(net, rows, weights, strict=strict)
    copied = {row.layer for row in rows if row.state is CopyState.COPIED}
    layers = {node.name: node.layer for node in net}
    # in the order of the file: of shared blobs that differ the last one stays, as in Caffe
    for name, arrays in weights.blobs.items():
        if name in copied:
            _copy(layers[name], arrays)
    return rows


def check_copy(net: Net, weights: Weights) -> None:
    """Raise WeightsError where `copy_weights` would; the net may have shapes alone."""
    _check(net, compare(net, weights), weights, strict=False)


def check_known(net: Net, name: str) -> None:
    """Raise WeightsError where the weights of a known net surely do not fit, before they are had.

    They fit where a layer has the same name, and the first and the last one, if they are there,
    have as many outputs.
    """
    if is_named(name) and is_named(net.message.name) and name != net.message.name:
        what = f"are the weights of another net, and this one is {net.message.name}"
        raise WeightsError(what, where=name, remedy=f"give {net.message.name}")
    if name not in KNOWN:
        return
    known, mine = KNOWN[name], {node.name: _outputs(node.layer) for node in net if node.layer.blobs}
    first, last = known.parts[0].layer, known.parts[-1].layer
    alike = mine.get(last, known.classes) == known.classes
    other = (known.layers | {last}).isdisjoint(mine) or mine.get(first, known.width) != known.width
    if other or not (alike or known_net(mine) == name):
        raise WeightsError("are the weights of another net", where=name, remedy=_started_by(name))
    if not alike:
        what = f'layer "{last}" has {mine[last]} outputs in the net, {known.classes} in the file'
        raise WeightsError(what, where=name, remedy=RENAME)


def fits(array: Array, shape: Shape) -> bool:
    """Whether shapes are the same, that of an old file with four axes seen as Caffe does.

    One row of 1 x channels x 1 x 1, as PSPNet's BN has it, may come as 1 x channels, yjxiong's.
    """
    legacy = (1,) * (4 - len(shape)) + tuple(shape)
    in_a_row = shape[:1] == (1,) and tuple(shape) == (*array.shape, 1, 1)
    return array.shape == tuple(shape) or (array.ndim == 4 and array.shape == legacy) or in_a_row


def _row(name: str, layer: Layer, weights: Weights, owners: dict[int, str]) -> CopyRow:
    arrays, shapes = weights.blobs.get(name, []), _shapes(layer)
    owner = [owners[id(layer.blobs.parameter(i))] for i in range(len(shapes))]
    shared = [each != f"{name}:{i}" for i, each in enumerate(owner)]
    present = [i < len(arrays) and arrays[i] is not None for i in range(len(shapes))]
    if not any(present):
        # all its blobs may be another layer's, which the file has
        elsewhere = all(shared) and all(o.rpartition(":")[0] in weights.blobs for o in owner)
        return CopyRow(name, CopyState.COPIED if elsewhere else CopyState.FRESH, shapes)
    reason = _difference(arrays, shapes, [p or s for p, s in zip(present, shared, strict=True)])
    return CopyRow(name, CopyState.MISMATCHED if reason else CopyState.COPIED, shapes, reason)


def _difference(arrays: list[Array | None], shapes: tuple[Shape, ...], there: list[bool]) -> str:
    """Why blobs cannot be copied; nothing where they can. `there`: in the file, or shared."""
    if len(arrays) > len(shapes) or not all(there):
        given = sum(array is not None for array in arrays)
        return f"the net has {_blobs(len(shapes))}, the file {given}"
    for index, (array, shape) in enumerate(zip(arrays, shapes, strict=False)):
        if array is not None and not fits(array, shape):
            return f"blob {index} is {list(shape)} in the net, {list(array.shape)} in the file"
    return ""


def other_net(net: Net, weights: Weights) -> str:
    """The name of the known net whose weights these are, where the net is not that one."""
    mine = {node.name: _outputs(node.layer) for node in net if len(node.layer.blobs)}
    name = name_of(weights)
    return "" if name == known_net(mine) else name


def name_of(weights: Weights) -> str:
    """The name of the known net whose weights these are, or nothing."""
    return known_net(
        {
            name: arrays[0].shape[0]
            for name, arrays in weights.blobs.items()
            if arrays and arrays[0] is not None and arrays[0].ndim
        }
    )


def _outputs(layer: Layer) -> int:
    return next(iter(layer.blobs.shape(0)), 0)


def _check(net: Net, rows: list[CopyRow], weights: Weights, *, strict: bool) -> None:
    mismatched = [row for row in rows if row.state is CopyState.MISMATCHED]
    mine = [row.layer for row in rows if row.state is not CopyState.UNUSED]
    fresh = [row.layer for row in rows if row.state is CopyState.FRESH]
    if mismatched or (mine and fresh == mine):
        _check_same_net(net, weights)
    if mismatched:
        what = some_of([f'layer "{row.layer}": {row.reason}' for row in mismatched], 3, "; ")
        solver = solver_of(name_of(weights))
        remedy = f"{RENAME}, as {solver} does" if solver else RENAME
        raise WeightsError(what, where=weights.source, remedy=remedy)
    # a state dict tells its name, and has no layers
    if mine and fresh == mine and is_named(weights.net.name) and not weights.net.layer:
        file, name = weights.source, weights.net.name
        remedy = f"{command_for(name, file)} makes its net"
        raise WeightsError(f"is the state dict of {name}", where=file, remedy=remedy)
    if mine and fresh == mine:
        named = f', but those of the net "{weights.net.name}"' if weights.net.name else ""
        raise WeightsError(
            f"has none of the net's layers{named}",
            where=weights.source,
            remedy=f"the net has {some_of(mine)}, the file {some_of(weights.blobs)}",
        )
    if strict and fresh:
        raise WeightsError(
            f"has no weights for {some_of(fresh)}",
            where=weights.source,
            remedy="name the weights of this net",
        )


def _check_same_net(net: Net, weights: Weights) -> None:
    if other := other_net(net, weights):
        raise WeightsError(
            f"holds the weights of {other}, which is another net",
            where=weights.source,
            remedy=_started_by(other),
        )


def _started_by(name: str) -> str:
    solver = solver_of(name)
    return f"{solver} starts from them" if solver else "name the weights of this net"


def _copy(layer: Layer, arrays: list[Array | None]) -> None:
    for index, array in enumerate(arrays):
        if array is not None:
            parameter = layer.blobs.parameter(index)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(array).reshape(parameter.shape))


def _shapes(layer: Layer) -> tuple[Shape, ...]:
    return tuple(layer.blobs.shape(i) for i in range(len(layer.blobs)))


def _blobs(count: int) -> str:
    return f"{count} blob{'' if count == 1 else 's'}"
