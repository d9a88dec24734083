"""A net of torchvision or timm, by its name, to a net of Caffe's for photos as stores hold them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from catdog.errors import CatdogError
from catdog.export.from_torch.files import SameInput, pair, write_pair
from catdog.export.from_torch.module_net import ModuleNet, module_net
from catdog.export.from_torch.source import fill
from catdog.proto.caffe_pb2 import DatasetParameter, LayerParameter, NetParameter
from catdog.weights import weight_file
from catdog.weights.for_caffe import array_of, for_bgr, sums
from catdog.weights.model import Array
from catdog.weights.named_module import NamedModule, fractions
from catdog.weights.named_nets import check_state
from catdog.weights.tensors import read_state

#: Stands for the weights that the library draws.
DRAWN = "-"


def write_named_net(
    named: NamedModule,
    weights: str,
    target: Path,
    tell: Callable[[str], object] = lambda _: None,
) -> tuple[Path, Path]:
    """Write the net of a name and its parameters; returns both paths.

    `weights` is a state dict, empty for those that its library has for it, DRAWN for drawn ones.
    `target` is one of the two files, the other one lies beside it. The net takes BGR pictures from
    0 to 255 minus `mean_value`; its parameters carry how photos are prepared and what the classes
    are called. Both files are read again and held against the module on a drawn photo; the
    difference is told. Raises CatdogError as `write_module_net` and for weights of another net.
    """
    paths = pair(target)
    path = None if weights == DRAWN else weight_file(weights or named.name)
    module = _module(named, path)
    made = named_net(named, module)
    sample = sample_of(named, module)
    about = [f"{named.name}, by catdog: BGR pictures from 0 to 255 minus mean_value."]
    found = write_pair(paths, made, about, sample, _carried(named, made))
    size = f"{named.size}x{named.size}"
    tell(f"largest difference from {named.name} on a drawn photo of {size}: {found}")
    return paths


def _module(named: NamedModule, path: Path | None) -> nn.Module:
    """The module with the tensors of a file, and as many outputs as that has; drawn without one."""
    if path is None:
        return drawn_module(named)
    tensors = read_state(path)
    check_state(named, tensors, path)
    tensors = named.own(tensors)
    module = named.make(tensors[f"{named.head}.weight"].shape[0])
    fill(module, tensors, path, named.name)
    return module.eval().requires_grad_(False)


def drawn_module(named: NamedModule) -> nn.Module:
    """The module as its library draws it, the same in every run, in its state of prediction."""
    torch.manual_seed(0)
    return named.make(named.outputs).eval().requires_grad_(False)


def named_net(named: NamedModule, module: nn.Module) -> ModuleNet:
    """The net of a named module, and its parameters, for BGR pictures from 0 to 255 minus the mean.

    Normalisations of batches keep their statistics, and have the sums of a long training, so that
    the same parameters serve one that goes on. Raises SpecError with every operator that has no
    layer, CatdogError where the first layer is no convolution.
    """
    made = module_net(module, sample_of(named, module).given, named.name, named.name)
    net, blobs = made.weights.net, dict(made.weights.blobs)
    for layer in net.layer:
        if "data" in layer.bottom:
            if layer.type != "Convolution":
                raise CatdogError(
                    f"its first layer is of type {layer.type}, not a convolution that can take "
                    "pictures as they are stored",
                    where=named.name,
                    remedy="convert the module itself, net.py:Model, for normalised pictures",
                )
            blobs[layer.name] = _for_bgr(blobs[layer.name], named)
    for name, fraction in fractions(module).items():
        mean, variance, _ = (torch.from_numpy(each) for each in blobs[name] if each is not None)
        blobs[name] = list(sums(mean, variance, fraction))
    _complete(net, named, fractions(module))
    return replace(made, weights=replace(made.weights, blobs=blobs))


def _for_bgr(blobs: Sequence[Array | None], named: NamedModule) -> list[Array | None]:
    kernel, *bias = blobs
    assert kernel is not None
    return [array_of(for_bgr(torch.from_numpy(kernel), named.deviation, named.name)), *bias]


def _complete(net: NetParameter, named: NamedModule, kept: Mapping[str, float]) -> None:
    """Write into a net what it expects of its pictures, and how its statistics go on."""
    for layer in net.layer:
        if layer.type == "Input":
            layer.transform_param.mean_value.extend(named.mean[::-1])
        if layer.name in kept:
            layer.batch_norm_param.moving_average_fraction = kept[layer.name]


def sample_of(named: NamedModule, module: nn.Module) -> SameInput:
    """A drawn photo: RGB and normalised for the module, BGR minus the mean for the net."""
    generator = torch.Generator().manual_seed(0)
    photo = torch.randint(256, (1, 3, named.size, named.size), generator=generator).double()
    mean, deviation = (torch.tensor(c).view(3, 1, 1) for c in (named.mean, named.deviation))
    centred = photo - mean
    return SameInput(module, [(centred / deviation).float()], [centred.flip(1).float()])


def _carried(named: NamedModule, made: ModuleNet) -> NetParameter:
    """How photos are prepared for a net, the names of its classes, and the net for prediction."""
    deploy = NetParameter()
    deploy.CopyFrom(made.weights.net)
    if named.resize > named.size:
        deploy.layer[0].transform_param.crop_size = named.size
    score = made.outputs[0]
    deploy.layer.append(LayerParameter(name="prob", type="Softmax", bottom=[score], top=["prob"]))
    side = max(named.resize, named.size)
    blobs = next(reversed(made.weights.blobs.values()))
    outputs = 0 if blobs[0] is None else len(blobs[0])
    dataset = DatasetParameter(
        width=side,
        height=side,
        equalize=False,
        interpolation=DatasetParameter.AREA,
        resize=DatasetParameter.CROP,
        class_name=named.classes if len(named.classes) == outputs else (),
    )
    return NetParameter(deploy=deploy, dataset=dataset)
