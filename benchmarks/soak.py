"""A server under thousands of requests, a tenth of them broken or hostile; prints a table.

python -m benchmarks.soak                                 10,000 requests to a small net
python -m benchmarks.soak --requests 2000 --weights W     so many, to other weights

Ends with 1 where an answer is not among those that it should be, and where memory grows.
"""

import argparse
import random
import re
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.hostile import KINDS, Kind, photo_request
from benchmarks.http_server import catdog_server
from benchmarks.workplace import Workplace
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.data.build.photo_files import photos_in
from catdog.runtime.text_table import text_table

_RSS = re.compile(r"^VmRSS:\s*(\d+) kB", re.MULTILINE)
#: A server that gives up on slow clients soon, and takes little, so that a soak is short.
FLAGS = ("--seconds", "3", "--max-mib", "2", "--max-photos", "16", "--max-megapixels", "20")
#: Of the requests, one in so many is hostile.
EVERY = 10
_GROWTH = 1.1
"""Memory at the end, of that after a fifth of the requests."""


class Soak:
    """Sends requests from threads, and counts what comes back of each kind."""

    def __init__(self, port: int, photos: Sequence[bytes], seed: int = 1) -> None:
        self._port, self._photos, self._random = port, photos, random.Random(seed)
        self._lock = threading.Lock()
        self._left = 0
        self._hostile = 0
        #: Of each kind how often each status came.
        self.found: dict[str, Counter[str]] = {}

    def run(self, requests: int, threads: int = 16) -> None:
        """Send so many; returns when all have an answer."""
        self._left = requests
        workers = [threading.Thread(target=self._work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    @property
    def odd(self) -> list[str]:
        """Answers that should not be."""
        kinds = {kind.name: kind for kind in (_GOOD, *KINDS)}
        return [
            f"{name}: {status}"
            for name, counts in self.found.items()
            for status in counts
            if status not in kinds[name].allowed
        ]

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._left:
                    return
                self._left -= 1
                kind, photo = self._next()
            status = kind.send(self._port, photo)
            with self._lock:
                self.found.setdefault(kind.name, Counter())[status] += 1

    def _next(self) -> tuple[Kind, bytes]:
        photo = self._random.choice(self._photos)
        if self._left % EVERY:
            return _GOOD, photo
        self._hostile += 1
        return KINDS[self._hostile % len(KINDS)], photo


# a queue that is full for a moment is no fault
_GOOD = Kind("a photo", photo_request, frozenset(("200", "503")))


def resident(process: int) -> float:
    """MiB of a process that are in memory."""
    found = _RSS.search(Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def main(argv: Sequence[str] | None = None) -> None:
    """Soak a server."""
    args = _arguments(argv)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="catdog-soak")))
        place = Workplace(folder, count=60)
        weights = args.weights or place.snapshot("small64", 64)
        process, port = stack.enter_context(catdog_server(weights, *FLAGS))
        soak = Soak(port, [path.read_bytes() for path in photos_in(place.photos)])
        fifth = args.requests // 5
        soak.run(fifth)
        before = resident(process.pid)
        soak.run(args.requests - fifth)
        after = resident(process.pid)
    print(table(soak))
    print(f"{before:.0f} MiB after {fifth:,} requests, {after:.0f} MiB after {args.requests:,}")
    if soak.odd or after > _GROWTH * before:
        print(*soak.odd, sep="\n", file=sys.stderr)
        sys.exit(1)


def table(soak: Soak) -> str:
    """What came back of each kind."""
    rows = [
        (name, f"{counts.total():,}", ", ".join(f"{s} {n:,}" for s, n in sorted(counts.items())))
        for name, counts in sorted(soak.found.items())
    ]
    return text_table(("request", "sent", "answers"), rows)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--weights", type=Path, help="(default: small64 after one iteration)")
    return parser.parse(argv)


if __name__ == "__main__":
    run_tool(main)
