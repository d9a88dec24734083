"""The Caffe workflow on PyTorch: declared nets and solvers, trained with Caffe's arithmetic.

These few names are the Python interface; the packages below are the house behind it, see
docs/architecture.md. They are imported when they are first used, so that `import catdog` is quick.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catdog.inference.predictor import Predictor
    from catdog.net.net import Net
    from catdog.project.fitting import fit
    from catdog.solver.solver import Solver
    from catdog.spec import read_net, read_solver
    from catdog.training.train import train

__all__ = ["Net", "Predictor", "Solver", "__version__", "fit", "read_net", "read_solver", "train"]

#: Where each name lives.
_HOMES = {
    "Net": "catdog.net.net",
    "Predictor": "catdog.inference.predictor",
    "Solver": "catdog.solver.solver",
    "fit": "catdog.project.fitting",
    "read_net": "catdog.spec",
    "read_solver": "catdog.spec",
    "train": "catdog.training.train",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("catdog-torch")
    if name not in _HOMES:
        raise AttributeError(f"module 'catdog' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
