"""Trained nets of other people with layers of SSD's family, against the fork and OpenCV's dnn."""

from pathlib import Path

import numpy as np
import pytest

import catdog.pycaffe as caffe

MODELS = Path(__file__).parents[3] / "shared/data/models"
pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason="../shared/data/models is not here")


def answers(name, prepare):
    """The arrays that were recorded, and what the net makes of each picture."""
    recorded = np.load(MODELS / f"{name}.npz")
    stem = str(MODELS / name)
    net = caffe.Net(f"{stem}.prototxt", caffe.TEST, weights=f"{stem}.caffemodel")
    for index in range(3):
        (entry,) = net.inputs
        picture = prepare(recorded[f"in:{index}"].astype(np.float32))
        net.blobs[entry].data[...] = picture.transpose(2, 0, 1)
        yield index, recorded, net.forward()


def test_a_face_detector_with_its_priors_outside():
    for index, recorded, tops in answers("slim-320", lambda x: (x[..., ::-1] - 127) / 128):
        for name in ("boxes", "scores"):
            expected = recorded[f"opencv:{index}:{name}"]
            np.testing.assert_allclose(tops[name], expected, atol=1e-5 * np.abs(expected).max())


def test_a_face_detector_with_clustered_priors_and_detections():
    for index, recorded, tops in answers("face-detection-retail-0044", lambda x: x):
        found = tops["detection_out"]
        expected = recorded[f"caffe:{index}:detection_out"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        # OpenCV's rows fall by score, and end with zeros
        rows = recorded[f"opencv:{index}:detection_out"].reshape(-1, 7)
        rows = rows[rows[:, 2] > 0]
        np.testing.assert_allclose(by_score(found.reshape(-1, 7)), by_score(rows), atol=1e-5)


def by_score(rows):
    return rows[np.lexsort((rows[:, 3], -rows[:, 2]))]
