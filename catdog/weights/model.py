"""Parameters by layer name: what every weight file holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from catdog.errors import CatdogError, LayerError, SpecError, WeightsError
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.net.wiring import AUTOMATIC
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.proto.forks import settled
from catdog.spec.splits import insert_splits

Array = NDArray[np.float32]

#: The blobs of each layer in order; None where another layer owns the shared parameter.
BlobsOfLayers = dict[str, list[Array | None]]

#: Digits of the number of a blob, far more than any layer has; a file may say anything.
_DIGITS = 5

_CARRIED = ("dataset", "mean", "deploy", "run", "iteration")


@dataclass(frozen=True)
class Weights:
    """The blobs of each layer, and the net they belong to.

    `net` has the layers, without blobs, where the file has them, and the dataset, mean and
    deploy net that a snapshot carries. `source` is the file, for messages.
    """

    blobs: BlobsOfLayers
    net: NetParameter = field(default_factory=NetParameter)
    source: str = ""

    def as_net(self) -> NetParameter:
        """The net, for whom its layers count and not their blobs alone.

        Raises CatdogError where fields mean one thing in one fork of Caffe and another in others.
        """
        try:
            return settled(self.net)
        except CatdogError as error:
            error.where = f"{self.source}: {error.where}"
            raise

    @contextmanager
    def located(self) -> Iterator[None]:
        """Give faults of what the file carries, which have no place of their own, the file."""
        try:
            yield
        except SpecError as error:
            raise SpecError(
                each if each.where else replace(each, where=self.source) for each in error.faults
            ) from None
        except LayerError as error:
            if not error.located and self.source:
                error.where = ": ".join(part for part in (self.source, error.where) if part)
                error.located = True
            raise
        except CatdogError as error:
            error.where = error.where or self.source
            raise


def is_index(text: str) -> bool:
    """Whether a name in a file is the number of a blob."""
    return text.isascii() and text.isdecimal()


def set_blob(blobs: BlobsOfLayers, layer: str, index: str, array: Array, *, where: str) -> None:
    """Enter the blob of a layer; those before it that are not there yet are None.

    Raises WeightsError for a number that no layer has.
    """
    if len(index) > _DIGITS:
        raise WeightsError(
            f'layer "{layer}" should have a blob of number {index[:20]}',
            where=where,
            remedy="get the file again",
        )
    there = blobs.setdefault(layer, [])
    there += [None] * (int(index) + 1 - len(there))
    there[int(index)] = array


def weights_of(net: Net, message: NetParameter | None = None) -> Weights:
    """The parameters of a net, on the CPU.

    `message` is the net with its data layers, dataset, mean and deploy net; by default the net's
    own. Its layers become what Caffe writes of them (Net::ToProto). A shared parameter has one
    memory, wherever it is named.
    """
    arrays: dict[int, Array] = {}
    blobs: BlobsOfLayers = {}
    for node in net:
        held = node.layer.blobs
        for index in range(len(held)):
            parameter = held.parameter(index)
            if id(parameter) not in arrays:
                arrays[id(parameter)] = parameter.detach().float().cpu().numpy()
            array = arrays[id(parameter)].reshape(held.shape(index))
            blobs.setdefault(node.name, []).append(array)
    return Weights(blobs, _as_built(net, message or net.message))


def _as_built(net: Net, message: NetParameter) -> NetParameter:
    """Name and layers as Caffe has them once the net is built, and what ours carries beside."""
    built = NetParameter()
    if message.HasField("name"):
        built.name = message.name
    carried = {name: getattr(message, name) for name in _CARRIED if message.HasField(name)}
    built.MergeFrom(NetParameter(**carried))
    nodes = {node.name: node for node in net}
    for layer in insert_splits(message).layer:
        if not layer.HasField("phase"):
            layer.phase = net.phase
        if layer.name in nodes:
            _complete(layer, nodes[layer.name])
        built.layer.append(layer)
    return built


def _complete(layer: LayerParameter, node: Node) -> None:
    """Write what Caffe's layers add to their own spec when they are set up."""
    if list(layer.top) == [AUTOMATIC]:
        layer.ClearField("top")
    if node.layer.is_loss and not layer.loss_weight:
        layer.loss_weight.append(1)
    kept = [node.layer.keeps(index) for index in range(len(node.layer.blobs))]
    for stays in kept[len(layer.param) :] if any(kept) else ():
        spec = layer.param.add()
        if stays:
            spec.lr_mult = 0
