"""A net of torchvision or timm, by its name: `torchvision:resnet34`, `timm:resnet34`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from catdog.errors import WeightsError, some_of
from catdog.weights.architectures import Colour
from catdog.weights.for_caffe import array_of, for_bgr, sums
from catdog.weights.model import BlobsOfLayers

LIBRARIES = TORCHVISION, TIMM = "torchvision", "timm"
#: Layers whose parameters are those of torch's modules, to the number.
_PLAIN = (nn.Conv2d, nn.Linear)
#: What a name may not have: files, code and tables are named after layers.
_OTHER = re.compile(r"\W+", re.ASCII)
_TRACKED = "num_batches_tracked"
#: torchvision's DenseNets were saved under names of an older version: norm.1 for norm1.
_OLDER = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(?=[12]\.)")


def is_named(text: str) -> bool:
    """Whether a text is a library and a name."""
    return text.startswith((f"{TORCHVISION}:", f"{TIMM}:"))


def layer_name(path: str) -> str:
    """The name of the layer of a module: its path with `_` between the parts."""
    return _OTHER.sub("_", path).strip("_") or "layer"


@dataclass(frozen=True)
class NamedModule:
    """A net with a name, and how its photos are prepared.

    Args:
        name: as `torchvision:resnet34`.
        make: makes the module for so many classes, as its library draws it.
        mean, deviation: of its pictures, which are RGB from 0 to 255.
        size: pixels of a side.
        resize: pixels of the shorter side of a photo, before a square of `size` is cut out.
        classes: the names of the classes of its weights; empty where they are not known.
        asides: what the names of tensors begin with that count in training alone.
    """

    name: str
    make: Callable[[int], nn.Module]
    mean: Colour
    deviation: Colour
    size: int
    resize: int
    classes: Sequence[str]
    outputs: int = 1000
    asides: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """The name without its library, for files."""
        return layer_name(self.name.partition(":")[2])

    @cached_property
    def shapes(self) -> nn.Module:
        """The module without numbers."""
        with _ShapesAlone():
            return self.make(self.outputs).eval()

    @cached_property
    def head(self) -> str:
        """The path of its last layer with parameters."""
        paths: list[str] = [p for p, m in self.shapes.named_modules() if isinstance(m, _PLAIN)]
        return paths[-1]

    def own(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a state dict that count in prediction, by the names of today."""
        return {
            _OLDER.sub(r"\1", name): tensor
            for name, tensor in tensors.items()
            if not name.startswith(self.asides or ("\0",)) and not name.endswith(_TRACKED)
        }

    def misfits(self, tensors: Mapping[str, Tensor]) -> str:
        """In what a state dict differs from the module's, in words; the last layer may have as many
        outputs as it likes. Empty where it is one of this net.
        """
        given, wanted = self.own(tensors), self.own(self.shapes.state_dict())
        missing = [name for name in wanted if name not in given]
        further = [name for name in given if name not in wanted]
        other = [
            f"{name} {list(given[name].shape)} for {list(each.shape)}"
            for name, each in wanted.items()
            if name in given and self._shape(name, given[name]) != self._shape(name, each)
        ]
        said = (("has no", missing), ("has besides", further), ("has", other))
        return "; ".join(f"{words} {some_of(names)}" for words, names in said if names)

    def _shape(self, name: str, tensor: Tensor) -> tuple[int, ...]:
        return tuple(tensor.shape[name.startswith(f"{self.head}.") :])

    def blobs(self, tensors: Mapping[str, Tensor]) -> BlobsOfLayers:
        """The blobs of each layer of its net; see `catdog.export.from_torch.named`.

        A layer has the name of its module's path. The first one takes BGR from 0 to 255 minus the
        mean. Raises WeightsError for modules whose numbers are not those of a layer of Caffe's.
        """
        tensors = self.own(tensors)
        blobs: BlobsOfLayers = {}
        others: dict[str, list[str]] = {}
        first = next(path for path, m in self.shapes.named_modules() if isinstance(m, nn.Conv2d))
        for path, module in self.shapes.named_modules():
            held = [*module._parameters.values(), *module._buffers.values()]  # noqa: SLF001
            if not any(each is not None for each in held):
                continue
            name = layer_name(path)
            if isinstance(module, nn.BatchNorm2d):
                blobs |= _norm(name, path, tensors, fraction_of(module))
            elif type(module) is nn.Conv2d or isinstance(module, nn.Linear):
                found = [tensors.get(f"{path}.{kind}") for kind in ("weight", "bias")]
                if path == first and found[0] is not None:
                    found[0] = for_bgr(found[0], self.deviation, self.name)
                blobs[name] = [array_of(each) for each in found if each is not None]
            else:
                others.setdefault(type(module).__name__, []).append(path)
        if others:
            listed = "; ".join(f"{kind} ({some_of(at)})" for kind, at in others.items())
            raise WeightsError(
                f"{self.name} has modules whose numbers are not those of a layer: {listed}",
                remedy=f"catdog convert {self.name} FILE net.prototxt tries more",
            )
        return blobs


def in_bytes(colour: Sequence[float]) -> Colour:
    """A colour from 0 to 1 as one from 0 to 255."""
    red, green, blue = (round(255 * each, 3) for each in colour)
    return red, green, blue


def fraction_of(norm: nn.BatchNorm2d) -> float:
    """The share of the running statistics that stays in a step of the training."""
    return 1 - (0.1 if norm.momentum is None else norm.momentum)


def fractions(module: nn.Module) -> dict[str, float]:
    """The same for each layer of batch normalisation, by its name."""
    return {
        layer_name(path): fraction_of(each)
        for path, each in module.named_modules()
        if isinstance(each, nn.BatchNorm2d)
    }


def _norm(name: str, path: str, tensors: Mapping[str, Tensor], fraction: float) -> BlobsOfLayers:
    mean, variance = tensors[f"{path}.running_mean"], tensors[f"{path}.running_var"]
    line = [tensors.get(f"{path}.{kind}") for kind in ("weight", "bias")]
    found: BlobsOfLayers = {name: list(sums(mean, variance, fraction))}
    if any(each is not None for each in line):
        found[f"{name}_scale"] = [array_of(each) for each in line if each is not None]
    return found


class _ShapesAlone(TorchFunctionMode):
    """Parameters that are made in this context have no numbers, while numbers that are computed
    with, as the widths of RegNet, are there."""

    _MAKERS = (torch.empty, torch.zeros, torch.ones)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in self._MAKERS and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)
