"""A million small photos: the memory that each step takes above its start, and how fast it is.

python -m benchmarks.many                   100,000 and 1,000,000 photos of 8 x 8, some minutes
python -m benchmarks.many --count 100000    of so many

The files are links to a few hundred distinct ones. Counted is anonymous memory: pages of the mapped
LMDB belong to the system, which takes them back when it needs them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import cv2
import numpy as np

from benchmarks.anonymous import watched
from benchmarks.workplace import ROOT
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.data.build.dataset import create
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.split import split
from catdog.data.feed import Feed
from catdog.data.lmdb_store import Reader
from catdog.data.mean import compute_mean
from catdog.data.sources import open_source
from catdog.inference.photos import given_photos, ids_of
from catdog.proto.caffe_pb2 import DatasetParameter, LayerParameter
from catdog.runtime.text_table import text_table

_SIZE, _CLASSES, _DISTINCT = 8, 10, 300
_BATCH = 64
_HEADING = ("what", "photos", "MiB above the start", "bytes a photo", "photos/s")

Step = Callable[[Path], int]
"""Does something with the folder of photos and the LMDBs beside it; returns how many it saw."""


def _recipe() -> DatasetParameter:
    return DatasetParameter(width=_SIZE, height=_SIZE, validation_every=6)


def _list(place: Path) -> int:
    return len(find_photos(place / "data").train)


def _split(place: Path) -> int:
    return len(split(find_photos(place / "data"), _recipe()))


def _build(place: Path) -> int:
    with redirect_stderr(StringIO()):
        count = create(place / "data", place / "out", _recipe()).dataset.count
    return count.train + count.validation


def _average(place: Path) -> int:
    compute_mean(place / "out/train_lmdb")
    with Reader(place / "out/train_lmdb") as reader:
        return len(reader)


def _feed(place: Path) -> int:
    """A pass in random order, as a training takes it."""
    layer = LayerParameter(name="data", type="Data", top=["data", "label"])
    layer.data_param.source = str(place / "out/train_lmdb")
    layer.data_param.batch_size, layer.data_param.shuffle = _BATCH, True
    source = open_source(layer)
    with Feed([source]) as feed:
        batches = (source.size or 0) // _BATCH
        for _ in range(batches):
            feed.next()
    return batches * _BATCH


def _name(place: Path) -> int:
    """What prediction lists, with its ids."""
    return len(ids_of(given_photos([place / "data"])))


STEPS: dict[str, Step] = {
    "list": _list,
    "list and divide": _split,
    "build": _build,
    "average": _average,
    "feed": _feed,
    "list to predict": _name,
}


def make_photos(folder: Path, count: int) -> None:
    """Photos in a folder for each class, `class_00/00000000.png` and so on."""
    rng = np.random.default_rng(0)
    distinct = folder / "distinct"
    distinct.mkdir(parents=True)
    for number in range(_DISTINCT):
        cv2.imwrite(f"{distinct}/{number}.png", rng.integers(0, 256, (_SIZE, _SIZE, 3), np.uint8))
    for label in range(_CLASSES):
        (folder / f"data/train/class_{label:02d}").mkdir(parents=True)
    for number in range(count):
        source = f"{distinct}/{number % _DISTINCT}.png"
        os.link(source, f"{folder}/data/train/class_{number % _CLASSES:02d}/{number:08d}.png")


def take(step: str, place: Path) -> tuple[str, ...]:
    """One step in this process, as a row of the table."""
    count, seconds, above = watched(lambda: STEPS[step](place))
    row = f"{count:,}", f"{above / 1024:.1f}", f"{1024 * above / count:.0f}"
    return step, *row, f"{count / seconds:,.0f}"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--count", type=int, action="append", help="photos (default: 100,000, then 1,000,000)")
    add("--at", type=Path, help="a folder to work in, which stays (default: one that goes)")
    add("--only", choices=tuple(STEPS), action="append", help="steps (default: all)")
    add("--step", choices=tuple(STEPS), help=argparse.SUPPRESS)
    return parser.parse(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure each step in a process of its own."""
    args = _arguments(argv)
    if args.step:
        print("\t".join(take(args.step, args.at)))
        return
    rows = []
    with tempfile.TemporaryDirectory(prefix="catdog-many") as folder:
        for count in args.count or (100_000, 1_000_000):
            place = (args.at or Path(folder)) / str(count)
            if not place.exists():
                make_photos(place, count)
            for step in args.only or STEPS:
                command = [sys.executable, "-m", "benchmarks.many", "--step", step, "--at", place]
                done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
                rows.append(done.stdout.strip().split("\t"))
                print(text_table(None, rows[-1:]), file=sys.stderr)
    print(text_table(_HEADING, rows))


if __name__ == "__main__":
    run_tool(main)
