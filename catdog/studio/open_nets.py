"""Nets that were asked lately, which are kept open."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from catdog.errors import WeightsError
from catdog.inference.open_nets import NetOptions
from catdog.inference.predictor import Predictor

#: Nets that are open at the same time.
MOST = 3
#: Nets are on the CPU: a GPU is a training's.
_OPTIONS = NetOptions(device="cpu", scores=True)

_Stamp = tuple[int, ...]


class OpenNet(NamedTuple):
    """A predictor, and the lock of who asks it: layers are changed while a net is explained."""

    weights: Path
    predictor: Predictor
    lock: threading.Lock


class OpenNets:
    """The nets of weight files, read again where a file has changed.

    Args:
        most: so many are kept, those that were asked last.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Path, tuple[_Stamp, OpenNet]] = OrderedDict()
        self._lock, self._opening = threading.Lock(), threading.Lock()

    def net(self, weights: Path) -> OpenNet:
        """The net of a file. Raises as `NetOptions.open`, and WeightsError for no file."""
        stamp = _stamp(weights)
        if found := self._known(weights, stamp):
            return found
        # one after the other: two at once would take the memory of both
        with self._opening:
            if found := self._known(weights, stamp):
                return found
            opened = OpenNet(weights, _OPTIONS.open(weights), threading.Lock())
            with self._lock:
                self._kept[weights] = stamp, opened
                self._kept.move_to_end(weights)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return opened

    @contextmanager
    def asked(self, weights: Path) -> Iterator[Predictor]:
        """The predictor of a file, for this thread alone. Raises as `net`."""
        found = self.net(weights)
        with found.lock:
            yield found.predictor

    def _known(self, weights: Path, stamp: _Stamp) -> OpenNet | None:
        with self._lock:
            kept = self._kept.get(weights)
            if kept is None or kept[0] != stamp:
                return None
            self._kept.move_to_end(weights)
            return kept[1]


def _stamp(weights: Path) -> _Stamp:
    try:
        status = weights.stat()
    except OSError:
        remedy = "choose another in the list"
        raise WeightsError("no such file", where=str(weights), remedy=remedy) from None
    return status.st_mtime_ns, status.st_size, status.st_ino
