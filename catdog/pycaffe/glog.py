"""Lines in the form of glog on stderr: what Caffe's library prints."""

import os
import sys
from datetime import datetime

SEVERITIES = "IWEF"


class StderrLog:
    """Prints lines of at least the least severity.

    GLOG_minloglevel sets it, as for glog, also where a script does so before it imports caffe.
    """

    def __init__(self) -> None:
        #: None: what the environment says when the first line comes.
        self.least: int | None = None

    def __call__(self, severity: str, place: str, text: str) -> None:
        """Print a text, the prefix before each of its lines."""
        if self.least is None:
            level = os.environ.get("GLOG_minloglevel", "0")  # noqa: SIM112 glog's spelling
            self.least = int(level) if level.isdigit() else 0
        if SEVERITIES.index(severity) >= self.least:
            stamp = f"{severity}{datetime.now():%m%d %H:%M:%S.%f} {os.getpid()} {place}]"
            sys.stderr.writelines(f"{stamp} {line}\n" for line in text.split("\n"))


line = StderrLog()


def init_log(level: int = 0, stderr: bool = True) -> None:  # noqa: ARG001
    """Print lines of this severity and above: 0 info, 1 warning, 2 error.

    Everything goes to stderr anyway, whatever `stderr` says.
    """
    line.least = level


def log(text: str) -> None:
    """Print a text as information."""
    line("I", "pycaffe", text)


def warning(text: str) -> None:
    """Print a text as a warning."""
    line("W", "pycaffe", text)
