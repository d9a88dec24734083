"""How long a training would take: by an earlier run of the same net, or by a few steps of it."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from catdog.errors import CatdogError
from catdog.interface.metrics import read_metrics
from catdog.layers.base import Setting
from catdog.net.abstract import Blueprint
from catdog.net.example_batch import example_batch
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.runtime.devices import device_named
from catdog.runtime.randomness import Randomness
from catdog.spec import to_prototxt
from catdog.tracking.metrics_csv import TABLE
from catdog.tracking.runs import RunRecord, find_runs

#: Seconds of measuring, about, and examples of a step that is tried before a whole batch.
_SECONDS, _FEW = 6.0, 4
#: Of a step, what its forward pass alone takes.
_FORWARD = 1 / 3
#: Rows of an earlier run's table without which nothing is said.
_ROWS = 2


@dataclass(frozen=True)
class TimeEstimate:
    """Seconds of an iteration and of a whole training, and where the numbers come from.

    Tests are in `total`. `total` is 0 where the length of the training is not known.
    """

    iteration: float
    total: float
    source: str


def estimated_by_run(plan: Blueprint, solver: SolverParameter, folder: Path) -> TimeEstimate | None:
    """By the newest run below a folder that trained the same net on this machine, if one did."""
    text = to_prototxt(plan.resolved.running)
    try:
        runs = find_runs([folder])
    except CatdogError:
        return None
    for run in reversed(runs):
        if run.content.get("train_net") == text and (each := _of_run(run, folder)):
            where = run.content.get("device") or "an unknown device"
            source = f"as the run {run.name} took, on {where}, with its tests"
            return TimeEstimate(each, each * solver.max_iter, source.replace(f"{folder}/", ""))
    return None


def _of_run(run: RunRecord, folder: Path) -> float:
    """Seconds of an iteration of a run with all that came between; 0 where it does not tell."""
    try:
        table = read_metrics(folder / Path(run.name).parent / TABLE)
        seconds, iterations = table["seconds"], table["iteration"]
    except (CatdogError, KeyError):
        return 0.0
    if len(iterations) < _ROWS:
        return 0.0
    steps = np.diff(iterations)
    each = np.diff(seconds)[steps > 0] / steps[steps > 0]
    return float(median(each)) if len(each) and np.isfinite(each).all() else 0.0


def measured(
    plan: Blueprint, solver: SolverParameter, device: str, test_batches: int = 0
) -> TimeEstimate:
    """By a few steps on random numbers; a batch that takes too long is tried in part.

    `test_batches` are those of one test. Raises CatdogError for a device that is not there, and
    for a net that does not fit.
    """
    place = device_named(device, "device")
    batch = max((shape[0] for shape in plan.net.inputs.values() if shape), default=1)
    part = min(batch, _FEW)
    few = _step(plan, part, place)
    if few * batch / part > _SECONDS:
        each, how = few * batch / part, f"{part} of {batch} examples at once"
    else:
        each, how = _step(plan, batch, place), f"batches of {batch}"
    each *= max(1, solver.iter_size)
    rounds = 1 + solver.max_iter // solver.test_interval if solver.test_interval else 0
    tests = rounds * test_batches * each * _FORWARD
    source = f"measured on {device} with random numbers, {how}; without reading photos"
    return TimeEstimate(each, each * solver.max_iter + tests, source)


def _step(plan: Blueprint, batch: int, device: torch.device) -> float:
    """Seconds of a forward and backward pass, the least of some after one that does not count."""
    whole = max((shape[0] for shape in plan.net.inputs.values() if shape), default=1)
    inputs = {
        name: (batch, *shape[1:]) if shape[:1] == (whole,) else shape
        for name, shape in plan.net.inputs.items()
    }
    net = Net(plan.resolved.rest, inputs=inputs, setting=Setting(Randomness(0))).place(device)
    given = example_batch(net, device)
    began, taken = time.perf_counter(), list[float]()
    while len(taken) < 2 or (len(taken) < 5 and time.perf_counter() - began < _SECONDS):
        start = time.perf_counter()
        loss = net(given).loss
        if loss.requires_grad:
            loss.backward()
        net.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - start)
    return max(min(taken[1:]), 1e-6)
