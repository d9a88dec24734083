"""A small net of every kind of connection, with drawn weights."""

import cv2
import numpy as np
import pytest

from catdog import opencv
from tests.opencv.cases import draw_weights

TEXT = """
name: "small"
input: "data"
input_dim: 1 input_dim: 3 input_dim: 16 input_dim: 16
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "sc1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "drop1" type: "Dropout" bottom: "pool1" top: "pool1" }
layer { name: "fc" type: "InnerProduct" bottom: "pool1" top: "fcout"
  inner_product_param { num_output: 5 } }
layer { name: "fc2" type: "InnerProduct" bottom: "pool1" top: "fc2"
  inner_product_param { num_output: 3 } }
layer { name: "prob" type: "Softmax" bottom: "fcout" top: "probtop" }
"""


@pytest.fixture
def files(tmp_path):
    text, weights = tmp_path / "small.prototxt", tmp_path / "small.caffemodel"
    text.write_text(TEXT)
    draw_weights(text, weights)
    return text, weights


@pytest.fixture
def net(files):
    return opencv.readNetFromCaffe(*files)


@pytest.fixture
def photo():
    return np.random.default_rng(3).normal(size=(1, 3, 16, 16)).astype(np.float32)


@pytest.fixture
def installed(monkeypatch):
    """OpenCV's own names come back afterwards."""
    for name in ("Net", "DetectionModel", "ClassificationModel", "SegmentationModel"):
        monkeypatch.setattr(cv2, f"dnn_{name}", getattr(cv2, f"dnn_{name}"))
        monkeypatch.setattr(cv2.dnn, name, getattr(cv2.dnn, name))
    monkeypatch.setattr(cv2, "dnn_KeypointsModel", cv2.dnn_KeypointsModel)
    monkeypatch.setattr(cv2.dnn, "KeypointsModel", cv2.dnn.KeypointsModel)
    monkeypatch.setattr(cv2.dnn, "readNet", cv2.dnn.readNet)
    for name in ("dnn_registerLayer", "dnn_unregisterLayer"):
        monkeypatch.setattr(cv2, name, getattr(cv2, name))
    monkeypatch.setattr(cv2.dnn, "readNetFromCaffe", None, raising=False)
    opencv.install()
