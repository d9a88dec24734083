"""Modules for conversion, and what the net of a module computes beside it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from catdog.export.from_torch.files import tensors_of
from catdog.export.from_torch.module_net import ModuleNet, module_net
from catdog.net.net import Net
from catdog.weights import copy_weights


class Of(nn.Module):
    """A module that is a function, perhaps of another module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
        self.held = nn.ModuleList(each for each in cells if isinstance(each, nn.Module))

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def with_statistics(module: nn.Module) -> nn.Module:
    """With drawn statistics, slopes and offsets in every batch normalisation."""
    generator = torch.Generator().manual_seed(1)
    for each in module.modules():
        if isinstance(each, _BatchNorm) and each.running_mean is not None:
            each.running_mean.normal_(0, 0.1, generator=generator)
            each.running_var.uniform_(0.5, 1.5, generator=generator)
            if each.affine:
                each.weight.data.uniform_(0.5, 1.5, generator=generator)
                each.bias.data.normal_(0, 0.1, generator=generator)
    return module


def check(
    module: nn.Module | Callable[..., Any], *inputs: Tensor, tolerance: float = 2e-6
) -> ModuleNet:
    """Hold the net of a module against the module; the tolerance is of the largest output."""
    module = module if isinstance(module, nn.Module) else Of(module)
    module = with_statistics(module).eval()
    made = module_net(module, inputs, "net", "net.py:Model")
    net = Net(made.weights.net)
    if made.weights.blobs:
        copy_weights(net, made.weights, strict=True)
    with torch.no_grad():
        wanted = tensors_of(module(*inputs))
        blobs = net(dict(zip(made.inputs, inputs, strict=True))).blobs
    assert set(blobs) == set(made.outputs)
    for name, each in zip(made.outputs, wanted, strict=True):
        assert blobs[name].shape == each.shape
        largest = max(1.0, float(each.abs().max()))
        assert float((blobs[name] - each).abs().max()) <= tolerance * largest
    return made


def types(made: ModuleNet) -> list[str]:
    """The types of a net's layers, without its inputs."""
    return [layer.type for layer in made.weights.net.layer if layer.type != "Input"]


def names(made: ModuleNet) -> Sequence[str]:
    return [layer.name for layer in made.weights.net.layer if layer.type != "Input"]
