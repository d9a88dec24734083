"""Every layer that OpenCV 4's dnn knows too gives what it gives."""

import numpy as np
import pytest

from catdog import opencv
from tests.opencv.cases import CASES, RECORDED
from tests.opencv.record import PYTHON, computed

#: Of the largest number of an output.
TOLERANCE = 1e-5


def ours(folder):
    weights = folder / "net.caffemodel"
    net = opencv.readNetFromCaffe(folder / "net.prototxt", *([weights] if weights.exists() else []))
    for name, blob in np.load(folder / "in.npz").items():
        net.setInput(blob, name)
    names = net.getUnconnectedOutLayersNames()
    return dict(zip(names, net.forward(names), strict=True))


def assert_same(mine, theirs):
    assert mine.keys() == theirs.keys()
    for name, array in theirs.items():
        assert mine[name].shape == array.shape
        largest = np.abs(array).max(initial=0) or 1
        np.testing.assert_allclose(mine[name], array, rtol=TOLERANCE, atol=TOLERANCE * largest)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_gives_what_opencv_4_gave(name, tmp_path):
    CASES[name].write(tmp_path)
    assert_same(ours(tmp_path), dict(np.load(RECORDED / f"{name}.npz")))


@pytest.mark.skipif(not PYTHON.exists(), reason="`make .venv-opencv4` has OpenCV 4")
def test_what_is_recorded_is_what_opencv_4_gives(tmp_path):
    for name, outputs in computed(CASES, tmp_path).items():
        assert_same(outputs, dict(np.load(RECORDED / f"{name}.npz")))
