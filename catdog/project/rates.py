"""How fast this machine is at a net: photos a second, measured on random numbers."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from catdog.layers.base import Setting
from catdog.net.deploy import deploy_net
from catdog.net.example_batch import example_batch
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST
from catdog.runtime.randomness import Randomness
from catdog.spec import net_state, read_net

_FEATURES, _PASSES = 16, 2


@dataclass(frozen=True)
class Rates:
    """Photos a second: through the net, and in a training with its backward pass."""

    forward: float
    training: float


def rates(path: Path, size: int, batch: int, device: torch.device, *, learns: bool) -> Rates:
    """Measure the net of a file; `learns`: the whole of it, not its last layer alone."""
    forward = _FEATURES / _seconds(_forward(path, size, device), device)
    if not learns:
        return Rates(forward, forward)
    return Rates(forward, batch / _seconds(_step(path, size, batch, device), device))


def _forward(path: Path, size: int, device: torch.device) -> Callable[[], object]:
    shapes = {"data": (_FEATURES, 3, size, size)}
    message = deploy_net(resolve(read_net(path), net_state(TEST)).message, shapes)
    net = Net(message).place(device)
    batch = example_batch(net, device)

    def work() -> object:
        with torch.no_grad():
            return net(batch)

    return work


def _step(path: Path, size: int, batch: int, device: torch.device) -> Callable[[], object]:
    shapes = {"data": (batch, 3, size, size), "label": (batch,)}
    net = Net(read_net(path), inputs=shapes, setting=Setting(Randomness(0))).place(device)
    given = example_batch(net, device)

    def work() -> None:
        net(given).loss.backward()
        net.zero_grad()

    return work


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """The least of some times, after one that does not count."""
    work()
    taken = []
    for _ in range(_PASSES):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - began)
    return max(min(taken), 1e-6)
