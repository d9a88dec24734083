"""pycaffe's public interface over catdog: `import catdog.pycaffe as caffe`.

After that line `import caffe` and `from caffe import layers` find it too, in Python layers as well,
unless there is another `caffe` to be found. `python -m catdog.pycaffe script.py` runs a script
unchanged.
"""

from catdog.layers.blob import Blob
from catdog.proto.caffe_pb2 import TEST, TRAIN
from catdog.pycaffe import classifier, detector, io, net_spec, proto
from catdog.pycaffe.classifier import Classifier
from catdog.pycaffe.detector import Detector
from catdog.pycaffe.forking import compute_alone_when_forked
from catdog.pycaffe.glog import init_log, log
from catdog.pycaffe.install import install_if_alone
from catdog.pycaffe.layer import Layer, layer_type_list
from catdog.pycaffe.mode import (
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_multiprocess,
    set_random_seed,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from catdog.pycaffe.nccl import NCCL, has_nccl
from catdog.pycaffe.net import Net
from catdog.pycaffe.net_spec import NetSpec, layers, params, to_proto
from catdog.pycaffe.solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    Solver,
    get_solver,
)
from catdog.pycaffe.timer import Timer

#: Caffe's: scripts compare it.
__version__ = "1.0.0"

__all__ = [
    "NCCL",
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Blob",
    "Classifier",
    "Detector",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "Solver",
    "Timer",
    "classifier",
    "detector",
    "get_solver",
    "has_nccl",
    "init_log",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "net_spec",
    "params",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]

compute_alone_when_forked()
install_if_alone()
