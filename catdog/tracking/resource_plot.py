"""What became of a run's time and memory: a line for the log, and `resources.png`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catdog.runtime.picture_style import (
    BLUE,
    GREEN,
    ORANGE,
    SOFT,
    legend_above,
    save_figure,
    style_axes,
    white_figure,
)
from catdog.tracking.probes import MB
from catdog.tracking.resources import Resources, Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Fewer looks make no picture.
_LEAST_LOOKS = 4
#: Shares of the time from which on waiting, and below which a GPU's load, is mentioned.
_WAITING, _IDLE = 0.15, 0.7


def verdict(resources: Resources) -> str:
    """A line on what held the run up, and on the most memory that it took; empty without looks."""
    looks = resources.looks
    if not looks or resources.training <= 0:
        return ""
    waiting = min(resources.waited / resources.training, 1.0)
    gpu = [look.gpu for look in looks if look.gpu]
    text = f"The processor waited for data {waiting:.0%} of the time"
    memory = f"{max(look.host.memory for look in looks) / MB:,.0f} MB"
    if gpu:
        load = float(np.mean([each.load for each in gpu]))
        text = (
            f"The GPU was busy {load:.0%} of the time, the processor waited for data {waiting:.0%}"
        )
        memory += f", on the GPU {max(each.memory for each in gpu) / MB:,.0f} MB"
        text += _of_gpu(load, waiting)
    else:
        text += ": reading is what holds the training up" if waiting >= _WAITING else ""
    return f"{text}. Most memory: {memory}"


def _of_gpu(load: float, waiting: float) -> str:
    if load >= _IDLE:
        return ""
    if waiting >= _WAITING:
        return ": reading is what holds it up"
    return ": it waits for the processor, a larger batch_size or --compile gives it more to do"


def picture(looks: Sequence[Sample], path: Path) -> bool:
    """Draw memory and load over time; whether there was enough for a picture."""
    if len(looks) < _LEAST_LOOKS:
        return False
    # not at the top: a second at the start of every run
    from matplotlib.ticker import PercentFormatter

    figure = white_figure((9, 5.6), h_pad=0.08)
    upper, lower = figure.subplots(2, 1, sharex=True)
    unit, across = _unit(looks[-1].seconds)
    times = np.array([look.seconds for look in looks]) / unit
    for label, color, values in _memories(looks):
        upper.plot(times, values, color=color, lw=1.8, label=label)
    upper.set_ylim(0, None)
    upper.margins(y=0.15)
    upper.set_ylabel("memory, GB")
    for label, color, values in _loads(looks):
        lower.plot(times, values, color=color, lw=1.6, label=label)
    lower.fill_between(times, _waits(looks), color=ORANGE, alpha=0.25, lw=0, step="pre")
    name = "waiting for data"
    lower.plot(times, _waits(looks), color=ORANGE, lw=1.2, ds="steps-pre", label=name)
    lower.set_ylim(0, 1.05)
    lower.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    lower.set_ylabel("of the time")
    lower.set_xlabel(across)
    for axes in (upper, lower):
        _furnish(axes)
    save_figure(figure, path, dpi=130)
    return True


def _furnish(axes: "Axes") -> None:
    axes.margins(x=0.01)
    style_axes(axes)
    legend_above(axes, 4)


def _memories(looks: Sequence[Sample]) -> Iterator[tuple[str, str, list[float]]]:
    yield "process", BLUE, [look.host.memory / 1e9 for look in looks]
    if all(look.gpu for look in looks):
        gpus = [look.gpu for look in looks if look.gpu]
        yield "GPU", GREEN, [gpu.memory / 1e9 for gpu in gpus]
        yield "GPU, this process", SOFT, [gpu.own / 1e9 for gpu in gpus]


def _loads(looks: Sequence[Sample]) -> Iterator[tuple[str, str, list[float]]]:
    if all(look.gpu for look in looks):
        yield "GPU busy", GREEN, [look.gpu.load for look in looks if look.gpu]
    yield "all processes", SOFT, [look.host.machine_load for look in looks]
    yield "this process", BLUE, [min(look.host.load, 1.0) for look in looks]


def _waits(looks: Sequence[Sample]) -> list[float]:
    return [np.nan if look.waiting is None else look.waiting for look in looks]


def _unit(seconds: float) -> tuple[float, str]:
    if seconds < 300:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")
