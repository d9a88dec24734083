"""How long the layers of a net take, as `caffe time` (caffe/tools/caffe.cpp)."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

import torch
from torch import Tensor

from catdog.errors import CatdogError
from catdog.net.example_batch import example_batch
from catdog.net.net import Net, run
from catdog.net.step import Node

T = TypeVar("T")

#: Passes before the clock counts.
WARM_UP = 2


@dataclass
class LayerTimes:
    """Milliseconds of a layer, a number for each iteration; not every layer has a backward."""

    name: str
    forward: list[float] = field(default_factory=list)
    backward: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Times:
    """Milliseconds of the layers one by one, and of whole passes, where nothing waits between."""

    layers: list[LayerTimes]
    forward: list[float] = field(default_factory=list)
    backward: list[float] = field(default_factory=list)


def time_net(net: Net, iterations: int) -> Times:
    """Time a net on an example batch, on the device of its parameters; a net without a loss has
    no backward.

    Raises CatdogError for less than one iteration.
    """
    if iterations < 1:
        raise CatdogError("must be 1 or more", where="--iterations")
    device = next((p.device for p in net.parameters()), torch.device("cpu"))
    batch = example_batch(net, device)
    for _ in range(WARM_UP):
        _time(net, batch, device, _empty(net))
    times = _empty(net)
    for _ in range(iterations):
        _time(net, batch, device, times)
    return times


def _empty(net: Net) -> Times:
    return Times([LayerTimes(node.name) for node in net.nodes])


def _time(net: Net, batch: Mapping[str, Tensor], device: torch.device, times: Times) -> None:
    """One iteration: the layers one by one, then whole passes."""
    has_loss = any(weight for node in net.nodes for weight in node.loss_weights)
    blobs, learned = dict(batch), set[str]()
    for node, into in zip(net.nodes, times.layers, strict=True):
        bottoms = [
            blobs[name].detach().requires_grad_(has_loss and name in learned and not cut)
            for name, cut in zip(node.bottoms, node.cut, strict=True)
        ]
        tops = _time_layer(node, bottoms, device, into, backward=has_loss)
        learned.update(name for name, top in zip(node.tops, tops, strict=True) if top.requires_grad)
        blobs.update(zip(node.tops, tops, strict=True))
        for name in node.last_use:
            del blobs[name]
    result, taken = _timed(lambda: net(batch), device)
    times.forward.append(taken)
    if result.loss.requires_grad:
        times.backward.append(_timed(result.loss.backward, device)[1])
        net.zero_grad()


def _time_layer(
    node: Node, bottoms: list[Tensor], device: torch.device, times: LayerTimes, *, backward: bool
) -> tuple[Tensor, ...]:
    # a leaf cannot be written over; its copy can
    given = [x.clone() if node.layer.in_place and x.requires_grad else x for x in bottoms]
    tops, taken = _timed(lambda: run(node, given), device)
    times.forward.append(taken)
    wanted = [x for x in (*bottoms, *node.layer.blobs.parameters()) if x.requires_grad]
    made = [top for top in tops if top.requires_grad]
    if backward and wanted and made:
        ones = [torch.ones_like(top) for top in made]
        times.backward.append(
            _timed(lambda: torch.autograd.grad(made, wanted, ones, allow_unused=True), device)[1]
        )
    return tops


def _timed(work: Callable[[], T], device: torch.device) -> tuple[T, float]:
    """The result of some work, and its milliseconds until the device has nothing left to do."""
    start = _now(device)
    result = work()
    return result, 1000 * (_now(device) - start)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def lines(times: Times) -> Iterator[str]:
    """Caffe's lines; those of the layers are medians, those of the passes means and medians."""
    yield "Average time per layer (medians): "
    for layer in times.layers:
        for direction, taken in (("forward", layer.forward), ("backward", layer.backward)):
            if taken:
                yield f"{layer.name:>10}\t{direction}: {median(taken):.5g} ms."
    both = [sum(passes) for passes in zip(times.forward, times.backward, strict=False)]
    for title, taken in (
        ("Forward pass", times.forward),
        ("Backward pass", times.backward),
        ("Forward-Backward", both),
    ):
        if taken:
            mean = sum(taken) / len(taken)
            yield f"Average {title}: {mean:.5g} ms (median {median(taken):.5g} ms)."
    yield f"Total Time: {sum(times.forward) + sum(times.backward):.5g} ms."


def caffe_lines(times: Times) -> Iterator[str]:
    """Caffe's lines to the letter, whose numbers are means (caffe/tools/caffe.cpp, time)."""
    passes = [sum(both) for both in zip(times.forward, times.backward, strict=False)]
    passes = passes or times.forward
    for number, whole in enumerate(passes, 1):
        yield f"Iteration: {number} forward-backward time: {whole:.6g} ms."
    yield "Average time per layer: "
    for layer in times.layers:
        for direction, taken in (("forward", layer.forward), ("backward", layer.backward)):
            yield f"{layer.name:>10}\t{direction}: {_mean(taken):.6g} ms."
    yield f"Average Forward pass: {_mean(times.forward):.6g} ms."
    yield f"Average Backward pass: {_mean(times.backward):.6g} ms."
    yield f"Average Forward-Backward: {_mean(passes):.6g} ms."
    yield f"Total Time: {sum(times.forward) + sum(times.backward):.6g} ms."


def _mean(taken: Sequence[float]) -> float:
    return sum(taken) / len(taken) if taken else 0.0
