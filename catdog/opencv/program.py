"""The layers that make some blobs of a net, as steps that run one after the other."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from catdog.layers.vision import Convolution
from catdog.net.step import Node
from catdog.opencv.detections import rows_as_opencv
from catdog.opencv.graph import GraphLayer, LayerGraph

Compute = Callable[..., Tensor | tuple[Tensor, ...]]


@dataclass
class ProgramStep:
    """A layer of a number, or several that run as one: what it reads and makes."""

    compute: Compute
    number: int
    reads: tuple[int, ...]
    makes: tuple[int, ...]
    #: Blobs that nobody reads any more.
    done: tuple[int, ...] = ()


class Program:
    """Computes some blobs of a net.

    Args:
        nodes: those of `layers`, in a net for the shapes of the inputs.
        layers: what is computed, in its order; see `needed`.
        wanted: the numbers of the blobs.
    """

    def __init__(
        self, nodes: Sequence[Node], layers: Sequence[GraphLayer], wanted: Iterable[int]
    ) -> None:
        self._wanted = frozenset(wanted)
        self.layers = layers
        self._steps = [_step(node, layer) for node, layer in zip(nodes, layers, strict=True)]
        self._channels_last = any(isinstance(node.layer, Convolution) for node in nodes)
        self._forget()
        #: Nanoseconds of the layers in the last run, by their numbers.
        self.times: dict[int, int] = {}

    def _forget(self) -> None:
        """Find where each blob is read for the last time."""
        seen = set(self._wanted)
        for step in reversed(self._steps):
            named = {*step.reads, *step.makes} - seen
            step.done = tuple(named)
            seen |= named

    def run(self, inputs: Sequence[Tensor]) -> Mapping[int, Tensor]:
        """The wanted blobs of these inputs."""
        blobs = {number: self._arranged(blob) for number, blob in enumerate(inputs)}
        times = self.times
        with torch.inference_mode():
            began = time.perf_counter_ns()
            for step in self._steps:
                made = step.compute(*[blobs[number] for number in step.reads])
                tops = made if isinstance(made, tuple) else (made,)
                blobs.update(zip(step.makes, tops, strict=True))
                for number in step.done:
                    blobs.pop(number, None)
                ended = time.perf_counter_ns()
                times[step.number] = ended - began
                began = ended
        return blobs

    def _arranged(self, blob: Tensor) -> Tensor:
        if self._channels_last and blob.dim() == 4:
            return blob.contiguous(memory_format=torch.channels_last)
        return blob


def needed(graph: LayerGraph, wanted: Iterable[int]) -> list[GraphLayer]:
    """The layers without which some blobs are not made, in their order."""
    open_blobs = set(wanted)
    found: list[GraphLayer] = []
    for layer in reversed(graph.layers):
        if not open_blobs.isdisjoint(layer.makes):
            open_blobs.update(layer.reads)
            found.append(layer)
    return found[::-1]


def _step(node: Node, layer: GraphLayer) -> ProgramStep:
    compute: Compute = node.layer
    if layer.type == "DetectionOutput":
        compute = rows_as_opencv(node.layer)
    return ProgramStep(compute, layer.number, layer.reads, layer.makes)
