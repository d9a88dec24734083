"""Small pictures for pages: shrunk, and as a JPEG in the page itself."""

import base64
from typing import cast

import cv2

from catdog.data.images import Pixels

#: The longer side of a thumbnail, in pixels: sharp on a phone, a few kilobytes.
THUMBNAIL = 240


def thumbnail(picture: Pixels, side: int = THUMBNAIL) -> Pixels:
    """A picture with its longer side at most so many pixels long, its shape kept."""
    height, width = picture.shape[:2]
    factor = min(1.0, side / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cast(Pixels, cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def in_base64(picture: Pixels, quality: int) -> str:
    """A picture as a JPEG of this quality (0 to 100), in base64."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return base64.b64encode(data).decode()
