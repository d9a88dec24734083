"""Which engine computes a net, and what that changes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.engines.engine import InferenceEngine, Task
from catdog.engines.table import INT8, KINDS, TORCH, is_installed, start
from catdog.engines.torch_engine import TorchEngine
from catdog.errors import CatdogError, did_you_mean
from catdog.inference.heads import Head, Row
from catdog.runtime.wording import counted

#: What --engine takes.
AUTO = "auto"
NAMES = (TORCH, *KINDS, AUTO)
#: Photos that int8 is calibrated on, and those that engines are compared on.
CALIBRATED, COMPARED = 128, 64
#: Seconds of torch's work from which on `auto` starts others, which takes some 4 and saves a tenth.
WORTH = 30.0
_PASSES = 3

#: Of each head the numbers of prepared pictures, as the predictor takes them from an engine.
Rows = Callable[[InferenceEngine, Tensor], Sequence[NDArray[np.float32]]]


@dataclass(frozen=True)
class Asked:
    """What is asked for: an engine by its name, in which precision, where, for which net."""

    name: str
    amp: str
    task: Task
    device: torch.device
    heads: Sequence[Head]


@dataclass(frozen=True)
class ChosenEngine:
    """An engine, its name, and lines about it for a person."""

    engine: InferenceEngine
    name: str = TORCH
    notes: list[str] = field(default_factory=list)


def choose(asked: Asked, pictures: Callable[[int], Tensor], count: int, rows: Rows) -> ChosenEngine:
    """The engine that is asked for, compared with torch in float32 on some of `count` photos.

    `pictures` gives so many of the photos, prepared, fewer where there are fewer. Raises
    CatdogError for an unknown name, for a device that the engine has not, and as `start`.
    """
    if asked.name not in NAMES:
        remedy = did_you_mean(asked.name, NAMES) or f"one of {', '.join(NAMES)}"
        raise CatdogError(f'no engine "{asked.name}"', where="--engine", remedy=remedy)
    if asked.name == AUTO:
        return _fastest(asked, pictures, count, rows)
    if asked.name == TORCH:
        return ChosenEngine(_torch(asked))
    if asked.device.type != "cpu":
        raise CatdogError(
            f"{asked.name} computes on the CPU, not on {asked.device}",
            where="--engine",
            remedy="add --device cpu, or leave --engine out",
        )
    return _started(asked, asked.name, _examples(asked, pictures, count), rows)


def _torch(asked: Asked) -> InferenceEngine:
    if asked.amp == INT8:
        remedy = f"add --engine {' or '.join(KINDS)}"
        raise CatdogError("torch computes no int8 here", where="--amp int8", remedy=remedy)
    return TorchEngine(asked.task, asked.device, asked.amp)


@dataclass(frozen=True)
class _Examples:
    """Prepared photos: to compare engines on, and others to calibrate int8 on."""

    compared: Tensor
    calibrated: Tensor


def _examples(asked: Asked, pictures: Callable[[int], Tensor], count: int) -> _Examples:
    if not count:
        return _Examples(torch.zeros(0), torch.zeros(0))
    if asked.amp != INT8:
        return _Examples(pictures(COMPARED), torch.zeros(0))
    found = pictures(COMPARED + CALIBRATED)
    each = torch.arange(len(found)) % (1 + CALIBRATED // COMPARED) == 0
    # of a few photos all are needed for both
    return (
        _Examples(found[each], found[~each]) if len(found) > COMPARED else _Examples(found, found)
    )


def _started(asked: Asked, name: str, examples: _Examples, rows: Rows) -> ChosenEngine:
    began = time.perf_counter()
    engine = start(name, asked.amp, asked.task, examples.calibrated)
    took = f"started in {time.perf_counter() - began:.1f} s"
    if not len(examples.compared):
        return ChosenEngine(engine, name, [f"engine {name}: {took}"])
    wanted = rows(TorchEngine(asked.task, asked.device), examples.compared)
    found = rows(engine, examples.compared)
    said = _difference(asked.heads, wanted, found)
    few = _few_ranges(asked, len(examples.calibrated))
    told = f"engine {name}: {said} (of {counted(len(found[0]), 'photo')}); {took}{few}"
    return ChosenEngine(engine, name, [told])


def _few_ranges(asked: Asked, calibrated: int) -> str:
    """That int8 is the rougher for having few photos; nothing where it is not."""
    if asked.amp != INT8 or calibrated >= CALIBRATED:
        return ""
    return f"; int8 has the ranges of {counted(calibrated, 'photo')}, {CALIBRATED} are better"


def _difference(
    heads: Sequence[Head],
    wanted: Sequence[NDArray[np.float32]],
    found: Sequence[NDArray[np.float32]],
) -> str:
    most = max(float(np.abs(a - b).max()) for a, b in zip(wanted, found, strict=True))
    changed = sum(map(_differ, repeat(heads), zip(*wanted, strict=True), zip(*found, strict=True)))
    what = "scores" if any(head.scores for head in heads) else "probabilities"
    labels = f"{changed} {'label changes' if changed == 1 else 'labels change'}"
    return f"{what} differ from torch's by at most {most:.0e}, {labels}"


def _differ(heads: Sequence[Head], wanted: Sequence[Row], found: Sequence[Row]) -> bool:
    """Whether a photo gets another label."""
    trios = zip(heads, wanted, found, strict=True)
    return any(head.chosen(a) != head.chosen(b) for head, a, b in trios)


def _fastest(
    asked: Asked, pictures: Callable[[int], Tensor], count: int, rows: Rows
) -> ChosenEngine:
    """The fastest of the installed engines on one batch."""
    names = [name for name in KINDS if is_installed(name) and asked.amp in KINDS[name].amps]
    if asked.device.type != "cpu" or not names:
        return ChosenEngine(_torch(asked), TORCH, ["engine auto: torch, there is no other here"])
    examples = _examples(asked, pictures, count)
    choices: list[ChosenEngine] = []
    notes: list[str] = []
    if asked.amp != INT8:
        ours = _torch(asked)
        if reason := _no_other(ours, examples.compared, count):
            return ChosenEngine(ours, TORCH, [f"engine auto: torch; {reason}"])
        choices.append(ChosenEngine(ours))
    for name in names:
        try:
            choices.append(_started(asked, name, examples, rows))
        except CatdogError as error:
            notes.append(f"engine auto leaves out {name}: {error}")
    if not choices:
        raise CatdogError(notes[0])
    rates = [_rate(choice.engine, examples.compared) for choice in choices]
    best = choices[int(np.argmax(rates))]
    said = ", ".join(f"{each.name} {rate:.0f}" for each, rate in zip(choices, rates, strict=True))
    notes.append(f"engine auto: {best.name}, of {said} photos/s by the net alone")
    return ChosenEngine(best.engine, best.name, notes + best.notes)


def _no_other(ours: InferenceEngine, pictures: Tensor, count: int) -> str:
    """Why it is not worth to start another engine; nothing where it may be."""
    if not len(pictures):
        return "there are no photos to measure others on"
    seconds = count / _rate(ours, pictures)
    if seconds > WORTH:
        return ""
    return f"others take seconds to start, it needs {seconds:.1f} s for all {count:,} photos"


def _rate(engine: InferenceEngine, pictures: Tensor) -> float:
    """Pictures a second."""
    times = []
    for _ in range(_PASSES):
        began = time.perf_counter()
        engine(pictures)
        times.append(time.perf_counter() - began)
    return len(pictures) / median(times)
