"""`import caffe` finds catdog.pycaffe: here, and in the processes that are started from here."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

#: The folder in which Python finds a package `caffe`.
FOLDER = str(Path(__file__).parent / "python")

#: Modules of pycaffe, by their names in it.
_MODULES = (
    *("classifier", "coord_map", "detector", "draw", "io", "net_spec", "proto", "pycaffe"),
    "_caffe",
)


def install() -> None:
    """Make `import caffe`, `import caffe.io` and so on find catdog.pycaffe and its modules.

    Nothing happens where a `caffe` is imported already.
    """
    if "caffe" in sys.modules:
        return
    sys.modules["caffe"] = importlib.import_module("catdog.pycaffe")
    for name in _MODULES:
        sys.modules[f"caffe.{name}"] = importlib.import_module(f"catdog.pycaffe.{name}")
    sys.modules["caffe.proto.caffe_pb2"] = importlib.import_module("catdog.proto.caffe_pb2")
    if FOLDER not in sys.path:
        # multiprocessing gives its processes this path
        sys.path.append(FOLDER)


def install_for_children() -> None:
    """Have every Python that this process starts find `caffe` too."""
    paths = [FOLDER, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def install_if_alone() -> None:
    """`install`, unless there is another `caffe` that could be imported."""
    if "caffe" in sys.modules:
        return
    found = importlib.util.find_spec("caffe")
    # a folder of that name without an __init__.py has no origin
    if found is None or not found.origin or found.origin.startswith(FOLDER):
        install()
