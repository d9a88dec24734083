"""The module that is to become a net: the user's own code, with a state dict of theirs."""

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from catdog.errors import CatdogError, WeightsError, did_you_mean, some_of
from catdog.spec.shape import Shape
from catdog.weights.named_module import LIBRARIES
from catdog.weights.tensors import read_state

_SOURCE = re.compile(r"(?P<place>.+\.py|[A-Za-z_]\w*(\.\w+)*):(?P<name>[A-Za-z_][\w.]*)")


@dataclass(frozen=True)
class ModuleSource:
    """Where a module comes from.

    Args:
        place: a .py, or the dotted name of an installed module.
        name: in it a class or a function that makes the module without arguments, or the module.
    """

    place: str
    name: str

    def __str__(self) -> str:
        return f"{self.place}:{self.name}"


def module_source(text: str) -> ModuleSource | None:
    """The source that a text names, as net.py:Model does; None for the name of a file."""
    match = None if Path(text).exists() else _SOURCE.fullmatch(text)
    return ModuleSource(match["place"], match["name"]) if match else None


def load_module(source: ModuleSource, weights: Path | None = None) -> nn.Module:
    """The module in its state of prediction, in float32, with the tensors of a state dict.

    This runs the code of the place, and no other. Raises CatdogError for code that is not there or
    fails and for what is no module, WeightsError for tensors that are not the module's.
    """
    made = _made(source)
    if weights:
        fill(made, read_state(weights), weights, str(source))
    return made.float().eval().requires_grad_(False)


def _made(source: ModuleSource) -> nn.Module:
    try:
        found: object = _imported(source)
        for name in source.name.split("."):
            if not hasattr(found, name):
                near = did_you_mean(name, vars(found))
                raise CatdogError(f"has no {source.name}", where=source.place, remedy=near)
            found = getattr(found, name)
        # as it is drawn, the same in every run
        torch.manual_seed(0)
        made = found if isinstance(found, nn.Module) or not callable(found) else found()
    except CatdogError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(source, error) from error
    if not isinstance(made, nn.Module):
        raise CatdogError(
            f"is of type {type(made).__name__}, not a torch module",
            where=str(source),
            remedy="name a class or a function that makes one without arguments",
        )
    return made


def _imported(source: ModuleSource) -> ModuleType:
    if not source.place.endswith(".py"):
        return importlib.import_module(source.place)
    path = Path(source.place).resolve()
    if not path.is_file():
        raise CatdogError("no such file", where=source.place, remedy="check the path")
    # what lies beside it is imported as if it was run
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    return module


def _failed(source: ModuleSource, error: BaseException) -> CatdogError:
    """What the user's code raised, and the last of its own lines where it did."""
    own = [
        each
        for each in traceback.extract_tb(error.__traceback__)
        if each.filename == str(Path(source.place).resolve())
    ]
    where = f"{source.place}:{own[-1].lineno}" if own else str(source)
    first = next(iter(str(error).splitlines()), "")
    what = f"raised {type(error).__name__}" + (f": {first}" if first else "")
    remedy = "its code is run as it stands"
    if isinstance(error, TypeError):
        remedy = "the module is made without arguments"
    elif isinstance(error, ModuleNotFoundError) and error.name == source.place:
        near = did_you_mean(source.place, LIBRARIES)
        remedy = near or "name a file, net.py:Model, or a package that is installed"
    return CatdogError(what, where=where, remedy=remedy)


def fill(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, where: str) -> None:
    """Give a module the tensors of a file. Raises WeightsError for tensors that are not its own."""
    own = module.state_dict()
    missing = [each for each in own if each not in tensors and not each.endswith("_tracked")]
    further = [each for each in tensors if each not in own]
    other = [
        f"{name} {list(tensors[name].shape)} for {list(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    said = (("has no", missing), ("has besides", further), ("has", other))
    found = "; ".join(f"{words} {some_of(names)}" for words, names in said if names)
    if found:
        remedy = f"give a state dict of {where}, as its .state_dict() is"
        raise WeightsError(found, where=str(path), remedy=remedy)
    module.load_state_dict(tensors, strict=False)


def example_of(
    module: nn.Module, shapes: Sequence[tuple[str, Shape]], where: str
) -> tuple[Tensor, ...]:
    """A drawn input for each of forward's parameters, of shapes that are given by name or in order.

    Without any, of the shape that the module says of itself (input_size, image_size and the
    like). Raises CatdogError where none is known, and for names that forward does not have.
    """
    names = list(inspect.signature(module.forward).parameters)
    found: dict[str, Shape] = {}
    for name, shape in shapes:
        free = [each for each in names if each not in found]
        if not free or (name and name not in names):
            raise CatdogError(
                f"forward has no input for --shape {name or ','.join(map(str, shape))}",
                where=where,
                remedy=f"it takes {', '.join(names)}",
            )
        found[name or free[0]] = shape
    if not found and (own := _own_shape(module)):
        found = {names[0]: own}
    given = [name for name in names if name in found]
    if not given or given != names[: len(given)]:
        raise CatdogError(
            "the shape of its input is not known",
            where=where,
            remedy=f"say it: --shape {names[0]}=1,3,224,224" if names else "",
        )
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(found[name], generator=generator) for name in given)


def _own_shape(module: nn.Module) -> Shape | None:
    """What a module says of its input, under the names that are usual for it."""
    array = getattr(module, "example_input_array", None)
    if isinstance(array, Tensor):
        return tuple(array.shape)
    for held in (module, *_configurations(module)):
        read = held.get if isinstance(held, dict) else lambda name, of=held: getattr(of, name, None)
        for name in ("input_size", "image_size", "img_size", "input_shape"):
            if shape := _shape_of(read(name), _colours(module)):
                return shape
    if type(module).__module__.startswith("torchvision.models."):
        size = 299 if type(module).__name__ == "Inception3" else 224
        return 1, _colours(module), size, size
    return None


def _configurations(module: nn.Module) -> list[object]:
    """What timm's modules say of their weights."""
    return [getattr(module, name, {}) or {} for name in ("pretrained_cfg", "default_cfg")]


def _shape_of(value: object, colours: int) -> Shape | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return 1, colours, value, value
    if not isinstance(value, list | tuple) or not all(isinstance(each, int) for each in value):
        return None
    sizes = {2: (1, colours, *value), 3: (1, *value), 4: tuple(value)}
    return sizes.get(len(value))


def _colours(module: nn.Module) -> int:
    first = next((each for each in module.modules() if isinstance(each, nn.Conv2d)), None)
    return first.in_channels if first else 3
