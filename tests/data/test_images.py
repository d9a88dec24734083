"""Decoding, equalising and resizing against OpenCV called by hand; odd files of every kind."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.data import images
from catdog.data.headers import jpeg_kinds, png_kinds
from catdog.proto.caffe_pb2 import DatasetParameter
from tests.pictures import by_pillow, encoded, picture, turned_jpeg

SIXTEEN = (picture().astype(np.uint16)) << 8
ALPHA = np.dstack([picture(), picture()[:, :, 0]])


def by_hand(data, width, height):
    """The recipe as a script would have it."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    for channel in range(3):
        pixels[:, :, channel] = cv2.equalizeHist(pixels[:, :, channel])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)


@settings(max_examples=40, deadline=None)
@given(*[st.integers(1, 120)] * 4, st.integers(0, 99), st.booleans())
def test_prepare_is_the_recipe(width, height, to_width, to_height, seed, noisy):
    pixels = picture(width, height, seed)
    if noisy:
        pixels = np.random.default_rng(seed).integers(0, 256, pixels.shape, dtype=np.uint8)
    data = encoded(pixels, ".png")
    recipe = DatasetParameter(
        width=to_width, height=to_height, equalize=True, interpolation=DatasetParameter.CUBIC
    )
    planes = images.prepare(images.decode(data).pixels, recipe)
    assert planes.shape == (3, to_height, to_width)
    assert (planes == by_hand(data, to_width, to_height)).all()


def test_channel_orders_and_no_preparation(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture(), ".png"))
    bgr = images.load(path, DatasetParameter(channel_order=DatasetParameter.BGR))
    rgb = images.load(path, DatasetParameter(channel_order=DatasetParameter.RGB))
    gray = images.load(path, DatasetParameter(channel_order=DatasetParameter.GRAY))
    assert (bgr == picture().transpose(2, 0, 1)).all()
    assert (rgb == bgr[::-1]).all()
    assert (gray[0] == cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)).all()


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (encoded(picture()), set()),
        (encoded(picture(), ".png"), set()),
        (encoded(picture()[:, :, 0]), {"gray"}),
        (encoded(picture()[:, :, 0], ".png"), {"gray"}),
        (by_pillow("CMYK", "JPEG"), {"cmyk"}),
        (by_pillow("RGB", "JPEG", progressive=True), set()),
        (by_pillow("P", "PNG"), set()),
        (by_pillow("P", "PNG", transparency=0), {"alpha"}),
        (by_pillow("LA", "PNG"), {"gray", "alpha"}),
        (by_pillow("RGB", "GIF"), set()),
        (encoded(ALPHA, ".png"), {"alpha"}),
        (encoded(ALPHA, ".webp"), {"alpha"}),
        (encoded(SIXTEEN, ".png"), {"sixteen_bit"}),
        (encoded(SIXTEEN, ".tif"), {"sixteen_bit"}),
        (encoded(picture()[:, :, 0], ".bmp"), {"gray"}),
        (turned_jpeg(picture(), 6), {"rotated"}),
        (turned_jpeg(picture(), 3, ">"), {"rotated"}),
        (turned_jpeg(picture(), 1), set()),
        (encoded(picture(1, 1)), set()),
        (encoded(picture()) + b"after the end", set()),
    ],
)
def test_odd_files_are_converted_and_named(data, kinds):
    pixels, found = images.decode(data)
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert found == kinds


def test_orientation_turns_the_pixels():
    upright = images.decode(turned_jpeg(picture(), 1)).pixels
    turned = images.decode(turned_jpeg(picture(), 6)).pixels
    assert (turned == cv2.rotate(upright, cv2.ROTATE_90_CLOCKWISE)).all()


def test_sixteen_bits_become_eight():
    assert (images.decode(encoded(SIXTEEN, ".png")).pixels == picture()).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"these are words, not a picture", "not a picture that can be decoded"),
        (encoded(picture())[:-2], "truncated JPEG"),
        (encoded(picture())[:200], "truncated JPEG"),
        (encoded(picture(), ".png")[:-30], "damaged PNG"),
        (b"\xff\xd8\xff\xe0", "truncated JPEG"),
        (b"\xff\xd8\xff\xda\0\2\xff\xd9", "damaged JPEG"),
        (b"\x89PNG\r\n\x1a\n", "damaged PNG"),
        (b"GIF89a", "not a picture that can be decoded"),
    ],
)
def test_what_cannot_be_read_has_a_reason(data, reason, tmp_path, capfd):
    with pytest.raises(images.Unreadable, match=reason):
        images.decode(data)
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    with pytest.raises(images.Unreadable, match=f"bad.jpg: {reason}"):
        images.load(path, DatasetParameter())
    capfd.readouterr()  # libpng and OpenCV complain on their own


def test_empty_and_missing_files(tmp_path):
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(images.Unreadable, match="empty file"):
        images.read_file(tmp_path / "empty.jpg")
    with pytest.raises(images.Unreadable, match="no such file"):
        images.read_file(tmp_path / "missing.jpg")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_bytes_after_a_header_are_read_or_refused(data):
    start = data.draw(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b""]))
    content = start + data.draw(st.binary(max_size=80))
    assert isinstance(png_kinds(content), frozenset)
    assert isinstance(jpeg_kinds(content)[0], frozenset)


SIZES = [(40, 30), (30, 40), (16, 16), (90, 7), (7, 90), (1, 1), (1, 200)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_padded_pictures_keep_their_proportions(width, height, channels):
    pixels = picture(width, height)[:, :, 0] if channels == 1 else picture(width, height)
    recipe = DatasetParameter(width=24, height=16, resize=DatasetParameter.PAD)
    recipe.channel_order = DatasetParameter.GRAY if channels == 1 else DatasetParameter.BGR
    padded = images.prepare(pixels.copy(), recipe)
    assert padded.shape == (channels, 16, 24)
    inner_width = max(1, round(min(24, width * 16 / height)))
    inner_height = max(1, round(min(16, height * 24 / width)))
    left, top = (24 - inner_width) // 2, (16 - inner_height) // 2
    inside = np.zeros((16, 24), bool)
    inside[top : top + inner_height, left : left + inner_width] = True
    fitted = cv2.resize(pixels, (inner_width, inner_height), interpolation=cv2.INTER_NEAREST)
    planes = fitted.reshape(inner_height, inner_width, channels).transpose(2, 0, 1)
    assert (padded[:, inside] == planes.reshape(channels, -1)).all()
    color = pixels.reshape(-1, channels).mean(0).round()
    assert (padded[:, ~inside] == color[:, None]).all()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_cropped_pictures_keep_their_proportions_and_middle(width, height):
    recipe = DatasetParameter(
        width=24, height=16, resize=DatasetParameter.CROP, interpolation=DatasetParameter.LINEAR
    )
    pixels = picture(width, height)
    cropped = images.prepare(pixels.copy(), recipe)
    if width * 2 >= height * 3:
        inner = min(width, max(1, round(height * 1.5)))
        left = (width - inner) // 2
        part = pixels[:, left : left + inner]
    else:
        inner = min(height, max(1, round(width / 1.5)))
        top = (height - inner) // 2
        part = pixels[top : top + inner]
    assert (cropped == cv2.resize(part, (24, 16)).transpose(2, 0, 1)).all()


def test_pictures_of_the_right_proportions_are_the_same_in_every_way():
    ways = [
        images.prepare(picture(48, 32), DatasetParameter(width=24, height=16, resize=way))
        for way in DatasetParameter.Resize.values()
    ]
    assert (ways[0] == ways[1]).all()
    assert (ways[0] == ways[2]).all()
