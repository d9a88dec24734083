"""Clients of a server that each send their next photos when they have an answer.

python -m benchmarks.http_load HOST PORT PHOTOS SECONDS [--clients 64] [--photos 1]

prints one line of JSON. One thread and bare sockets: what the clients take of the cores the server
does not have, so that it is told too.
"""

import argparse
import json
import resource
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_BOUNDARY = "catdog-load"
_LENGTH = b"content-length: "


def request(host: str, contents: Sequence[bytes], path: str = "/predict") -> bytes:
    """The bytes of a POST of some photos, as a form."""
    parts = [
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="photo"; filename="{number}.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + content
        + b"\r\n"
        for number, content in enumerate(contents)
    ]
    body = b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class _Client:
    """A connection, what it still has to send, and what has come back."""

    connection: socket.socket
    left: memoryview = field(default_factory=lambda: memoryview(b""))
    got: bytearray = field(default_factory=bytearray)
    began: float = 0.0


class Load:
    """Clients that send requests in turn until a time has passed."""

    def __init__(self, place: tuple[str, int], requests: Sequence[bytes], clients: int) -> None:
        self._place, self._requests = place, requests
        self._selector = selectors.DefaultSelector()
        self._next, self._is_over = 0, False
        #: Seconds of each answered request, and how many had each status.
        self.seconds: list[float] = []
        self.statuses: dict[str, int] = {}
        for _ in range(clients):
            self._open()

    def run(self, seconds: float) -> None:
        """Send for so long; what is under way at the end does not count."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for key, events in self._selector.select(0.1):
                self._go_on(key.data, events)

    def finish(self) -> None:
        """Wait for the answers that are under way, so that the server has nothing left to do."""
        self._is_over = True
        while self._selector.get_map():
            for key, events in self._selector.select():
                self._go_on(key.data, events)

    def forget(self) -> None:
        """Count from here on."""
        self.seconds.clear()
        self.statuses.clear()

    def _open(self) -> None:
        connection = socket.create_connection(self._place)
        connection.setblocking(False)
        client = _Client(connection)
        self._selector.register(connection, selectors.EVENT_READ, client)
        self._send_next(client)

    def _send_next(self, client: _Client) -> None:
        client.left = memoryview(self._requests[self._next % len(self._requests)])
        self._next += 1
        client.got.clear()
        client.began = time.perf_counter()
        self._send(client)

    def _send(self, client: _Client) -> None:
        try:
            while client.left:
                client.left = client.left[client.connection.send(client.left) :]
        except BlockingIOError:
            pass
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.left else 0)
        if self._selector.get_key(client.connection).events != events:
            self._selector.modify(client.connection, events, client)

    def _go_on(self, client: _Client, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._send(client)
        if not events & selectors.EVENT_READ:
            return
        part = client.connection.recv(1 << 16)
        client.got += part
        if not part:
            self._close(client)
            self._count("closed")
            if not self._is_over:
                self._open()
        elif _is_whole(client.got):
            self.seconds.append(time.perf_counter() - client.began)
            self._count(client.got[9:12].decode())
            if self._is_over:
                self._close(client)
            else:
                self._send_next(client)

    def _close(self, client: _Client) -> None:
        self._selector.unregister(client.connection)
        client.connection.close()

    def _count(self, status: str) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1


def _is_whole(got: bytearray) -> bool:
    """Whether an answer is there, by its Content-Length."""
    head, end, rest = got.partition(b"\r\n\r\n")
    if not end:
        return False
    start = head.lower().find(_LENGTH) + len(_LENGTH)
    return len(rest) >= int(head[start:].split(b"\r\n", 1)[0])


def main() -> None:
    """Load a server and tell how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--photos", type=int, default=1, help="of a request")
    args = parser.parse_args()
    contents = [path.read_bytes() for path in sorted(args.folder.glob("*.jpg"))]
    groups = [contents[at : at + args.photos] for at in range(0, len(contents), args.photos)]
    load = Load((args.host, args.port), [request(args.host, g) for g in groups], args.clients)
    load.run(2.0)
    load.forget()
    began, cpu = time.perf_counter(), _cpu()
    load.run(args.seconds)
    took = time.perf_counter() - began
    used = _cpu() - cpu
    times, statuses = sorted(load.seconds), dict(load.statuses)
    load.finish()
    told = {
        "photos_per_second": len(times) * args.photos / took,
        "p50": times[len(times) // 2],
        "p99": times[len(times) * 99 // 100],
        "client_cores": used / took,
        "statuses": statuses,
    }
    print(json.dumps(told))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
