"""Forked processes in which nets run on."""

import multiprocessing

import cv2
import numpy as np
import pytest
import torch

import catdog.pycaffe as caffe
from tests.pycaffe.test_data import FORMATS

WIDE = """
force_backward: true
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 4 dim: 3 dim: 96 dim: 96 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 16 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "sum" type: "Reduction" bottom: "conv" top: "sum" loss_weight: 1 }
"""

# what is tested here
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.fixture(autouse=True)
def two_threads():
    """Of torch and OpenCV, both of which have been at work."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    cv2.cvtColor(np.zeros((2000, 2000, 3), np.uint8), cv2.COLOR_BGR2HSV)
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def in_a_fork(function):
    """What a function gives in a forked process, within half a minute."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    process = fork.Process(target=lambda: there.send(function()))
    process.start()
    try:
        assert here.poll(30), "no answer"
        return here.recv()
    finally:
        process.kill()
        process.join()


def forward_and_backward(net):
    net.blobs["data"].data[...] = 1
    net.forward()
    net.backward()
    return float(net.blobs["sum"].data), net.blobs["data"].diff.copy()


def test_nets_run_in_a_fork_of_a_process_that_ran_one(write):
    path = write(WIDE)
    net = caffe.Net(path, caffe.TEST)
    total, diff = forward_and_backward(net)
    weights = net.params["conv"][0].data.copy()

    def new():
        other = caffe.Net(path, caffe.TEST)
        other.params["conv"][0].data[...] = weights
        return forward_and_backward(other)

    for found, found_diff in (in_a_fork(new), in_a_fork(lambda: forward_and_backward(net))):
        assert found == pytest.approx(total, rel=1e-4)
        np.testing.assert_allclose(found_diff, diff, rtol=1e-4, atol=1e-6)


def test_data_layers_go_on_in_a_fork(monkeypatch):
    monkeypatch.chdir(FORMATS)
    net = caffe.Net("datalayer/raw_plain.prototxt", caffe.TEST)
    net.forward()
    there = in_a_fork(lambda: [net.forward()["label"].copy() for _ in range(2)])
    here = [net.forward()["label"].copy() for _ in range(2)]
    np.testing.assert_array_equal(there, here)
