"""What a name such as `torchvision:resnet34` or `timm:resnet34` means."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from catdog.errors import WeightsError
from catdog.weights import timm_nets, torchvision_nets
from catdog.weights.named_module import TIMM, NamedModule


def command_for(name: str, file: str | Path) -> str:
    """The command that makes a net of a name and a state dict."""
    return f"catdog convert {name} {file} net.prototxt"


def named_module(text: str) -> NamedModule:
    """The net of a library and a name, for which `is_named` holds.

    Raises CatdogError for a name that the library does not have, and where it is not installed.
    """
    library, _, name = text.partition(":")
    return timm_nets.find(name) if library == TIMM else torchvision_nets.find(name)


def check_state(named: NamedModule, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raise WeightsError, which names the right net where it is torchvision's, where the tensors of
    a file are those of another net; the last layer may have another number of outputs."""
    if not (misfit := named.misfits(tensors)):
        return
    if other := torchvision_nets.recognise(tensors):
        raise WeightsError(
            f"is the state dict of {other.name}, not of {named.name}",
            where=str(path),
            remedy=f"{command_for(other.name, path)} makes its net",
        )
    raise WeightsError(f"is no state dict of {named.name}: it {misfit}", where=str(path))
