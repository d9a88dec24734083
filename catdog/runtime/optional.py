"""scikit-learn, which only some of the tools need."""

import importlib
from types import ModuleType

from catdog.errors import CatdogError


def scikit(part: str) -> ModuleType:
    """`sklearn.<part>`; raises CatdogError, with the command to run, where it is not installed."""
    try:
        return importlib.import_module(f"sklearn.{part}")
    except ImportError:
        raise CatdogError(
            "this needs scikit-learn, which is not installed", remedy="pip install scikit-learn"
        ) from None
