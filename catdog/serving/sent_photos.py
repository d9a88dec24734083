"""The body of a request to photos: a picture, a form, or JSON with base64."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence

from catdog.errors import one_line
from catdog.inference.given_pictures import StoredPicture
from catdog.serving.limits import Limits
from catdog.serving.refusal import Refusal

FORM, JSON, BYTES = "multipart/form-data", "application/json", "application/octet-stream"
_KINDS = f"send {FORM}, {JSON}, or a picture as image/jpeg or the like"
_JSON_FORM = 'write {"photos": [{"name": "a.jpg", "data": "BASE64"}]}'
#: Signs of structure that JSON may have for each photo: more would cost memory and say nothing.
_SIGNS = 64
#: Letters of a name that are told.
_LONGEST_NAME = 200
#: Bytes of a boundary (RFC 2046), and of the headers of a part.
_LONGEST_BOUNDARY, _LONGEST_HEAD = 70, 8 << 10
#: A parameter of a header: its name, and its value with quotes or without.
_PARAMETER = re.compile(
    r"([\w*-]{1,40})=(?:\"((?:[^\"\\]|\\.)*)\"|([^;\s]*))", re.ASCII | re.DOTALL
)
_QUOTED = re.compile(r"\\(.)", re.DOTALL)


def sent_photos(content_type: str, body: bytes, limits: Limits) -> Sequence[StoredPicture]:
    """The photos of a body, in their order.

    Raises Refusal for another type, for none or too many of them, and for a body that is damaged.
    """
    kind, _, options = content_type.partition(";")
    name = kind.strip().lower()
    if not body:
        raise Refusal(400, "the body is empty", remedy=_KINDS)
    if name == FORM:
        photos = _in_form(_boundary(options), body, limits)
    elif name == JSON:
        photos = _in_json(body, limits)
    elif name.startswith("image/") or name == BYTES:
        photos = [StoredPicture(body, "photo")]
    else:
        what = f'"{name[:_LONGEST_NAME]}" is no type of photos' if name else "no Content-Type"
        raise Refusal(415, what, remedy=_KINDS)
    if not photos:
        raise Refusal(400, "no photo in the body", remedy=_KINDS)
    return photos


def _boundary(options: str) -> bytes:
    for match in _PARAMETER.finditer(options):
        if match[1].lower() == "boundary":
            return str(match[2] or match[3]).encode("latin-1")
    return b""


def _too_many(limits: Limits) -> Refusal:
    remedy = "send them in several requests"
    return Refusal(413, f"more than {limits.photos:,} photos", remedy=remedy, close=True)


def _in_form(boundary: bytes, body: bytes, limits: Limits) -> list[StoredPicture]:
    """The parts of a form, each a photo, with or without the name of a file (RFC 7578)."""
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise Refusal(400, "a form without its boundary", where="Content-Type")
    mark = b"\r\n--" + boundary
    # the first mark may stand at the very beginning
    start = 0 if body.startswith(mark[2:]) else body.find(mark) + 2
    if start == 1:
        raise Refusal(400, "a form without its parts", remedy="the boundary is not in the body")
    photos: list[StoredPicture] = []
    at = start + len(mark) - 2
    while body[at : at + 2] != b"--":
        end = body.find(mark, at)
        if end < 0:
            raise Refusal(400, "a form without its end", remedy="send all of it")
        if len(photos) >= limits.photos:
            raise _too_many(limits)
        photos.append(_part(body, at, end, len(photos)))
        at = end + len(mark)
    return photos


def _part(body: bytes, start: int, end: int, number: int) -> StoredPicture:
    """The part of a form between two boundaries."""
    head = body.find(b"\r\n\r\n", start, min(end, start + _LONGEST_HEAD))
    if head < 0:
        raise Refusal(400, "has no headers that can be read", where=f"part {number}")
    name = ""
    for line in body[start:head].split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == b"content-disposition":
            name = _name(value.decode("utf-8", "replace"))
    return StoredPicture(body[head + 4 : end], _shown(name) or f"photo {number}")


def _name(disposition: str) -> str:
    """The name of a file in a part's header, else that of the field."""
    found = {match[1].lower(): match[2] or match[3] for match in _PARAMETER.finditer(disposition)}
    return _QUOTED.sub(r"\1", found.get("filename") or found.get("name") or "")


def _in_json(body: bytes, limits: Limits) -> list[StoredPicture]:
    signs = sum(map(body.count, (b"[", b"{", b",")))
    if signs > _SIGNS * (limits.photos + 1):
        raise Refusal(413, "JSON of too many parts", remedy=_JSON_FORM, close=True)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "is no JSON that can be read", where="body", remedy=_JSON_FORM) from None
    given = found.get("photos") if isinstance(found, dict) else None
    if not isinstance(given, list):
        raise Refusal(422, "has no list of photos", where="body", remedy=_JSON_FORM)
    if others := sorted(map(str, found.keys() - {"photos"})):
        what = f'there is no "{_shown(others[0])}"'
        raise Refusal(422, what, where="body", remedy=_JSON_FORM)
    if len(given) > limits.photos:
        raise _too_many(limits)
    return list(_decoded(given))


def _decoded(given: Sequence[object]) -> Iterator[StoredPicture]:
    for number, each in enumerate(given):
        name, data = f"photo {number}", each
        if isinstance(each, dict):
            named, data = each.get("name", name), each.get("data")
            name = _shown(named) if isinstance(named, str) and named else name
        if not isinstance(data, str):
            raise Refusal(422, "has no data in base64", where=name, remedy=_JSON_FORM)
        # a data: address, as a browser makes them, carries its photo
        text = data.partition(",")[2] if data.startswith("data:") else data
        try:
            yield StoredPicture(base64.b64decode(text, validate=True), name)
        except (binascii.Error, ValueError):
            raise Refusal(422, "is no base64", where=name, remedy=_JSON_FORM) from None


def _shown(name: str) -> str:
    """A name that a client sent, in one line and not endless."""
    return one_line(name[:_LONGEST_NAME])
