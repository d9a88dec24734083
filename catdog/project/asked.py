"""What may be asked of `catdog fit` in Python, where no command line has looked at it before."""

import os
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

from catdog.errors import CatdogError
from catdog.project.request import Request
from catdog.runtime.devices import device_named

_NUMBERS = ("epochs", "lr", "minutes")
_WHOLE = ("batch", "size", "seed")


def checked(asked: Request) -> Request:
    """The request in Python's own numbers. Raises CatdogError, with the name, for a wrong value."""
    if asked.epochs and asked.minutes:
        raise CatdogError(
            "epochs and minutes exclude each other",
            remedy="say how often it sees the photos, or how long it may take",
        )
    if not isinstance(asked.device, str):
        raise CatdogError(f"got {asked.device!r}", where="device", remedy="cpu, cuda or cuda:1")
    if asked.device:
        device_named(asked.device, "device")
    numbers: dict[str, Any] = {name: _number(name, getattr(asked, name)) for name in _NUMBERS}
    whole: dict[str, Any] = {name: _whole(name, getattr(asked, name)) for name in _WHOLE}
    return replace(asked, **numbers, **whole)


def check_paths(**paths: object) -> None:
    """Raise CatdogError, with the name, for what is no path."""
    for name, value in paths.items():
        if not isinstance(value, str | os.PathLike) or not str(value):
            raise CatdogError(f"{name}={value!r} is no path")


def _number(name: str, value: Any) -> float:
    known = isinstance(value, Real) and not isinstance(value, bool)
    if not known or not 0 <= float(value) < float("inf"):
        raise CatdogError(f"{name}={value!r} is no number above 0")
    return int(value) if isinstance(value, Integral) else float(value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise CatdogError(f"{name}={value!r} is no whole number from {int(name != 'seed')} on")
    return int(value)
