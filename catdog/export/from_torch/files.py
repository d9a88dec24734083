"""A torch module to the two files of a net of Caffe's, held against the module on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor, nn

from catdog.errors import CatdogError, some_of
from catdog.export.from_torch.module_net import ModuleNet, module_net
from catdog.export.from_torch.source import ModuleSource, example_of, load_module
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.files import replacing
from catdog.spec import read_net, to_text
from catdog.spec.shape import Shape
from catdog.weights import copy_weights, read_weights, write_weights

#: Suffixes of the two files.
TEXTS, MODEL = (".prototxt", ".pbtxt", ".yaml", ".yml"), ".caffemodel"
#: A difference of so much of the largest output is no rounding.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Closeness:
    """How far a net is from its module: the largest difference, and the largest output."""

    difference: float
    largest: float

    @property
    def is_rounding(self) -> bool:
        """Whether it comes of the order of the sums alone."""
        # not a number is no rounding either
        return self.difference <= _TOLERANCE * self.largest

    def __str__(self) -> str:
        return f"{self.difference:.1e} of outputs up to {self.largest:.3g}"


def write_module_net(
    source: ModuleSource,
    weights: Path | None,
    target: Path,
    shapes: Sequence[tuple[str, Shape]] = (),
    tell: Callable[[str], object] = lambda _: None,
) -> tuple[Path, Path]:
    """Write the net of a module and its parameters; returns both paths.

    `target` is one of the two, the other one lies beside it. The module gets the state dict
    `weights`, or stays as it was made. The files are read again, and what they compute of a drawn
    input is compared with the module; the difference is told. Raises CatdogError where they are
    no files of a net, where they differ, and as loading and translating do; nothing is left then.
    """
    paths = pair(target)
    module = load_module(source, weights)
    example = example_of(module, shapes, str(source))
    made = module_net(module, example, source.name.rpartition(".")[2], str(source))
    about = [f"The net of {source}, by catdog."]
    found = write_pair(paths, made, about, SameInput(module, example, example))
    drawn = ", ".join("x".join(map(str, each.shape)) for each in example)
    tell(f"largest difference from {source} on a drawn input of {drawn}: {found}")
    return paths


@dataclass(frozen=True)
class SameInput:
    """A module, what it is given, and the same as its net is given it."""

    module: nn.Module
    given: Sequence[Tensor]
    to_net: Sequence[Tensor]


def write_pair(
    paths: tuple[Path, Path],
    made: ModuleNet,
    about: Sequence[str],
    sample: SameInput,
    carried: NetParameter | None = None,
) -> Closeness:
    """Write text and parameters of a net, read them again and hold them against its module.

    `about` are lines of comment; `carried` is what the parameters carry besides the net. Raises
    CatdogError where they differ; nothing is left then.
    """
    (text, model), net = paths, made.weights.net
    whole = NetParameter()
    whole.CopyFrom(net)
    whole.MergeFrom(carried or NetParameter())
    with replacing(text) as beside_text, replacing(model) as beside_model:
        write_weights(beside_model, replace(made.weights, net=whole))
        beside_text.write_text(to_text(net, text), encoding="utf-8")
        found = agreement(sample, made, beside_text, beside_model)
        if not isfinite(found.largest):
            what = "its outputs of a drawn input are no numbers: nothing is written"
            raise CatdogError(what, where=made.weights.source, remedy="give whole weights")
        if not found.is_rounding:
            raise CatdogError(
                f"the net differs from the module by {found}: nothing is written",
                where=made.weights.source,
            )
        beside_text.write_text(_text(net, text, about), encoding="utf-8")
    return found


def pair(target: Path) -> tuple[Path, Path]:
    """Text and parameters of a net, of which `target` is one; CatdogError for another file."""
    if target.suffix == MODEL:
        return target.with_suffix(".prototxt"), target
    if target.suffix in TEXTS:
        return target, target.with_suffix(MODEL)
    raise CatdogError(
        "a module becomes a net and its parameters",
        where=str(target),
        remedy=f"name one of both, {target.stem}.prototxt or {target.stem}{MODEL}",
    )


def _text(net: NetParameter, path: Path, about: Sequence[str]) -> str:
    lines = [*about]
    if any(layer.pooling_param.HasField("round_mode") for layer in net.layer):
        lines.append("Tools that do not know round_mode: FLOOR have ceil_mode: false for it.")
    return "".join(f"# {line}\n" for line in lines) + to_text(net, path)


def agreement(sample: SameInput, made: ModuleNet, text: Path, model: Path) -> Closeness:
    """How far the net of two files is from its module, on a sample."""
    net = Net(read_net(text).message)
    if made.weights.blobs:
        copy_weights(net, read_weights(model), strict=True)
    with torch.no_grad():
        wanted = tensors_of(sample.module(*sample.given))
        blobs = net(dict(zip(made.inputs, sample.to_net, strict=True))).blobs
    pairs = [(blobs[name], each) for name, each in zip(made.outputs, wanted, strict=True)]
    if others := [name for name in blobs if name not in made.outputs]:
        raise CatdogError(f"the net has outputs that the module has not: {some_of(others)}")
    return Closeness(
        max((float((own - each).abs().max()) for own, each in pairs if each.numel()), default=0.0),
        max((float(each.abs().max()) for _, each in pairs if each.numel()), default=0.0),
    )


def tensors_of(result: object) -> list[Tensor]:
    """The tensors that a module returns, in the order of torch.export."""
    if isinstance(result, Tensor):
        return [result]
    parts = list(result.values()) if isinstance(result, Mapping) else result
    if not isinstance(parts, list | tuple):
        return []
    return [each for part in parts for each in tensors_of(part)]
