"""A module to the operators that it runs on an example, with what is known beforehand."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Node

from catdog.errors import CatdogError
from catdog.export.from_torch.patterns import gather

_KEPT = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)


@dataclass(frozen=True)
class TracedModule:
    """The operators of a module in order.

    Args:
        nodes: of the graph.
        inputs: the nodes that stand for the inputs of `forward`.
        known: numbers of parameters, buffers and constants by the name of their node.
        paths: the name in the module of each of `known`.
        outputs: the nodes whose numbers the module returns.
    """

    nodes: Sequence[Node]
    inputs: Sequence[Node]
    known: dict[str, Tensor]
    paths: dict[str, str]
    outputs: Sequence[Node]


def trace(module: nn.Module, example: Sequence[Tensor], where: str) -> TracedModule:
    """Follow a module in its state of prediction over an example, by torch.export.

    Raises CatdogError where it cannot be followed: where its course depends on numbers, and where
    it fails.
    """
    try:
        with _quiet():
            program = torch.export.export(module, tuple(example)).run_decompositions({})
    except Exception as error:  # anything that the module's own code raises, too
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        shapes = ", ".join("x".join(map(str, each.shape)) for each in example)
        raise CatdogError(
            f"cannot be followed on an input of {shapes}: {first}",
            where=where,
            remedy="give another --shape, or a module whose course depends on no numbers",
        ) from error
    gather(program.graph)
    return _traced(program)


def _traced(program: ExportedProgram) -> TracedModule:
    nodes = {node.name: node for node in program.graph.nodes}
    known: dict[str, Tensor] = {}
    paths: dict[str, str] = {}
    inputs = []
    held = {**program.state_dict, **program.constants}
    for spec in program.graph_signature.input_specs:
        name = spec.arg.name
        if spec.kind in _KEPT and spec.target is not None:
            known[name], paths[name] = held[spec.target], spec.target
        elif name in nodes:
            inputs.append(nodes[name])
    specs = program.graph_signature.output_specs
    returned = program.graph.output_node().args[0]
    outputs = [
        node
        for spec, node in zip(specs, returned, strict=True)
        if spec.kind is OutputKind.USER_OUTPUT and isinstance(node, Node)
    ]
    return TracedModule(tuple(program.graph.nodes), inputs, known, paths, outputs)


@contextmanager
def _quiet() -> Iterator[None]:
    """torch.export warns of what is no concern of those who convert."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        yield
