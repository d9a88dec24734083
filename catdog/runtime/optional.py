"""Packages that only some of the tools need."""

import importlib
from types import ModuleType

from catdog.errors import CatdogError


def optional(module: str, need: str, remedy: str) -> ModuleType:
    """The module; raises CatdogError where it is not installed: what needs it, what to run."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise CatdogError(f"{need}, which is not installed", remedy=remedy) from None


def scikit(part: str) -> ModuleType:
    """`sklearn.<part>`; raises CatdogError, with the command to run, where it is not installed."""
    return optional(f"sklearn.{part}", "this needs scikit-learn", "pip install scikit-learn")
