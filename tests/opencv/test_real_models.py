"""Two trained nets of others give what OpenCV 4 gives."""

from pathlib import Path

import numpy as np
import pytest

from catdog import opencv

MODELS = Path(__file__).parents[3] / "shared/data/models"
#: How their authors prepare a photo: scale, mean, red and blue changed.
PREPARED = {
    "slim-320": (1 / 128, (127, 127, 127), True),
    "face-detection-retail-0044": (1.0, (0, 0, 0), False),
}


@pytest.mark.skipif(not MODELS.exists(), reason="../shared/data/models is not here")
@pytest.mark.parametrize("name", PREPARED)
def test_a_trained_net_gives_what_opencv_4_gives(name):
    stored = np.load(MODELS / f"{name}.npz")
    scale, mean, swap = PREPARED[name]
    net = opencv.readNetFromCaffe(MODELS / f"{name}.prototxt", MODELS / f"{name}.caffemodel")
    photos = [key for key in stored.files if key.startswith("in:")]
    assert len(photos) == 3
    for key in photos:
        photo = stored[key]
        height, width = photo.shape[:2]
        net.setInput(opencv.blobFromImage(photo, scale, (width, height), mean, swap))
        names = net.getUnconnectedOutLayersNames()
        for output, mine in zip(names, net.forward(names), strict=True):
            wanted = stored[f"opencv:{key.removeprefix('in:')}:{output}"]
            assert mine.shape == wanted.shape
            largest = np.abs(wanted).max()
            np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-5 * largest)
