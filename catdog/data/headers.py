"""What a picture file says of itself in its first bytes, without decoding it."""

from collections.abc import Iterator
from typing import Literal

Kind = Literal["gray", "cmyk", "alpha", "sixteen_bit", "rotated"]
"""What makes a picture another than eight-bit BGR the right way up; the names of the fields of
DatasetCount."""

NO_KIND: frozenset[Kind] = frozenset()

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_END_OF_PNG = b"IEND"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"
_STAND_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NONE = 0
_APP1, _EXIF = 0xE1, b"Exif\0\0"
_ORIENTATION, _UPRIGHT = 0x0112, 1


def format_name(data: bytes) -> str:
    """`JPEG` or `PNG`, whose headers are read here, or nothing."""
    return "JPEG" if data.startswith(_JPEG) else "PNG" if data.startswith(_PNG) else ""


def png_kinds(data: bytes) -> frozenset[Kind]:
    """What a PNG is, from its header and the small chunks before its pixels."""
    kinds: set[Kind] = set()
    depth, color = data[24:25], data[25:26]
    if depth == b"\x10":
        kinds.add("sixteen_bit")
    if color in (b"\0", b"\4"):
        kinds.add("gray")
    if color in (b"\4", b"\6"):
        kinds.add("alpha")
    at = len(_PNG)
    while at + 8 <= len(data):
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if name == b"IDAT":
            break
        if name == b"tRNS":
            kinds.add("alpha")
        if name == b"eXIf" and _is_turned(data[at + 8 : at + 8 + length]):
            kinds.add("rotated")
        at += length + 12
    return frozenset(kinds)


def png_pixels(data: bytes) -> int:
    """Width times height of a PNG."""
    return int.from_bytes(data[16:20]) * int.from_bytes(data[20:24])


def png_is_whole(data: bytes) -> bool:
    """Whether all chunks of a PNG lie within it, up to its end."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        at += length + 12
        if name == _END_OF_PNG:
            return at <= len(data)
    return False


def jpeg_pixels(data: bytes) -> int:
    """Width times height of a JPEG, the most that any of its frames says."""
    frames = (at for marker, at in _segments(data) if marker in _FRAMES)
    return max(
        (int.from_bytes(data[a + 5 : a + 7]) * int.from_bytes(data[a + 7 : a + 9]) for a in frames),
        default=0,
    )


def jpeg_kinds(data: bytes) -> tuple[frozenset[Kind], bool]:
    """What a JPEG is, and whether it is whole: its end marker follows its scans."""
    kinds: set[Kind] = set()
    at = 0
    for marker, at in _segments(data):
        if marker == _START_OF_SCAN:
            # inside a scan every 0xFF is escaped, so this can only be the marker itself
            return frozenset(kinds), data.rfind(_END_OF_IMAGE, at) >= 0
        if marker in _FRAMES and at + 9 < len(data):
            kinds |= _component_kinds(data[at + 9])
        segment = data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
        if marker == _APP1 and segment.startswith(_EXIF) and _is_turned(segment[len(_EXIF) :]):
            kinds.add("rotated")
    return frozenset(kinds), at + 4 <= len(data)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Markers of a JPEG and where they stand, up to its first scan or, with marker 0, to what is
    none."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _STAND_ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        yield marker, at
        if marker == _START_OF_SCAN:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    yield _NONE, at


def _component_kinds(components: int) -> frozenset[Kind]:
    if components == 1:
        return frozenset(("gray",))
    return frozenset(("cmyk",)) if components == 4 else NO_KIND


def _is_turned(exif: bytes) -> bool:
    """Whether the orientation in an EXIF block (a TIFF header, a list) is not upright."""
    order: Literal["little", "big"] = "little" if exif[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], order)

    start = number(4, 4)
    for entry in range(start + 2, start + 2 + 12 * number(start, 2), 12):
        if number(entry, 2) == _ORIENTATION:
            return _UPRIGHT < number(entry + 8, 2) <= 8
        if entry >= len(exif):
            break
    return False
