"""A picture's size is looked at before memory is taken for it."""

import resource
import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from catdog.data import imdecode as limits
from catdog.data.datum import encoded_datum, read_example
from catdog.data.images import Unreadable, decode
from catdog.data.imdecode import SETTING, TooLarge, imdecode
from catdog.errors import CatdogError, DataError
from tests.pictures import picture

FORMS = ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"]


def encoded(form, width=30, height=20):
    file = BytesIO()
    Image.fromarray(picture(width, height)).save(file, form)
    return file.getvalue()


def png_of(width, height):
    """A PNG that says it has this size, and has no pixels."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", FORMS)
def test_each_format_is_measured_by_its_header(monkeypatch, form):
    data = encoded(form)
    height, width = 20, 30
    monkeypatch.setenv(SETTING, str(width * height))
    assert imdecode(data, cv2.IMREAD_COLOR).shape[:2] == (height, width)
    monkeypatch.setenv(SETTING, str(width * height - 1))
    with pytest.raises(TooLarge, match=r"600 pixels, more than 599; set CATDOG_MAX_PIXELS"):
        imdecode(data, cv2.IMREAD_COLOR)


def test_the_usual_limit_is_pillows():
    assert limits.USUAL_MOST == 2 * Image.MAX_IMAGE_PIXELS
    with pytest.raises(TooLarge, match="1,024,000,000 pixels, more than 178,956,970"):
        imdecode(png_of(32000, 32000), cv2.IMREAD_COLOR)
    data = bytearray(encoded("BMP"))
    struct.pack_into("<ii", data, 18, 40000, 30000)
    with pytest.raises(TooLarge, match="1,200,000,000 pixels"):
        imdecode(bytes(data), cv2.IMREAD_COLOR)


def test_every_reader_of_pictures_has_the_limit(monkeypatch, tmp_path):
    import catdog.pycaffe.io as caffe_io
    from catdog.data.sources.image import read_picture

    data = encoded("PNG")
    (tmp_path / "x.png").write_bytes(data)
    monkeypatch.setenv(SETTING, "500")
    with pytest.raises(Unreadable, match="600 pixels"):
        decode(data)
    with pytest.raises(DataError, match="600 pixels"):
        read_example(encoded_datum(data, 1).SerializeToString())
    with pytest.raises(DataError, match=r"x.png: 600 pixels"):
        read_picture(tmp_path / "x.png", color=True)
    with pytest.raises(DataError, match="600 pixels"):
        caffe_io.load_image(tmp_path / "x.png")


def test_a_setting_that_is_no_number(monkeypatch):
    monkeypatch.setenv(SETTING, "many")
    with pytest.raises(CatdogError, match='CATDOG_MAX_PIXELS: "many" is no number of pixels'):
        imdecode(encoded("PNG"), cv2.IMREAD_COLOR)


def test_what_is_no_picture_is_none():
    assert imdecode(b"", cv2.IMREAD_COLOR) is None
    assert imdecode(b"no picture", cv2.IMREAD_COLOR) is None
    assert imdecode(np.random.default_rng(0).bytes(5000), cv2.IMREAD_COLOR) is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(1, 1), (300, 200)])
def test_whole_pictures_are_pictures(form, size):
    assert imdecode(encoded(form, *size), cv2.IMREAD_COLOR).shape == (*size[::-1], 3)


def test_a_png_whose_chunk_would_take_gigabytes_is_none():
    data = bytearray(encoded("PNG"))
    at = data.index(b"IDAT")
    data[at - 4 : at] = struct.pack(">I", 0xFFFF004B)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert imdecode(bytes(data), cv2.IMREAD_COLOR) is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    # and after its end there may be what there may
    assert imdecode(encoded("PNG") + b"more", cv2.IMREAD_COLOR) is not None
