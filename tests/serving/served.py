"""A small net that is served, in this process or in one of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf import text_format
from starlette.testclient import TestClient

from catdog.inference.predictor import Predictor
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness
from catdog.serving.app import application
from catdog.serving.limits import Limits
from catdog.serving.process import Batching, service_of
from catdog.serving.service import ServedNet, Service
from catdog.web.address import Address
from catdog.weights import read_weights, weights_of, write_weights

ROOT = Path(__file__).parent.parent.parent
NET = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 1e-3 } } }
layer { name: "prob" type: "Softmax" bottom: "score" top: "prob" }
"""
CLASSES = ("cat", "dog", 'a "b" <c>')


def write_small_net(path: Path) -> Path:
    """Weights of a net of three classes, for photos of 8 x 8."""
    net = NetParameter()
    net.dataset.width = net.dataset.height = 8
    net.dataset.equalize = True
    net.dataset.class_name.extend(CLASSES)
    text_format.Parse(NET, net.deploy)
    write_weights(path, weights_of(Net(net.deploy, setting=Setting(Randomness(5))), net))
    return path


@contextmanager
def served(
    weights: Path, *, coverage: float = 0, reject: float = 0, **limits: float
) -> Iterator[tuple[Service, TestClient]]:
    """The service of some weights, warm, and a client of it."""
    found = Limits(**limits)
    predictor = Predictor(read_weights(weights), coverage=coverage, reject=reject)
    net = ServedNet(weights, [predictor], found.pixels)
    service, batcher = service_of(net, Batching(), found)
    service.is_warm = True
    app = application(service, Address("127.0.0.1", 80))
    with batcher, TestClient(app, base_url="http://127.0.0.1") as client:
        yield service, client


@contextmanager
def running(weights: Path, *flags: object) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process of `catdog serve`, which listens, and its port; it is killed at the end."""
    words = [sys.executable, "tools/serve.py", weights, "--port", 0, "--device=cpu", *flags]
    process = subprocess.Popen(list(map(str, words)), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        line = process.stderr.readline()
        match = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert match, line + process.stderr.read()
        yield process, int(match[1])
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()
