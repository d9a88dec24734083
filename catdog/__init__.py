"""The Caffe workflow on PyTorch: declared nets and solvers, trained with Caffe's arithmetic.

    import catdog

    run = catdog.train("solver.yaml", max_iter=1000)
    run.curve()
    run.predictor()("photo.jpg").label

fit            photos to a trained net in a folder of its own, in one call
train          train a net as a solver file says, with its fields as keywords; gives a Run
lr_find        a learning rate, by a short training in which it grows
Run, runs      what a training left: curve, metrics, weights; those below a folder
Predictor      a trained net and photos to names and probabilities
build_stores   photos to LMDBs and their mean
open_store     an LMDB of photos as a torch Dataset
read_net, Net  a net's file, and the torch module that it describes
deploy         the same without data layers: a torch module of tensors
load_weights   weights of any kind into a net, by layer name
read_solver, Solver   a solver's file, and the training loop itself
CatdogError, Unreadable   what is raised: where, what, remedy; a photo that is none

docs/python.md tells it all with examples, docs/architecture.md what stands behind it. Names are
imported when they are first used, so that `import catdog` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from catdog.runtime.openmp import wait_asleep

wait_asleep()

if TYPE_CHECKING:
    from catdog.data.images import Unreadable
    from catdog.errors import CatdogError
    from catdog.inference.predictor import Predictor
    from catdog.interface.building import build_stores
    from catdog.interface.nets import deploy, load_weights, read_net, read_solver
    from catdog.interface.rates import lr_find
    from catdog.interface.run import Run, runs
    from catdog.interface.stores import open_store
    from catdog.interface.training import train
    from catdog.net.net import Net
    from catdog.project.fitting import fit
    from catdog.solver.solver import Solver

__all__ = [
    "CatdogError",
    "Net",
    "Predictor",
    "Run",
    "Solver",
    "Unreadable",
    "__version__",
    "build_stores",
    "deploy",
    "fit",
    "load_weights",
    "lr_find",
    "open_store",
    "read_net",
    "read_solver",
    "runs",
    "train",
]

#: Where each name lives.
_HOMES = {
    "CatdogError": "catdog.errors",
    "Net": "catdog.net.net",
    "Predictor": "catdog.inference.predictor",
    "Run": "catdog.interface.run",
    "Solver": "catdog.solver.solver",
    "Unreadable": "catdog.data.images",
    "build_stores": "catdog.interface.building",
    "deploy": "catdog.interface.nets",
    "fit": "catdog.project.fitting",
    "load_weights": "catdog.interface.nets",
    "lr_find": "catdog.interface.rates",
    "open_store": "catdog.interface.stores",
    "read_net": "catdog.interface.nets",
    "read_solver": "catdog.interface.nets",
    "runs": "catdog.interface.run",
    "train": "catdog.interface.training",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("catdog-torch")
    if name not in _HOMES:
        raise AttributeError(f"module 'catdog' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
