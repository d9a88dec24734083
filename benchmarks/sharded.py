"""Ten million records in a hundred shards: what opening, shuffling and going on take.

python -m benchmarks.sharded                         100 shards of 100,000 records, a minute
python -m benchmarks.sharded --shards 10 --records 1000

The records are of one pixel each, real LMDBs of the keys that a build writes: an index does not see
how large a picture is. Counted is anonymous memory at its peak above the start of a step, each in a
process of its own.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import lmdb
import numpy as np

from benchmarks.anonymous import watched
from benchmarks.workplace import ROOT
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.data.datum import write_raw
from catdog.data.keyed_order import MOST_DRAWN, KeyedOrder
from catdog.data.lmdb_store import key
from catdog.data.shards import open_records
from catdog.data.sources import RecordSource, Source, open_source
from catdog.data.store_names import shard_name
from catdog.proto.caffe_pb2 import LayerParameter, SourceState
from catdog.runtime.text_table import text_table

_BATCH, _BATCHES = 256, 1000
_BILLION = 1_000_000_000
_PLACES = 1_000_000
_HEADING = ("what", "records", "seconds", "MiB above the start", "bytes a record")


def make_shards(place: Path, shards: int, records: int) -> None:
    """Shards of records of one pixel, whose label is their place."""
    for shard in range(shards):
        folder = place / shard_name(shard)
        folder.mkdir(parents=True)
        environment = lmdb.open(str(folder), map_size=1 << 30, sync=False)
        with environment.begin(write=True) as transaction:
            for number in range(shard * records, (shard + 1) * records):
                pixel = np.full((1, 1, 1), number % 256, np.uint8)
                name = key(number, f"class_{number % 10}/{number:08d}.jpg")
                transaction.put(name, write_raw(pixel, number), append=True)
        environment.close()
        (folder / "lock.mdb").unlink()


def _source(place: Path) -> Source:
    layer = LayerParameter(name="data", type="Data", top=["data", "label"])
    layer.data_param.source = str(place)
    layer.data_param.batch_size, layer.data_param.shuffle = _BATCH, True
    return open_source(layer)


def _labels(source: Source) -> list[int]:
    return [int(label) for label in source.next().blobs["label"]]


def _open(place: Path) -> int:
    with open_records(place) as records:
        return len(records)


def _first(place: Path) -> int:
    """Every shard is looked at: the batch has records of nearly all."""
    source = _source(place)
    _labels(source)
    return source.size or 0


def _batches(place: Path) -> int:
    source = _source(place)
    for _ in range(_BATCHES):
        _labels(source)
    return source.size or 0


def _go_on(place: Path) -> int:
    """The batch in the middle of the seventh pass, from the state in a snapshot alone."""
    source = _source(place)
    size = source.size or 0
    source.load_state(SourceState(layer="data", position=size // 2, epoch=6, seed=0))
    _labels(source)
    return size


def _drawn(place: Path) -> int:
    """The largest order that is held."""
    source = _source(place)
    assert isinstance(source, RecordSource)
    return len(source.permutation(MOST_DRAWN, 0))


def _computed(_: Path) -> int:
    order = KeyedOrder(_BILLION, 1)
    for at in range(_PLACES):
        order.item(at)
    return _BILLION


STEPS: dict[str, Callable[[Path], int]] = {
    "open": _open,
    "to the first batch": _first,
    f"the same and {_BATCHES:,} batches of {_BATCH}": _batches,
    "from a snapshot to its batch": _go_on,
    "order that is drawn and held": _drawn,
    f"order of a billion, {_PLACES:,} places of it": _computed,
}


def take(step: str, place: Path) -> tuple[str, ...]:
    """One step in this process, as a row of the table."""
    count, seconds, above = watched(lambda: STEPS[step](place))
    memory = f"{above / 1024:.1f}", f"{1024 * above / count:.2f}"
    return step, f"{count:,}", f"{seconds:.2f}", *memory


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--shards", type=int, default=100)
    add("--records", type=int, default=100_000, help="in each (default: 100,000)")
    add("--at", type=Path, help="a folder to work in, which stays (default: one that goes)")
    add("--step", choices=tuple(STEPS), help=argparse.SUPPRESS)
    return parser.parse(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure each step in a process of its own."""
    args = _arguments(argv)
    if args.step:
        print("\t".join(take(args.step, args.at)))
        return
    with tempfile.TemporaryDirectory(prefix="catdog-sharded") as folder:
        place = args.at or Path(folder) / "train_lmdb"
        if not place.exists():
            make_shards(place, args.shards, args.records)
        rows = []
        for step in STEPS:
            command = [sys.executable, "-m", "benchmarks.sharded", "--step", step, "--at", place]
            done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            rows.append(done.stdout.strip().split("\t"))
    print(text_table(_HEADING, rows))


if __name__ == "__main__":
    run_tool(main)
