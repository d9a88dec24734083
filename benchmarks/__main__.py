"""Measure catdog beside its peers; print a table and write results.json.

python -m benchmarks                           everything, some minutes
python -m benchmarks --only mean --only feed   comparisons whose name has one of these words
python -m benchmarks --photos input/train      with these photos instead of drawn ones
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    building,
    feeding,
    memory,
    opencv,
    prediction,
    serving,
    single,
    startup,
    training,
)
from benchmarks.comparison import Comparison, Measurement, Missing, measure, table, write
from benchmarks.workplace import Workplace
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.errors import CatdogError

CASES: tuple[Comparison, ...] = (
    *training.CASES,
    *prediction.CASES,
    *single.CASES,
    *opencv.CASES,
    *serving.CASES,
    *building.CASES,
    *feeding.CASES,
    *startup.CASES,
    *memory.CASES,
)
RESULTS = Path(__file__).parent / "results.json"


def chosen(words: Sequence[str]) -> list[Comparison]:
    """The comparisons with one of the words in their case or peer; all without a word."""
    return [
        case
        for case in CASES
        if not words or any(word in f"{case.case} {case.peer}" for word in words)
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    args = _arguments(argv)
    for word in args.only:
        if not chosen([word]):
            what, where = "no comparison has this word", f"--only {word}"
            raise CatdogError(what, where=where, remedy="--list names them all")
    cases = chosen(args.only)
    if args.list:
        print("\n".join(f"{case.case} beside {case.peer}" for case in cases))
        return
    rows: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="catdog-bench") as folder:
        place = Workplace(Path(folder), args.photos, args.count, args.opencv4)
        for case in cases:
            print(f"{case.case} beside {case.peer} ...", file=sys.stderr)
            try:
                rows.append(measure(case, place, args.repeats))
            except Missing as reason:
                print(f"left out: {case.case} beside {case.peer}: {reason}", file=sys.stderr)
                continue
            print(table(rows[-1:]), file=sys.stderr)
    print(table(rows))
    write(rows, args.out, keep=bool(args.only))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--only", action="append", default=[], metavar="WORD", help="may be given for several")
    add("--repeats", type=int, default=5, help="how often each side is measured (default: 5)")
    add("--photos", type=Path, help="a folder of photos, cat.0.jpg ... (default: drawn ones)")
    add("--count", type=int, default=1000, help="how many photos to take (default: 1000)")
    add("--opencv4", type=Path, default=Workplace.opencv4, help="a Python that has OpenCV 4")
    add("--out", type=Path, default=RESULTS, help="(default: benchmarks/results.json)")
    add("--list", action="store_true", help="name the comparisons and measure none")
    return parser.parse(argv)


if __name__ == "__main__":
    run_tool(main)
