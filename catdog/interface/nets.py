"""Nets as torch modules: the deploy form, weights by layer name."""

import os
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from torch import Tensor, nn

from catdog import spec
from catdog.errors import CatdogError
from catdog.export.deployed import deployed
from catdog.inference.named_weights import HasWeights, weights_of_run
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.spec import Spec
from catdog.spec.shape import Shape
from catdog.spec.shipped import find_net, find_solver
from catdog.weights import CopyRow, copy_weights, read_weights, weight_file

Source = str | PathLike[str] | HasWeights


class DeployModule(nn.Module):
    """The deploy form of a net: pictures in, numbers out, tensors both.

    `net` is the `Net` within. What goes in is the net's blob of photos, N x C x H x W, float32,
    prepared as in the training (`catdog.open_store(..., prepared_for=...)`, or a `Predictor`,
    which does that itself). What comes out is the net's output, N x classes; of several outputs a
    dict by name.
    """

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, *blobs: Tensor) -> Tensor | dict[str, Tensor]:
        """The output for a batch, or the outputs by their names."""
        found: dict[str, Tensor] = self.net(*blobs).blobs
        return found if len(found) > 1 else next(iter(found.values()))


def read_net(path: str | PathLike[str]) -> Spec[NetParameter]:
    """A net from a .yaml or .prototxt file, or by the name of one that ships.

        catdog.Net(catdog.read_net("net.prototxt"))
        catdog.read_net("small64").message.layer[0].name

    Old forms are upgraded, as Caffe does. `message` is Caffe's NetParameter. Raises SpecError with
    all faults of the file.
    """
    return spec.read_net(find_net(os.fspath(path)))


def read_solver(path: str | PathLike[str]) -> Spec[SolverParameter]:
    """A solver from a .yaml or .prototxt file, or by the name of one that ships.

        catdog.read_solver("quick").message.base_lr

    `message` is Caffe's SolverParameter. Raises SpecError with all faults of the file.
    """
    return spec.read_solver(find_solver(os.fspath(path)))


def deploy(
    model: str | PathLike[str] | None = None,
    weights: Source | None = None,
    *,
    scores: bool = False,
    inputs: Mapping[str, Shape] | None = None,
    stages: Sequence[str] = (),
    fork: str = "",
) -> DeployModule:
    """The deploy form of a net, as a torch module of tensors: no data layers, no labels.

        net = catdog.deploy("net.yaml", scores=True)
        loss = torch.nn.functional.cross_entropy(net(pictures), labels)

    Args:
        model: the net, a file or the name of one that ships; by default what the weights carry.
        weights: a weight file, a run, or its snapshot_prefix; without them the parameters are
            those of the fillers.
        scores: end the net before its Softmax or Sigmoid, as torch's losses want it.
        inputs: shapes of data that are not there, by blob: {"data": (1, 3, 64, 64)}.
        stages: of the net's rules.
        fork: the fork of Caffe that wrote the weights, where their net does not tell: "SSD".

    It is in its training mode, with gradients, until `.eval()`: Dropout drops and BatchNorm counts,
    as in any torch module. Raises CatdogError where there is neither net nor weights, WeightsError
    for weights of another net.
    """
    if model is None and weights is None:
        raise CatdogError("neither a net nor weights are given", remedy="name one of them")
    told: list[str] = []
    path = weights_path(weights) if weights is not None else None
    given = find_net(os.fspath(model)) if model is not None else None
    found = deployed(given, path, inputs, told.append, stages, fork)
    if told:
        remedy = 'build them, or say their shape: inputs={"data": (1, 3, 227, 227)}'
        raise CatdogError("the data of the net are not there", where=str(model), remedy=remedy)
    net = _without_probabilities(found.net) if scores else found.net
    for item in net.learnable:
        item.parameter.requires_grad_(not _is_statistic(net, item.name))
    return DeployModule(net).train()


def load_weights(net: nn.Module, weights: Source) -> list[CopyRow]:
    """Copy parameters into a net by layer name, as Caffe does; gives what became of each layer.

        net = catdog.Net(catdog.read_net("net.yaml"))
        catdog.load_weights(net, "bvlc.caffemodel")

    `net` is a `Net` or what `deploy` gives; `weights` a file of any kind (.caffemodel, .h5,
    .safetensors, .pt), a run or its snapshot_prefix, or the name of pretrained weights such as
    "resnet18". Raises WeightsError, and changes nothing, where shapes differ or no name is the
    same.
    """
    inner = net.net if isinstance(net, DeployModule) else net
    if not isinstance(inner, Net):
        what = f"{type(net).__name__} has no layers by Caffe's names"
        raise CatdogError(what, remedy="give a catdog.Net; torch's own have load_state_dict")
    return copy_weights(inner, read_weights(weights_path(weights), net=inner.message.name))


def weights_path(source: Source) -> Path:
    """The file of weights that is meant: itself, a run's, or that of a name."""
    if not isinstance(source, str | PathLike):
        return source.weights
    return weights_of_run(str(source)) or weight_file(str(source))


def _without_probabilities(net: Net) -> Net:
    """The same net, with the same parameters, that ends in scores."""
    message = NetParameter()
    message.CopyFrom(net.message)
    ends = [at for at, each in enumerate(message.layer) if _makes_output(each.top, net)]
    for at in reversed(ends):
        if message.layer[at].type in ("Softmax", "Sigmoid"):
            del message.layer[at]
    shorter = Net(message, inputs=net.inputs, setting=net.setting, fill=False)
    shorter.share(net)
    shorter.fill()
    return shorter


def _makes_output(tops: Sequence[str], net: Net) -> bool:
    return any(top in net.outputs for top in tops)


def _is_statistic(net: Net, name: str) -> bool:
    layer, _, index = name.rpartition(":")
    return net.node(layer).layer.keeps(int(index))
