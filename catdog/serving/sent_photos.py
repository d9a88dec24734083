"""The body of a request to photos: a picture, a form, or JSON with base64."""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

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


def sent_photos(content_type: str, body: bytes, limits: Limits) -> Sequence[StoredPicture]:
    """The photos of a body, in their order.

    Raises Refusal for another type, for none or too many of them, and for a body that is damaged.
    """
    kind, options = parse_options_header(content_type)
    name = kind.decode("latin-1").lower()
    if not body:
        raise Refusal(400, "the body is empty", remedy=_KINDS)
    if name == FORM:
        photos = _in_form(options.get(b"boundary", b""), body, limits)
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


def _too_many(limits: Limits) -> Refusal:
    remedy = "send them in several requests"
    return Refusal(413, f"more than {limits.photos:,} photos", remedy=remedy, close=True)


class _Form:
    """The parts of a form as they are found; each is a photo, with or without a name of a file."""

    def __init__(self, limits: Limits) -> None:
        self.photos: list[StoredPicture] = []
        self.is_whole = False
        self._limits = limits
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []

    def begin(self) -> None:
        if len(self.photos) >= self._limits.photos:
            raise _too_many(self._limits)
        self._headers, self._parts = {}, []

    def field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._parts.append(data[start:end])

    def end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename") or options.get(b"name") or b""
        text = _shown(name.decode("utf-8", "replace")) or f"photo {len(self.photos)}"
        self.photos.append(StoredPicture(b"".join(self._parts), text))

    def whole(self) -> None:
        self.is_whole = True


def _in_form(boundary: bytes, body: bytes, limits: Limits) -> list[StoredPicture]:
    form = _Form(limits)
    try:
        if not boundary:
            raise Refusal(400, "a form without its boundary", where="Content-Type")
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.begin,
                "on_header_field": form.field,
                "on_header_value": form.value,
                "on_header_end": form.header,
                "on_part_data": form.data,
                "on_part_end": form.end,
                "on_end": form.whole,
            },
        )
        parser.write(body)
    except FormParserError as error:
        raise Refusal(400, f"a damaged form: {error}") from None
    if not form.is_whole:
        raise Refusal(400, "a form without its end", remedy="send all of it")
    return form.photos


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
