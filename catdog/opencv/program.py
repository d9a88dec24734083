"""The layers that make some blobs of a net, as steps that run one after the other."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.layers.forks.detection import DetectionOutput
from catdog.layers.vision import Convolution
from catdog.net.step import Node
from catdog.opencv.accelerated import Accelerated, accelerated
from catdog.opencv.detections import OrderedRows
from catdog.opencv.fusion import fused
from catdog.opencv.graph import GraphLayer, LayerGraph
from catdog.opencv.registered import registered
from catdog.opencv.steps import Compute, Once, ProgramStep
from catdog.runtime.free_threads import FreeThreads

#: A program that runs so often is worth the second that OpenVINO takes to begin.
_OFTEN = 3
#: Nanoseconds within which threads would rather wait for each other than help.
_QUICK = 3_000_000

Array = NDArray[np.float32]


class Program:
    """Computes some blobs of a net; its parameters stay as they are.

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
        steps = fused(list(_steps(nodes, layers)), self._wanted)
        self._steps = _forgetting(steps, self._wanted)
        self._channels_last = any(isinstance(node.layer, Convolution) for node in nodes)
        self._threads = FreeThreads()
        self._spent: list[int] = []
        self._whole: Accelerated | None = None
        #: Nanoseconds of the layers in the last run, by their numbers; of a program that runs as a
        #: whole, at the last of them.
        self.times: dict[int, int] = {}

    def run(self, inputs: Sequence[Array]) -> Mapping[int, Array]:
        """The wanted blobs of these inputs."""
        began = time.perf_counter_ns()
        if self._whole:
            made = self._whole(inputs)
            self.times = {self._steps[-1].number: time.perf_counter_ns() - began}
            return made
        tensors = [self._arranged(torch.from_numpy(blob)) for blob in inputs]
        with torch.inference_mode():
            found = self._threads(lambda: self._run(tensors))
        made = {number: found[number].numpy() for number in self._wanted}
        self._spent.append(sum(self.times.values()))
        if len(self._spent) == _OFTEN:
            # the first time is longer, whatever the net
            threads = 1 if min(self._spent[1:]) < _QUICK else 0
            self._whole = accelerated(self._steps, inputs, made, threads=threads)
        return made

    def _run(self, inputs: Sequence[Tensor]) -> dict[int, Tensor]:
        blobs = dict(enumerate(inputs))
        began = time.perf_counter_ns()
        for step in self._steps:
            made = step.compute(*[blobs[number] for number in step.reads])
            if isinstance(made, tuple):
                blobs.update(zip(step.makes, made, strict=True))
            else:
                blobs[step.makes[0]] = made
            for number in step.done:
                del blobs[number]
            ended = time.perf_counter_ns()
            self.times[step.number] = ended - began
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


def _steps(nodes: Sequence[Node], layers: Sequence[GraphLayer]) -> Iterator[ProgramStep]:
    same: set[int] = set()
    for node, layer in zip(nodes, layers, strict=True):
        compute: Compute = node.layer
        if (own := registered(node.layer)) is not None:
            compute = own
        elif not node.layer.reads_numbers or (layer.reads and same.issuperset(layer.reads)):
            compute = Once(node.layer)
            same.update(layer.makes)
        elif isinstance(node.layer, DetectionOutput):
            compute = OrderedRows(node.layer)
        yield ProgramStep(compute, node.layer, layer.number, layer.reads, layer.makes)


def _forgetting(steps: Sequence[ProgramStep], wanted: frozenset[int]) -> list[ProgramStep]:
    """Steps that say which blobs are read, or made, for the last time."""
    seen = set(wanted)
    found: list[ProgramStep] = []
    for step in reversed(steps):
        named = {*step.reads, *step.makes} - seen
        found.append(replace(step, done=tuple(named)))
        seen |= named
    return found[::-1]
