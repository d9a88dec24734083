"""List runs and compare them, by the records that lie beside their snapshots.

    python tools/runs.py snapshots
    python tools/runs.py snapshots --sort accuracy
    python tools/runs.py --diff snapshots/quick/deep64 snapshots/small/small64

Columns are shown for the fields in which the runs differ.
"""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.tracking.run_table import difference, listing, ordered, rows
from catdog.tracking.runs import find_run, find_runs


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument(
        "folders",
        metavar="DIR",
        nargs="*",
        type=Path,
        default=[Path("snapshots")],
        help="where to look, with all folders below (default: snapshots)",
    )
    parser.add_argument("--metric", default="", help="a test output (default: accuracy)")
    parser.add_argument(
        "--sort", metavar="COLUMN", help="run, status, started, seconds, a test output or a field"
    )
    parser.add_argument(
        "--diff", nargs=2, metavar=("A", "B"), help="the fields in which two runs differ"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="the table as CSV")
    form.add_argument("--json", action="store_true", help="the table as JSON")
    args = parser.parse(argv)
    if args.diff:
        one, other = map(find_run, args.diff)
        print(difference(one, other) or "no field differs")
        return
    runs = find_runs(args.folders, lambda line: tell(f"warning: {line}"))
    output = (args.sort or "").removeprefix("best ")
    by_score = any(output in run.best for run in runs)
    table = rows(runs, args.metric or (output if by_score else ""))
    if args.sort:
        table = ordered(table, runs, args.sort)
    if args.json:
        print(json.dumps(table, indent=1))
    elif args.csv:
        writer = csv.DictWriter(sys.stdout, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    else:
        print(listing(table, args.sort or ""))


if __name__ == "__main__":
    run_tool(main)
