"""Servers in processes of their own, each until the end of what measures it."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.workplace import PEERS, ROOT
from catdog.errors import CatdogError

_PATIENCE = 120.0


@contextmanager
def catdog_server(weights: Path, *flags: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """`catdog serve`, ready, and its port."""
    words = [sys.executable, ROOT / "tools/serve.py", weights, "--port", "0", *flags]
    with _process(words, subprocess.PIPE) as process:
        assert process.stderr
        line = ""
        while not (match := re.search(r"http://127\.0\.0\.1:(\d+)/", line)):
            line = process.stderr.readline().decode()
            if not line:
                raise CatdogError("it did not start", where="catdog serve")
        port = int(match[1])
        # a pipe that is full would stop it
        threading.Thread(target=process.stderr.read, daemon=True).start()
        _wait(f"http://127.0.0.1:{port}/readyz")
        yield process, port


@contextmanager
def litserve_server(weights: Path, milliseconds: int) -> Iterator[int]:
    """The same net by LitServe, ready; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, PEERS / "serve_litserve.py", weights, port, milliseconds, "queue"]
    with _process(words, subprocess.DEVNULL):
        _wait(f"http://127.0.0.1:{port}/health")
        yield port


@contextmanager
def _process(words: list[object], errors: int) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        list(map(str, words)),
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        # with the workers that it has started
        os.killpg(process.pid, 9)
        process.wait()
        if process.stderr:
            process.stderr.close()


def _wait(address: str) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            with urlopen(address, timeout=5):  # nosec B310
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise CatdogError("does not get ready", where=address)


def loaded(port: int, photos: Path, seconds: float, clients: int, each: int) -> dict[str, float]:
    """What `benchmarks.http_load` tells of a server."""
    words = [sys.executable, "-m", "benchmarks.http_load", "127.0.0.1", port, photos, seconds]
    words += ["--clients", clients, "--photos", each]
    done = subprocess.run(
        list(map(str, words)), cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    if failed := {status: n for status, n in found["statuses"].items() if status != "200"}:
        raise CatdogError(f"not all were answered: {failed}", where="the server")
    return {name: value for name, value in found.items() if name != "statuses"}
