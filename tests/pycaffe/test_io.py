"""caffe.io: messages to arrays and back, pictures, preprocessing."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest
import skimage
from scipy import ndimage

import catdog.pycaffe as caffe
from catdog.errors import CatdogError, DataError

BlobProto = caffe.proto.caffe_pb2.BlobProto


def test_blobs_of_all_ages_to_arrays():
    old = BlobProto(data=np.arange(6.0), num=1, channels=1, height=2, width=3)
    assert caffe.io.blobproto_to_array(old).tolist() == [[[[0, 1, 2], [3, 4, 5]]]]
    new = BlobProto(data=np.arange(6.0), diff=np.ones(6))
    new.shape.dim.extend([3, 2])
    assert caffe.io.blobproto_to_array(new).shape == (3, 2)
    assert (caffe.io.blobproto_to_array(new, return_diff=True) == 1).all()
    assert caffe.io.blobproto_to_array(BlobProto(data=[123])) == 123
    with pytest.raises(ValueError, match="reshape"):
        caffe.io.blobproto_to_array(BlobProto(data=np.zeros(100)))


def test_arrays_to_blobs_and_back():
    arrays = [np.arange(24.0).reshape(2, 3, 4), np.ones(3), np.array(7.0)]
    for array in arrays:
        blob = caffe.io.array_to_blobproto(array, diff=2 * array)
        np.testing.assert_array_equal(caffe.io.blobproto_to_array(blob), array)
        np.testing.assert_array_equal(caffe.io.blobproto_to_array(blob, True), 2 * array)
    text = caffe.io.arraylist_to_blobprotovector_str(arrays)
    assert text == caffe.io.arraylist_to_blobprotovecor_str(arrays)
    for array, other in zip(arrays, caffe.io.blobprotovector_str_to_arraylist(text), strict=True):
        np.testing.assert_array_equal(array, other)


def test_arrays_to_data_and_back():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    floats = pixels + 0.5
    for array in (pixels, floats):
        datum = caffe.io.array_to_datum(array, label=3)
        back = caffe.io.datum_to_array(datum)
        assert datum.label == 3 and back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
    assert not caffe.io.array_to_datum(pixels).HasField("label")
    with pytest.raises(ValueError, match="three axes"):
        caffe.io.array_to_datum(np.zeros((2, 3)))


@pytest.fixture
def picture(tmp_path):
    def written(array, name="picture.png"):
        cv2.imwrite(str(tmp_path / name), array)
        return tmp_path / name

    return written


def test_pictures_are_rgb_from_0_to_1(picture):
    bgr = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    image = caffe.io.load_image(picture(bgr))
    assert image.dtype == np.float32 and image.flags.c_contiguous
    np.testing.assert_allclose(image, bgr[:, :, ::-1] / 255, rtol=1e-6)
    grey = caffe.io.load_image(str(picture(bgr)), color=False)
    wanted = bgr[:, :, ::-1] / 255 @ [0.2125, 0.7154, 0.0721]
    np.testing.assert_allclose(grey[:, :, 0], wanted, rtol=1e-5)


def test_grey_deep_and_transparent_pictures(picture):
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    image = caffe.io.load_image(picture(grey))
    np.testing.assert_allclose(image, np.repeat(grey[:, :, None] / 255, 3, 2), rtol=1e-6)
    assert caffe.io.load_image(picture(grey), color=False).shape == (4, 5, 1)
    deep = np.full((2, 2, 3), 65535, np.uint16)
    assert (caffe.io.load_image(picture(deep)) == 1).all()
    clear = np.dstack([np.full((2, 2, 3), 51, np.uint8), np.zeros((2, 2), np.uint8)])
    np.testing.assert_allclose(caffe.io.load_image(picture(clear)), 0.2, rtol=1e-6)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_pictures_from_open_files_and_addresses(picture, tmp_path):
    path = picture(np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8))
    wanted = caffe.io.load_image(path)
    with path.open("rb") as opened:
        np.testing.assert_array_equal(caffe.io.load_image(opened), wanted)
    np.testing.assert_array_equal(caffe.io.load_image(BytesIO(path.read_bytes())), wanted)
    np.testing.assert_array_equal(caffe.io.load_image(path.as_uri()), wanted)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_port}/picture.png"
        np.testing.assert_array_equal(caffe.io.load_image(address), wanted)
        with pytest.raises(OSError, match="404"):
            caffe.io.load_image(address + ".none")
        server.shutdown()
    with pytest.raises(DataError, match="BytesIO: is no picture"):
        caffe.io.load_image(BytesIO(b"text"))


def test_scikit_image_where_scripts_take_it_from():
    assert caffe.io.skimage.img_as_float(np.full((2, 2), 255, np.uint8)).dtype == np.float64
    assert not hasattr(caffe.io, "none")


def test_scikit_image_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(CatdogError, match="not installed; pip install scikit-image"):
        _ = caffe.io.skimage


def test_pictures_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        caffe.io.load_image(tmp_path / "none.jpg")
    for content in (b"", b"text"):
        (tmp_path / "text.jpg").write_bytes(content)
        with pytest.raises(DataError, match="is no picture"):
            caffe.io.load_image(tmp_path / "text.jpg")


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("size", [(4, 5), (20, 31), (9, 12), (9, 6)])
def test_resize_with_pixel_centres_at_halves(order, size):
    image = np.random.default_rng(1).random((9, 12, 3)).astype(np.float32)
    got = caffe.io.resize_image(image, size, interp_order=order)
    low, high = image.min(), image.max()
    zoom = (size[0] / 9, size[1] / 12, 1)
    # what scikit-image's resize with mode "constant" is
    modes = {"mode": "grid-constant", "grid_mode": True, "prefilter": False}
    wanted = ndimage.zoom((image - low) / (high - low), zoom, order=order, **modes)
    np.testing.assert_allclose(got, wanted * (high - low) + low, rtol=1e-4, atol=1e-5)


def test_resize_without_enlarging_is_bilinear_as_everywhere():
    image = np.random.default_rng(1).random((40, 60, 3)).astype(np.float32)
    got = caffe.io.resize_image(image, (32, 48))
    np.testing.assert_allclose(got, cv2.resize(image, (48, 32)), atol=1e-4)


def test_resize_of_other_channels_has_corners_on_corners():
    image = np.random.default_rng(2).random((7, 9, 5)).astype(np.float32)
    got = caffe.io.resize_image(image, (13, 5))
    wanted = ndimage.zoom(image, (13 / 7, 5 / 9, 1), order=1)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(30, 41), (5, 9), (7, 1), (120, 80)])
def test_cubic_of_other_channels_is_scipys_spline(size):
    for shape in ((60, 80, 2), (2, 3, 5), (1, 9, 4)):
        image = np.random.default_rng(2).random(shape, np.float32) * 255
        zoom = (size[0] / shape[0], size[1] / shape[1], 1)
        got = caffe.io.resize_image(image, size, interp_order=3)
        np.testing.assert_allclose(got, ndimage.zoom(image, zoom, order=3), rtol=1e-5, atol=1e-3)


def warped(image, size, order, cval):
    """What scikit-image's resize was in Caffe's time: a warp, cut to the picture's range."""
    by = [image.shape[1] / size[1], image.shape[0] / size[0]]
    matrix = np.diag([*by, 1.0])
    matrix[:2, 2] = np.array(by) / 2 - 0.5
    motion = skimage.transform.AffineTransform(matrix=matrix)
    options = {"output_shape": size, "order": order, "cval": cval, "clip": False}
    numbers = skimage.transform.warp(image, motion, **options)
    return np.where(numbers == cval, cval, numbers.clip(image.min(), image.max()))


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("cval", [0, 0.5, 2])
@pytest.mark.parametrize("size", [(4, 5), (20, 31), (9, 12), (9, 6)])
def test_resize_is_that_of_scikit_image(order, cval, size):
    for image in (np.random.default_rng(4).random((9, 12, 3)), np.eye(9, 12) + 0.25):
        got = caffe.io.resize(image, size + image.shape[2:], order=order, cval=cval)
        np.testing.assert_allclose(got, warped(image, size, order, cval), atol=1e-12)


def test_resize_of_bytes_and_what_it_does_not_do():
    white = np.full((3, 4), 255, np.uint8)
    assert (caffe.io.resize(white, (3, 4)) == 1).all()
    assert (caffe.io.resize(white, (3, 4), preserve_range=True) == 255).all()
    for shape, mode in (((5, 5, 2), "constant"), ((5, 5), "edge")):
        with pytest.raises(CatdogError, match=r"use skimage.transform.resize"):
            caffe.io.resize(np.zeros((4, 4, 3)), shape, mode=mode)


def test_cubic_goes_through_the_pixels_and_straight_lines_stay_straight():
    line = np.tile(np.arange(10, dtype=np.float32)[:, None, None], (1, 10, 1))
    got = caffe.io.resize_image(line, (20, 10), interp_order=3)
    np.testing.assert_allclose(np.diff(got[6:14, 5, 0]), 0.5, atol=1e-4)
    np.testing.assert_allclose(caffe.io.resize_image(line, (10, 10), 3), line, atol=1e-5)


def test_a_picture_of_one_colour_stays_it():
    assert (caffe.io.resize_image(np.full((3, 4, 3), 7.0), (5, 6)) == 7).all()
    with pytest.raises(CatdogError, match="order 2"):
        caffe.io.resize_image(np.eye(4)[:, :, None], (5, 6), interp_order=2)


def test_oversample_takes_corners_middle_and_mirrored():
    image = np.arange(5 * 6 * 2, dtype=np.float32).reshape(5, 6, 2)
    crops = caffe.io.oversample([image, -image], np.array([2, 3]))
    assert crops.shape == (20, 2, 3, 2)
    corners = [(0, 0), (0, 3), (3, 0), (3, 3), (1, 1)]
    for crop, (top, left) in zip(crops, corners, strict=False):
        np.testing.assert_array_equal(crop, image[top : top + 2, left : left + 3])
    np.testing.assert_array_equal(crops[5:10], crops[:5, :, ::-1])
    np.testing.assert_array_equal(crops[10:], -crops[:10])


@pytest.fixture
def transformer():
    return caffe.io.Transformer({"data": (1, 3, 4, 5)})


def test_preprocess_takes_its_steps_in_order(transformer):
    image = np.random.default_rng(3).random((4, 5, 3)).astype(np.float32)
    mean = np.array([10.0, 20.0, 30.0])
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", mean)
    transformer.set_input_scale("data", 0.5)
    given = image.copy()
    got = transformer.preprocess("data", given)
    wanted = (image.transpose(2, 0, 1)[::-1] * 255 - mean[:, None, None]) * 0.5
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(given, image)
    np.testing.assert_allclose(transformer.deprocess("data", got), image, atol=1e-6)


def test_preprocess_resizes_first(transformer):
    image = np.random.default_rng(3).random((9, 9, 3)).astype(np.float32)
    got = transformer.preprocess("data", image)
    np.testing.assert_array_equal(got, caffe.io.resize_image(image, (4, 5)))


def test_an_untouched_picture_is_not_the_callers(transformer):
    image = np.ones((4, 5, 3), np.float32)
    transformer.preprocess("data", image)[...] = 0
    assert (image == 1).all()


def test_the_stand_in_for_imagenets_mean_picture_is_told(transformer, capfd):
    caffe.init_log(1)
    mean = np.load(Path(caffe.__file__).parent / "imagenet/ilsvrc_2012_mean.npy")
    transformer.set_mean("data", mean.mean(1).mean(1))
    assert not capfd.readouterr().err
    transformer.set_mean("data", mean)
    assert "the mean of each channel at every pixel" in capfd.readouterr().err


def test_means_of_all_shapes(transformer):
    transformer.set_mean("data", np.ones((3, 4, 5)))
    transformer.set_mean("data", np.full((3, 8, 10), 5.0))
    assert transformer.mean["data"].shape == (3, 4, 5) and (transformer.mean["data"] == 5).all()
    for wrong in (np.ones(2), np.ones((1, 3, 4, 5))):
        with pytest.raises(ValueError, match="mean"):
            transformer.set_mean("data", wrong)


def test_settings_that_do_not_fit(transformer):
    with pytest.raises(ValueError, match="number of axes"):
        transformer.set_transpose("data", (1, 0))
    with pytest.raises(ValueError, match="channels"):
        transformer.set_channel_swap("data", (1, 0))
    with pytest.raises(ValueError, match=r'"dat" is no input.*did you mean "data"'):
        transformer.set_raw_scale("dat", 255)
