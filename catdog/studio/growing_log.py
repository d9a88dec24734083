"""A log that grows: read on from where it ended at the look before, and never waited for long."""

import threading
from pathlib import Path

from catdog.tracking.log_reader import LogReader, ParsedLog

#: Bytes that are read at once, and seconds that a look waits for more of them than these.
_CHUNK, _PATIENCE = 1 << 20, 0.5
#: Bytes of its beginning by which a log is told from one that took its place.
_HEAD = 256
#: Bytes of a line that are looked at.
_LONGEST = 4096
#: Numbers of each kind that are kept; of more every second one goes.
_MOST = 50_000


class GrowingLog:
    """The numbers of a log; of a very long one those that were read so far.

    Args:
        path: the log, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._stamp = (-1, -1, -1)
        self._thread: threading.Thread | None = None
        self._begin(b"")

    def look(self) -> ParsedLog:
        """What is known of it now; nothing of one that is not there."""
        with self._lock:
            if self._thread is None:
                self._read_on()
            thread = self._thread
        if thread:
            thread.join(_PATIENCE)
        return self._numbers

    def _begin(self, head: bytes) -> None:
        self._reader, self._numbers, self._at, self._head = LogReader(), ParsedLog(), 0, head

    def _read_on(self) -> None:
        """Read what came since; much of it in a thread."""
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_size, status.st_ino
            if stamp == self._stamp:
                return
            with self._path.open("rb") as file:
                head = file.read(_HEAD)
            if stamp[2] != self._stamp[2] or stamp[1] < self._at or not self._goes_on(head):
                self._begin(head)
            self._stamp = stamp
            if stamp[1] - self._at > _CHUNK:
                self._thread = threading.Thread(
                    target=self._catch_up, args=(stamp[1],), daemon=True
                )
                self._thread.start()
            else:
                self._read(stamp[1])
        except OSError:
            self._stamp = (-1, -1, -1)
            self._begin(b"")

    def _goes_on(self, head: bytes) -> bool:
        """Whether a beginning is that of the log so far, which may have been a part of it."""
        known, self._head = self._head, head
        return head.startswith(known)

    def _catch_up(self, size: int) -> None:
        try:
            while self._at < size and self._read(size):
                pass
        except OSError:
            # the next look finds that it is gone
            self._stamp = (-1, -1, -1)
        finally:
            self._thread = None

    def _read(self, size: int) -> bool:
        """Read whole lines, a chunk at most; False where there are none. Raises OSError."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read(min(_CHUNK, size - self._at))
        # the last line of a chunk may have only begun; one without an end is no line of a log
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) == _CHUNK else 0)
        for line in data[:end].splitlines():
            self._reader.read(line[:_LONGEST].decode("utf-8", errors="replace"))
        self._at += end
        self._reader.thin(_MOST)
        self._numbers = self._reader.so_far
        return end > 0
