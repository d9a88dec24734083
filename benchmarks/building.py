"""Photos to LMDBs, and the mean of one."""

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr
from io import StringIO
from pathlib import Path

from benchmarks.comparison import Comparison, Side
from benchmarks.limits import prepared_rate
from benchmarks.workplace import Workplace, dataset, script
from catdog.data.build.dataset import create
from catdog.data.build.photo_files import photos_in
from catdog.data.mean import compute_mean

_SIZE = 227
_BLOCK = 1 << 20
_PASSES = 5


def _building(place: Workplace) -> Side:
    photos = len(photos_in(place.photos))

    def run() -> float:
        out = place.folder / "built"
        shutil.rmtree(out, ignore_errors=True)
        began = time.perf_counter()
        with redirect_stderr(StringIO()):
            create(place.photos.parent, out, dataset(_SIZE))
        return photos / (time.perf_counter() - began)

    return run


def _beside_the_tutorial(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    target = place.folder / "built_by_hand"
    return _building(place), lambda: script("build_lmdb", [place.photos, target, _SIZE])


def _beside_the_cores(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    return _building(place), lambda: script("bare_loop", [place.photos, _SIZE])


def _mean(place: Workplace, _: ExitStack) -> tuple[Side, Side]:
    lmdb = place.lmdb(_SIZE) / "train_lmdb"
    size = (lmdb / "data.mdb").stat().st_size / 2**20

    def compute() -> None:
        compute_mean(lmdb)

    def read() -> None:
        _read(lmdb / "data.mdb")

    return _rate(compute, size), _rate(read, size)


def _rate(work: Callable[[], None], size: float) -> Side:
    def run() -> float:
        began = time.perf_counter()
        for _ in range(_PASSES):
            work()
        return _PASSES * size / (time.perf_counter() - began)

    return run


def _read(path: Path) -> None:
    block = bytearray(_BLOCK)
    with path.open("rb", buffering=0) as file:
        while file.readinto(block):
            pass


_CASE = "photos to LMDBs"
CASES = (
    Comparison(
        _CASE, "the tutorial's script", "photos/s", 2.4, _beside_the_tutorial, prepared_rate, 0.95
    ),
    Comparison(_CASE, "what the cores can", "photos/s", 0.95, _beside_the_cores),
    Comparison("mean of an LMDB", "a plain read", "MiB/s", 0.9, _mean),
)
