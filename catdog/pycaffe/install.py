"""`import caffe` finds this package."""

import importlib
import sys

#: Modules of pycaffe, by their names in it.
_MODULES = (
    *("classifier", "coord_map", "detector", "draw", "io", "net_spec", "proto"),
    "_caffe",
)


def install() -> None:
    """Make `import caffe`, `import caffe.io` and so on find catdog.pycaffe and its modules.

    Nothing happens where a `caffe` is imported already.
    """
    if "caffe" in sys.modules:
        return
    package = importlib.import_module("catdog.pycaffe")
    sys.modules["caffe"] = package
    # the module in which Caffe has Net itself
    sys.modules["caffe.pycaffe"] = package
    for name in _MODULES:
        sys.modules[f"caffe.{name}"] = importlib.import_module(f"catdog.pycaffe.{name}")
    sys.modules["caffe.proto.caffe_pb2"] = importlib.import_module("catdog.proto.caffe_pb2")
