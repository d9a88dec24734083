"""caffe.Timer."""

import time

import torch

from catdog.pycaffe.mode import mode


class Timer:
    """A stop watch; `ms` is the time between start and stop in milliseconds."""

    def __init__(self) -> None:
        self._begun = self._ended = 0.0

    def start(self) -> None:
        """Begin, when all work of the device is done."""
        self._begun = _now()

    def stop(self) -> None:
        """End, when all work of the device is done."""
        self._ended = _now()

    @property
    def ms(self) -> float:
        """Milliseconds from start to stop."""
        return (self._ended - self._begun) * 1000


def _now() -> float:
    if mode.device.type == "cuda":
        torch.cuda.synchronize(mode.device)
    return time.perf_counter()
