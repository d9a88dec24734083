"""Memory of the builder and of the feed: the same however many photos there are.

Counted is anonymous memory at its peak: pages of the mapped LMDB belong to the system, which takes
them back when it needs them.
"""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.comparison import Comparison, Missing, Side
from benchmarks.workplace import PEERS, ROOT, Workplace
from catdog.data.build.photo_files import photos_in

_TIMES = 4
_EVERY = 0.01
_ANONYMOUS = re.compile(r"^RssAnon:\s*(\d+) kB", re.MULTILINE)


def _copies(place: Workplace) -> tuple[Path, Path]:
    """Folders of few photos and of four times as many."""
    few, many = place.folder / "few", place.folder / "many"
    if not few.exists():
        photos = photos_in(place.photos)
        for folder, times in ((few, 1), (many, _TIMES)):
            (folder / "train").mkdir(parents=True)
            for copy in range(times):
                for photo in photos:
                    at = folder / "train" / f"{photo.stem}.{copy}{photo.suffix}"
                    at.symlink_to(photo.resolve())
    return few, many


def _build(data: Path, out: Path) -> list[str | Path]:
    return [ROOT / "tools/create_lmdb.py", "--data", data, "--out", out]


def _building(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    few, many = _copies(place)
    out = place.folder / "built_for_memory"
    return _peak_of(_build(many, out / "many")), _peak_of(_build(few, out / "few"))


def _feeding(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    sides = []
    for data in reversed(_copies(place)):
        out = place.folder / f"fed_{data.name}"
        if not out.exists():
            subprocess.run([sys.executable, *_build(data, out)], check=True, capture_output=True)
        sides.append(_peak_of([PEERS.parent / "one_pass.py", out / "train_lmdb"]))
    return sides[0], sides[1]


def _peak_of(arguments: Sequence[str | Path]) -> Side:
    """The most anonymous memory that a Python script has at a time, in MiB."""

    def run() -> float:
        if not Path("/proc/self/status").exists():
            raise Missing("needs /proc, as on Linux")
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        status, peak = Path(f"/proc/{process.pid}/status"), 0
        while process.poll() is None:
            found = _ANONYMOUS.search(status.read_text())
            peak = max(peak, int(found[1]) if found else 0)
            time.sleep(_EVERY)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, str(arguments[0]))
        return peak / 1024

    return run


CASES = (
    Comparison("memory of the builder", "a quarter of the photos", "MiB", 0.9, _building),
    Comparison("memory of the feed", "a quarter of the photos", "MiB", 0.9, _feeding),
)
