"""The net and the parameters of a torch module: each operator by its converter."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.fx.node import map_arg

from catdog.errors import Fault, SpecError, some_of
from catdog.export.from_torch import activation, arithmetic, pooling, shape, weighted
from catdog.export.from_torch.blob import NetBlob, Refused
from catdog.export.from_torch.builder import NetBuilder
from catdog.export.from_torch.operator import Converter, Operator, Result
from catdog.export.from_torch.patterns import name_of
from catdog.export.from_torch.tracing import TracedModule, trace
from catdog.spec.shape import Shape
from catdog.weights.model import Weights

TABLES = (weighted.TABLE, activation.TABLE, pooling.TABLE, arithmetic.TABLE, shape.TABLE)
#: By the name of an operator what makes layers of it.
CONVERTERS: dict[str, Converter] = {name: each for table in TABLES for name, each in table.items()}

_NONE = "Caffe has no layer for it"
#: How many places of an operator are told.
_SHOWN = 3


@dataclass(frozen=True)
class ModuleNet:
    """What a module became: its net with its parameters, and the blobs that it returns."""

    weights: Weights
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def module_net(module: nn.Module, example: Sequence[Tensor], name: str, where: str) -> ModuleNet:
    """The net that computes what a module does in prediction, for inputs of the example's shapes.

    Layers are named after their modules. `where` stands before messages. Raises SpecError with
    every operator that has no layer, CatdogError for a module that cannot be followed.
    """
    return _Translation(trace(module, example, where), NetBuilder(name), where).run()


class _Translation:
    """The nodes of a graph, one after the other."""

    def __init__(self, traced: TracedModule, builder: NetBuilder, where: str) -> None:
        self.traced = traced
        self.builder = builder
        self.where = where
        self.values: dict[Node, object] = {}
        self.refused: dict[tuple[str, str], list[str]] = defaultdict(list)

    def run(self) -> ModuleNet:
        inputs = [self._input(node) for node in self.traced.inputs]
        for node in self.traced.nodes:
            if node.op == "placeholder" and node.name in self.traced.known:
                self.values[node] = self.traced.known[node.name].detach()
            elif node.op == "call_function":
                self.values[node] = self._called(node)
        outputs = () if self.refused else self._outputs()
        if self.refused:
            raise SpecError(self._faults())
        weights = Weights(self.builder.blobs, self.builder.message, self.where)
        return ModuleNet(weights, tuple(inputs), outputs)

    def _input(self, node: Node) -> str:
        name = "data" if len(self.traced.inputs) == 1 else node.name
        blob = self.builder.add_input(name, tuple(node.meta["val"].shape))
        self.values[node] = blob.within(_readers(node))
        return blob.name

    def _called(self, node: Node) -> object:
        kind = name_of(node.target)
        if kind == "getitem":
            return self._item(node)
        arguments = self._arguments(node)
        if not any(isinstance(each, NetBlob) for each in _flat(arguments.values())):
            return self._computed(node)
        shapes = _shapes(node)
        if not shapes:
            # an assertion
            return None
        op = Operator(
            kind, self._name(node), arguments, shapes, _read(node, len(shapes)), self.builder
        )
        made = self._made(op, _path(node))
        tops = made if isinstance(made, tuple) else (made,) * len(shapes)
        return (
            tops if isinstance(node.meta["val"], tuple | list) else tops[0].within(_readers(node))
        )

    def _made(self, op: Operator, path: str) -> Result:
        try:
            if op.kind not in CONVERTERS:
                raise Refused(_NONE)
            return CONVERTERS[op.kind](op)
        except Refused as reason:
            told = str(reason)
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            # forms of an operator that its converter does not know
            told = "its arguments are of an unusual form"
        self.refused[op.kind, told].append(path)
        return tuple(NetBlob("", each, alone=False) for each in op.shapes)

    def _item(self, node: Node) -> object:
        of, index = node.args
        assert isinstance(of, Node)
        held = self.values[of]
        assert isinstance(held, Sequence)
        item = held[index]  # type: ignore[index]
        readers = sum(_readers(user) for user in of.users if user.args[1:] == (index,))
        return item.within(readers) if isinstance(item, NetBlob) else item

    def _computed(self, node: Node) -> object:
        """What does not depend on the input is computed now."""
        args, kwargs = self._given(node)
        with torch.no_grad():
            return node.target(*args, **kwargs)  # type: ignore[operator]

    def _given(self, node: Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a node, with values in the places of nodes."""
        values: Any = self.values
        args: Any = map_arg(node.args, lambda each: values[each])
        kwargs: Any = map_arg(node.kwargs, lambda each: values[each])
        return args, kwargs

    def _arguments(self, node: Node) -> dict[str, object]:
        """By their names, with the defaults of those that are not given."""
        args, kwargs = self._given(node)
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            names = ("input", "size", "alpha", "beta", "k")
            return dict(zip(names, args, strict=False)) | dict(kwargs)
        found = {each.name: each.default_value for each in schema.arguments}
        given = zip((each.name for each in schema.arguments), args, strict=False)
        return {**found, **dict(given), **kwargs}

    def _name(self, node: Node) -> str:
        """The path of the parameters, or else of torch's own module, or else with the operator."""
        for argument in node.args[1:]:
            if isinstance(argument, Node) and argument.name in self.traced.paths:
                return self.traced.paths[argument.name].rpartition(".")[0] or name_of(node.target)
        path, kind = _module(node)
        own = kind.startswith("torch.nn.modules.") and ".container." not in kind
        return path if own and path else f"{path}.{name_of(node.target)}"

    def _outputs(self) -> tuple[str, ...]:
        """The blobs that are returned; one that is read as well gets a copy at the end."""
        names = []
        for node in self.traced.outputs:
            blob = self.values[node]
            if not isinstance(blob, NetBlob):
                self.refused["return", "it does not depend on the input"].append(node.name)
                continue
            op = Operator("return", f"{blob.name}_out", {}, (blob.shape,), (True,), self.builder)
            blob = op.filled_out(blob)
            if self._is_read(blob.name) or blob.name in names:
                blob = op.add("Power", blob)
            names.append(blob.name)
        return tuple(names)

    def _is_read(self, name: str) -> bool:
        layers = self.builder.message.layer
        made = max((i for i, layer in enumerate(layers) if name in layer.top), default=-1)
        is_input = layers[made].type == "Input"
        return is_input or any(name in layer.bottom for layer in layers[made + 1 :])

    def _faults(self) -> list[Fault]:
        return [
            Fault(f"{kind} ({some_of(dict.fromkeys(paths), _SHOWN)}): {reason}", where=self.where)
            for (kind, reason), paths in self.refused.items()
        ]


def _module(node: Node) -> tuple[str, str]:
    """Path and class of the innermost module that runs a node."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return (str(stack[-1][0]), str(stack[-1][1])) if stack else ("", "")


def _path(node: Node) -> str:
    return _module(node)[0] or "forward"


def _shapes(node: Node) -> tuple[Shape, ...]:
    value = node.meta.get("val")
    values = value if isinstance(value, tuple | list) else [value]
    return tuple(tuple(each.shape) for each in values if isinstance(each, Tensor))


def _readers(node: Node) -> int:
    """How often a node is read; twice by one that takes it twice."""
    found: list[Node] = []
    for user in node.users:
        map_arg((user.args, user.kwargs), found.append)
    return found.count(node)


def _read(node: Node, count: int) -> tuple[bool, ...]:
    if not isinstance(node.meta["val"], tuple | list):
        return (True,) * count
    indices = {user.args[1] for user in node.users if name_of(user.target) == "getitem"}
    return tuple(index in indices for index in range(count))


def _flat(values: object) -> list[object]:
    if isinstance(values, str | Tensor | NetBlob) or not hasattr(values, "__iter__"):
        return [values]
    return [each for value in values for each in _flat(value)]
