"""What a server takes at most."""

from dataclasses import dataclass

from catdog.web.photo_size import PIXELS

_MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take.

    Args:
        body: bytes of a request's body.
        photos: photos of a request.
        pixels: pixels of a photo, by its header, before it is decoded.
        seconds: from the first byte of a request's body to its answer.
        queue: photos that are taken and not answered yet.
        held: bytes of all bodies that are read or wait.
        connections: connections that are open at the same time.
        header_bytes, header_seconds: of the lines before a body.
    """

    body: int = 32 * _MIB
    photos: int = 64
    pixels: int = PIXELS
    seconds: float = 30.0
    queue: int = 512
    held: int = 256 * _MIB
    connections: int = 1000
    header_bytes: int = 64 << 10
    header_seconds: float = 10.0
