"""Files of a folder at http://, with or without parts of them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(SimpleHTTPRequestHandler):
    """Answers requests for ranges of bytes, as servers of large files do."""

    ranges = True

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        path = Path(self.translate_path(self.path))
        if not (self.ranges and asked and path.is_file()):
            super().do_GET()
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        data = path.read_bytes()
        part = data[int(first) : int(last) + 1 if last else None]
        self.send_response(206)
        end = int(first) + len(part) - 1
        self.send_header("Content-Range", f"bytes {first}-{end}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Whole(_Handler):
    """Gives whole files, whatever is asked."""

    ranges = False


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that has seen enough goes away."""


@contextmanager
def served(folder: Path, *, ranges: bool = True) -> Iterator[str]:
    """The address of a folder on this machine."""
    handler = partial(_Handler if ranges else _Whole, directory=str(folder))
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
