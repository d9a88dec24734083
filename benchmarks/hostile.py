"""Requests that are broken, or meant to do harm, and the answers that each may get."""

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.http_load import request

_HOST = "127.0.0.1"
CLOSED = "closed"
"""In place of a status: the server has closed the connection without a word."""
_PATIENCE = 20.0
_SIDE = 60_000


@dataclass(frozen=True)
class Kind:
    """A kind of requests.

    Args:
        send: sends one with a photo to a port, and gives the status that came back.
        allowed: the statuses that are right.
    """

    name: str
    send: Callable[[int, bytes], str]
    allowed: frozenset[str]


def exchange(port: int, *parts: bytes, pause: float = 0.0, end: bool = False) -> str:
    """Send parts, with pauses between them, and give the status of the answer.

    With `end` nothing more is sent, and the server is told so.
    """
    with socket.create_connection((_HOST, port), timeout=_PATIENCE) as connection:
        try:
            for number, part in enumerate(parts):
                time.sleep(pause if number else 0)
                connection.sendall(part)
            if end:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            # it has an answer already, or has closed
            pass
        try:
            got = connection.recv(1 << 16)
        except TimeoutError:
            return "nothing"
        except OSError:
            return CLOSED
    return got[9:12].decode() if got.startswith(b"HTTP/1.1 ") else CLOSED


def head(headers: Mapping[str, object], method: str = "POST", path: str = "/predict") -> bytes:
    """The lines before a body."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    if "Host" not in headers:
        lines.insert(1, f"Host: {_HOST}")
    return "\r\n".join([*lines, "", ""]).encode()


def post(port: int, kind: str, body: bytes, **headers: object) -> str:
    """The status of a whole request."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return exchange(port, head({"Content-Type": kind, "Content-Length": len(body), **named}) + body)


def photo_request(port: int, photo: bytes) -> str:
    """A photo as a form."""
    return exchange(port, request(_HOST, [photo]))


def _truncated(port: int, photo: bytes) -> str:
    return post(port, "image/jpeg", photo[: len(photo) // 2])


def _one_of_two(port: int, photo: bytes) -> str:
    return exchange(port, request(_HOST, [photo, photo[:200]]))


def _png_bomb(port: int, _: bytes) -> str:
    size = _SIDE.to_bytes(4) * 2
    return post(port, "image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\x02\0\0\0" * 9)


def _jpeg_bomb(port: int, photo: bytes) -> str:
    at = photo.index(b"\xff\xc0") + 5
    return post(port, "image/jpeg", photo[:at] + _SIDE.to_bytes(2) * 2 + photo[at + 4 :])


def _noise(port: int, photo: bytes) -> str:
    return post(port, "image/jpeg", photo[:300] + bytes(range(256)) * 8 + photo[-300:])


def _wrong_type(port: int, photo: bytes) -> str:
    return post(port, "text/html", photo)


def _announced(port: int, _: bytes) -> str:
    return exchange(port, head({"Content-Type": "image/jpeg", "Content-Length": 10**10}))


def _huge(port: int, _: bytes) -> str:
    return post(port, "image/jpeg", bytes(3 << 20))


def _length(text: str) -> Callable[[int, bytes], str]:
    def send(port: int, photo: bytes) -> str:
        return exchange(port, head({"Content-Type": "image/jpeg", "Content-Length": text}) + photo)

    return send


def _too_long(port: int, photo: bytes) -> str:
    """Fewer bytes than announced, and then the end."""
    lines = head({"Content-Type": "image/jpeg", "Content-Length": len(photo) + 100})
    return exchange(port, lines + photo, end=True)


def _too_short(port: int, photo: bytes) -> str:
    """More bytes than announced: the rest is no request."""
    lines = head({"Content-Type": "image/jpeg", "Content-Length": len(photo) - 100})
    return exchange(port, lines + photo)


def _slow_body(port: int, photo: bytes) -> str:
    lines = head({"Content-Type": "image/jpeg", "Content-Length": len(photo)})
    return exchange(port, lines, *(bytes([each]) for each in photo[:8]), pause=0.5)


def _slow_headers(port: int, _: bytes) -> str:
    letters = (bytes([each]) for each in b"POST /pr")
    return exchange(port, *letters, pause=0.5)


def _silence(port: int, _: bytes) -> str:
    return exchange(port)


def _endless_headers(port: int, _: bytes) -> str:
    lines = (b"X-%d: %s\r\n" % (number, b"x" * 4000) for number in range(100))
    return exchange(port, b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n", *lines)


def _chunked(port: int, photo: bytes) -> str:
    return exchange(port, _chunks_head(), *_chunks([photo]), b"0\r\n\r\n")


def _stopped_chunks(port: int, photo: bytes) -> str:
    return exchange(port, _chunks_head(), *_chunks([photo]))


def _endless_chunks(port: int, _: bytes) -> str:
    return exchange(port, _chunks_head(), *_chunks([bytes(100_000)] * 60))


def _chunks_head() -> bytes:
    return head({"Content-Type": "image/jpeg", "Transfer-Encoding": "chunked"})


def _chunks(parts: list[bytes]) -> Iterator[bytes]:
    return (b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def _deep_json(port: int, _: bytes) -> str:
    return post(port, "application/json", b'{"photos":' + b"[" * 900)


def _much_json(port: int, _: bytes) -> str:
    return post(port, "application/json", b'{"photos":[' + b"[]," * 600_000 + b"0]}")


def _odd_json(port: int, _: bytes) -> str:
    return post(port, "application/json", b'{"photos":[NaN,1e999,{"data":null}]}')


def _bad_base64(port: int, _: bytes) -> str:
    return post(port, "application/json", b'{"photos":["not base64!"]}')


def _odd_name(port: int, photo: bytes) -> str:
    data = base64.b64encode(photo).decode()
    body = json.dumps({"photos": [{"name": "a\0b\r\n\u202e<script>" * 99, "data": data}]})
    return post(port, "application/json", body.encode())


def _nul_in_form(port: int, photo: bytes) -> str:
    return exchange(port, request(_HOST, [photo]).replace(b"0.jpg", b"\0\xff.jp"))


def _many_parts(port: int, _: bytes) -> str:
    return exchange(port, request(_HOST, [b"x"] * 1000))


def _no_boundary(port: int, photo: bytes) -> str:
    return post(port, "multipart/form-data", photo)


def _open_form(port: int, photo: bytes) -> str:
    return post(port, "multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\n" + photo)


def _leaving(port: int, photo: bytes) -> str:
    """Goes away in the middle of its photo."""
    with socket.create_connection((_HOST, port)) as connection:
        connection.sendall(request(_HOST, [photo])[:2000])
    return CLOSED


def _not_waiting(port: int, photo: bytes) -> str:
    """Goes away before its answer."""
    with socket.create_connection((_HOST, port)) as connection:
        connection.sendall(request(_HOST, [photo]))
    return CLOSED


def _wrong_method(port: int, _: bytes) -> str:
    return exchange(port, head({}, "DELETE"))


def _empty(port: int, _: bytes) -> str:
    return post(port, "image/jpeg", b"")


def _no_http(port: int, photo: bytes) -> str:
    return exchange(port, photo)


def _other_host(port: int, photo: bytes) -> str:
    return post(port, "image/jpeg", photo, Host="evil.example")


def _other_site(port: int, photo: bytes) -> str:
    return post(port, "image/jpeg", photo, Origin="http://evil.example")


def _up_the_folders(port: int, _: bytes) -> str:
    return exchange(port, head({}, "GET", "/static/..%2f..%2f..%2fetc/passwd"))


def _websocket(port: int, _: bytes) -> str:
    lines = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": 13}
    return exchange(port, head({**lines, "Sec-WebSocket-Key": "eA=="}, "GET", "/"))


def _kind(name: str, send: Callable[[int, bytes], str], *allowed: str) -> Kind:
    return Kind(name, send, frozenset(allowed))


KINDS = (
    _kind("truncated photo", _truncated, "422", "503"),
    _kind("a photo and a truncated one", _one_of_two, "200", "503"),
    _kind("PNG of 60,000 x 60,000", _png_bomb, "422", "503"),
    _kind("JPEG of 60,000 x 60,000", _jpeg_bomb, "422", "503"),
    _kind("noise in a photo", _noise, "200", "422", "503"),
    _kind("another Content-Type", _wrong_type, "415"),
    _kind("10 GB announced", _announced, "413"),
    _kind("3 MiB, of 2 allowed", _huge, "413"),
    _kind("Content-Length: -1", _length("-1"), "400"),
    _kind("Content-Length: 1e9", _length("1e9"), "400"),
    _kind("fewer bytes than announced", _too_long, CLOSED),
    _kind("more bytes than announced", _too_short, "400", "422"),
    _kind("a byte each half second", _slow_body, "408"),
    _kind("headers, a byte each half second", _slow_headers, CLOSED),
    _kind("a connection and no word", _silence, CLOSED),
    _kind("400 kB of headers", _endless_headers, "400", CLOSED),
    _kind("chunks", _chunked, "200", "503"),
    _kind("chunks without end", _stopped_chunks, "408"),
    _kind("chunks of 6 MB", _endless_chunks, "413"),
    _kind("deep JSON", _deep_json, "400"),
    _kind("JSON of many lists", _much_json, "413"),
    _kind("JSON of odd values", _odd_json, "422"),
    _kind("no base64", _bad_base64, "422"),
    _kind("a name with NUL and lines", _odd_name, "200", "503"),
    _kind("NUL in a form's name", _nul_in_form, "200", "503"),
    _kind("1,000 parts", _many_parts, "413"),
    _kind("a form without boundary", _no_boundary, "400"),
    _kind("a form without end", _open_form, "400"),
    _kind("gone in the middle", _leaving, CLOSED),
    _kind("gone before the answer", _not_waiting, CLOSED),
    _kind("another method", _wrong_method, "405"),
    _kind("an empty body", _empty, "400"),
    _kind("no HTTP", _no_http, "400"),
    _kind("another site's name", _other_host, "421"),
    _kind("another site's page", _other_site, "403"),
    _kind("up the folders", _up_the_folders, "404"),
    # without the package websockets the wish for another protocol is passed over, as HTTP allows
    _kind("a websocket", _websocket, "200", "400", "403"),
)
