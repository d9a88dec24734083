"""Layers of a program's own: cv2.dnn_registerLayer."""

import numpy as np
import pytest

from catdog import opencv

TEXT = b"""
input: "x" input_shape { dim: 1 dim: 2 }
layer { name: "p" type: "Power" bottom: "x" top: "p" power_param { power: 2 scale: 3 } }
layer { name: "r" type: "ReLU" bottom: "p" top: "r" }
"""


class Doubled:
    """Twice the input, and what it was made of."""

    made = []

    def __init__(self, params, blobs):
        self.made.append((params, blobs))

    def getMemoryShapes(self, inputs):
        return inputs

    def forward(self, inputs):
        return [2 * inputs[0]]


class Larger(Doubled):
    def getMemoryShapes(self, _):
        return [[5, 5]]


@pytest.fixture
def forward():
    def computed():
        net = opencv.readNetFromCaffe(TEXT)
        net.setInput(np.float32([[1, -2]]))
        return [net.forward().tolist() for _ in range(4)][-1]

    return computed


def test_a_class_computes_until_it_is_taken_back(forward):
    assert forward() == [[9, 36]]
    opencv.registerLayer("Power", Doubled)
    try:
        assert forward() == [[2, 0]]
        opencv.registerLayer("ReLU", Doubled)
        assert forward() == [[4, -8]]
        opencv.unregisterLayer("ReLU")
        assert forward() == [[2, 0]]
    finally:
        opencv.unregisterLayer("Power")
    assert forward() == [[9, 36]]
    assert ({"power": 2.0, "scale": 3.0}, []) in Doubled.made


def test_other_shapes_than_promised_are_told(forward):
    opencv.registerLayer("Power", Larger)
    try:
        with pytest.raises(
            opencv.NetError, match=r'layer "p": .* \[\[5, 5\]\] and made \[\[1, 2\]\]'
        ):
            forward()
    finally:
        opencv.unregisterLayer("Power")


def test_what_is_not_registered_cannot_be_taken_back():
    with pytest.raises(opencv.NetError, match='no class is registered for layers of type "Crop"'):
        opencv.unregisterLayer("Crop")
