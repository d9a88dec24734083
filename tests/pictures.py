"""Picture files of every odd kind, made in memory."""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
from PIL import Image


def picture(width=40, height=30, seed=3):
    """Smooth content, so that JPEG keeps it."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def encoded(pixels, ending=".jpg"):
    return cv2.imencode(ending, pixels)[1].tobytes()


def turned_jpeg(pixels, orientation, order="<"):
    """A JPEG with an EXIF block that says how it is turned."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0" + head + struct.pack(order + "IH", 8, 1) + entry + bytes(4)
    data = encoded(pixels)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def by_pillow(mode, form, **options):
    """A file in a mode of Pillow, such as CMYK or P."""
    stream = io.BytesIO()
    Image.fromarray(picture()).convert(mode).save(stream, form, **options)
    return stream.getvalue()


def save_all(folder, files):
    """Write {name: bytes or pixels} below a folder."""
    for name, content in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else encoded(content, path.suffix)
        path.write_bytes(data)
    return Path(folder)
