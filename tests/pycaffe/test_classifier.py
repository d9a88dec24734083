"""Classifier and Detector: pictures in, predictions out."""

import cv2
import numpy as np
import pytest

import catdog.pycaffe as caffe
from catdog.errors import CatdogError
from tests.pycaffe.nets import DEPLOY


@pytest.fixture
def model(write, tmp_path):
    """A deploy net and its weights."""
    file = write(DEPLOY)
    caffe.Net(file, caffe.TEST).save(tmp_path / "w.caffemodel")
    return file, str(tmp_path / "w.caffemodel")


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return [rng.random((11, 13, 3)).astype(np.float32) for _ in range(3)]


def test_predictions_are_means_over_ten_crops(model, pictures):
    settings = {"mean": np.array([1.0, 2, 3]), "raw_scale": 255, "channel_swap": (2, 1, 0)}
    classifier = caffe.Classifier(*model, image_dims=(8, 8), input_scale=0.1, **settings)
    got = classifier.predict(pictures)
    assert got.shape == (3, 3)
    resized = [caffe.io.resize_image(picture, (8, 8)) for picture in pictures]
    crops = caffe.io.oversample(resized, (6, 6))
    data = (crops.transpose(0, 3, 1, 2)[:, ::-1] * 255 - [[[1]], [[2]], [[3]]]) * 0.1
    net = caffe.Net(model[0], caffe.TEST, weights=model[1])
    wanted = net.forward_all(data=data)["prob"].reshape(3, 10, 3).mean(1)
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


def test_predictions_of_the_crop_in_the_middle(model, pictures):
    got = caffe.Classifier(*model, image_dims=(9, 10)).predict(pictures, oversample=False)
    data = [caffe.io.resize_image(picture, (9, 10))[1:7, 2:8] for picture in pictures]
    net = caffe.Net(model[0], caffe.TEST, weights=model[1])
    wanted = net.forward_all(data=np.asarray(data).transpose(0, 3, 1, 2))["prob"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4)
    whole = caffe.Classifier(*model)
    assert whole.image_dims.tolist() == [6, 6] and whole.predict(pictures, False).shape == (3, 3)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    return str(path)


def test_windows_are_warped_to_the_input(model, photo):
    detector = caffe.Detector(*model, raw_scale=255)
    windows = np.array([[2, 3, 20, 30], [0, 0, 30, 40]])
    found = detector.detect_windows([(photo, windows)])
    image = caffe.io.load_image(photo)
    for window, detection in zip(windows, found, strict=True):
        crop = image[window[0] : window[2], window[1] : window[3]]
        data = 255 * caffe.io.resize_image(crop, (6, 6)).transpose(2, 0, 1)
        wanted = detector.forward_all(data=data[None])["prob"][0]
        np.testing.assert_allclose(detection["prediction"], wanted, rtol=1e-4)
        assert detection["filename"] == photo and (detection["window"] == window).all()


def test_surroundings_are_the_picture_and_beyond_it_the_mean(model, photo):
    mean = np.array([10.0, 20.0, 30.0])
    settings = {"mean": mean, "raw_scale": 255, "channel_swap": (2, 1, 0)}
    detector = caffe.Detector(*model, context_pad=1, **settings)
    image = caffe.io.load_image(photo)
    inside = detector.crop(image, np.array([10, 10, 17, 17]))
    # 8 pixels and half of them more: 12 around the middle, 8 of 8 x 6/4 in the input
    np.testing.assert_allclose(inside, caffe.io.resize_image(image[8:20, 8:20], (6, 6)), atol=0.2)
    corner = detector.crop(image, np.array([0, 0, 7, 7]))
    np.testing.assert_allclose(corner[0], np.tile(mean[::-1] / 255, (6, 1)), rtol=1e-5)
    assert len(detector.detect_windows([(photo, [[0, 0, 7, 7]])])) == 1
    assert detector.detect_windows([]) == []


def test_selective_search_is_somebody_elses(model, photo):
    with pytest.raises(CatdogError, match="give windows to detect_windows"):
        caffe.Detector(*model).detect_selective_search([photo])
