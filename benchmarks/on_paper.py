"""What very many photos take, worked out from what was measured of few: bytes, hours, memory.

python -m benchmarks.on_paper                                    a billion, 16 machines of 16 cores
python -m benchmarks.on_paper --photos 10000000 --machines 1

Rates are those of benchmarks/results.json, of two cores, taken as rising with the cores; bytes are
those of 2,002 of Kaggle's photos at 227 x 227, and of benchmarks.many and benchmarks.sharded.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.runtime.text_table import text_table

_RESULTS = Path(__file__).parent / "results.json"
_CORES = 2
"""Cores that the results were measured on."""

#: Bytes of a photo and of its record, the LMDB's pages with it.
_BYTES = {
    "the photos": 22_841,
    "LMDBs of pixels, 227 x 227": 155_829,
    "LMDBs, --encoded jpeg --quality 95": 34_198,
    "LMDBs, --encoded jpeg --quality 85": 20_842,
    "LMDBs, --encoded keep": 25_032,
    "checksums.csv": 49,
}
_PIXELS = _BYTES["LMDBs of pixels, 227 x 227"]
#: Photos that are built at a time, and bytes of memory for each while that lasts.
_PART, _HELD = 10_000_000, 187
#: Photos that one process lists in a second.
_LISTED = 155_176
#: Records of a shard, the seconds until the first 100 of these are open, bytes of their index.
_SHARD, _OPENED, _INDEX = 100_000, 9.04 / 100, 1.11


def _rate(case: str) -> float:
    """Photos a second of one core."""
    rows = json.loads(_RESULTS.read_text())
    return float(next(row["ours"] for row in rows if row["case"] == case)) / _CORES


def worked_out(photos: int, machines: int, cores: int) -> list[tuple[str, str]]:
    """The rows of the table."""
    parts, together = -(-photos // _PART), machines * cores
    of_a_part = min(photos, _PART)
    built = photos / (_rate("photos to LMDBs") * together)
    fed = photos / (_rate("batches of 227 x 227 from an LMDB") * together)
    shards = -(-photos // _SHARD)
    listed = -(-parts // machines) * of_a_part / _LISTED
    rows = [(what, _bytes(photos * each)) for what, each in _BYTES.items()]
    return [
        *rows,
        (f"parts of {_PART:,} photos, each built by one machine", f"{parts:,}"),
        ("memory of a build", _bytes(of_a_part * _HELD)),
        ("to list them", _hours(listed)),
        ("to build them", _hours(built)),
        ("read and written meanwhile, a machine", _flow(photos, built, machines)),
        (f"shards of {_SHARD:,} records", f"{shards:,}"),
        ("memory of the index, a process with all of them", _bytes(photos * _INDEX)),
        ("to open them, once, by one process", _hours(shards * _OPENED)),
        (
            "the same with divide: SHARDS, one process a machine",
            _hours(shards * _OPENED / machines),
        ),
        ("one pass of a training that waits for its data alone", _hours(fed)),
        ("read meanwhile, a machine", f"{_bytes(photos * _PIXELS / fed / machines)}/s"),
    ]


def _flow(photos: int, seconds: float, machines: int) -> str:
    both = _BYTES["the photos"] + _PIXELS
    return f"{_bytes(photos * both / seconds / machines)}/s"


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.4g} TB"


def _hours(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--photos", type=at_least(1), default=1_000_000_000, help="(default: a billion)")
    add("--machines", type=at_least(1), default=16, help="(default: 16)")
    add("--cores", type=at_least(1), default=16, help="of each machine (default: 16)")
    return parser.parse(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Work out and print."""
    args = _arguments(argv)
    heading = (f"{args.photos:,} photos, {args.machines} x {args.cores} cores", "")
    print(text_table(heading, worked_out(args.photos, args.machines, args.cores)))


if __name__ == "__main__":
    run_tool(main)
