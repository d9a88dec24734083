"""List runs and compare them, by the records that lie beside their snapshots.

    python tools/runs.py snapshots
    python tools/runs.py snapshots --sort accuracy --tag baseline
    python tools/runs.py --diff snapshots/quick/deep64 snapshots/small/small64
    python tools/runs.py --edit snapshots/quick/deep64 --note "with more dropout" --tag baseline
    python tools/runs.py --delete snapshots/quick/deep64

Columns are shown for the fields in which the runs differ.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.errors import CatdogError, one_line
from catdog.runtime.wording import counted
from catdog.tracking.run_editing import annotate, tagged
from catdog.tracking.run_removal import check_ended, delete_run, files_of_run
from catdog.tracking.run_table import difference, listing, ordered, rows
from catdog.tracking.runs import find_run, find_runs


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    if args.edit:
        _edit(args)
    elif args.delete:
        _delete(args)
    elif args.diff:
        one, other = map(find_run, args.diff)
        print(difference(one, other) or "no field differs")
    else:
        _list(args)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
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
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--diff", nargs=2, metavar=("A", "B"), help="the fields in which two runs differ"
    )
    what.add_argument("--edit", metavar="RUN", help="change its note and tags, also while it runs")
    about = "remove its files, and no others, once that is confirmed"
    what.add_argument("--delete", metavar="RUN", help=about)
    parser.add_argument("--yes", action="store_true", help="with --delete: without a question")
    _add_annotation(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="the table as CSV")
    form.add_argument("--json", action="store_true", help="the table as JSON")
    args = parser.parse(argv)
    flag = "--note" * (args.note is not None) or "--untag" * bool(args.untag)
    if flag and not args.edit:
        words = "changes a run, and none is named"
        raise CatdogError(words, where=flag, remedy=f"--edit RUN {flag} ...")
    return args


def _add_annotation(parser: Parser) -> None:
    """Note and tags."""
    add = parser.add_argument
    about = "only runs with this tag; with --edit: give it to the run; may be given for several"
    add("--tag", action="append", default=[], metavar="WORD", help=about)
    about = "with --edit: take the tag away; may be given for several"
    add("--untag", action="append", default=[], metavar="WORD", help=about)
    add("--note", metavar="TEXT", help="with --edit: the note, in place of the old one; '': none")


def _edit(args: argparse.Namespace) -> None:
    if args.note is None and not (args.tag or args.untag):
        remedy = "give --note, --tag or --untag"
        raise CatdogError("nothing to change", where="--edit", remedy=remedy)
    after = annotate(args.edit, note=args.note, add=args.tag, remove=args.untag)
    print(f"tags: {one_line(' '.join(after.tags)) or '-'}")
    # a record may have been edited by hand
    print("note: " + ("\n".join(map(one_line, after.note.split("\n"))) or "-"))


def _delete(args: argparse.Namespace) -> None:
    check_ended(args.delete)
    found = files_of_run(args.delete)
    for path in found.own:
        print(path)
    for path, reason in found.left:
        print(f"{path} stays: {reason}")
    told = f"{counted(len(found.own), 'file')}, {found.size / 1e6:,.1f} MB"
    if not (args.yes or _agreed(f"Remove {told}? [y/N] ")):
        print("nothing is removed")
        return
    gone = delete_run(args.delete)
    print(f"removed: {counted(len(gone.own), 'file')}")


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise CatdogError("there is nobody to ask", where="--delete", remedy="give --yes")
    print(question, end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _list(args: argparse.Namespace) -> None:
    runs = find_runs(args.folders, lambda line: tell(f"warning: {line}"))
    if args.tag:
        runs = tagged(runs, args.tag)
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
        writer.writerows({**row, "tags": " ".join(row["tags"])} for row in table)
    else:
        print(listing(table, args.sort or ""))


if __name__ == "__main__":
    run_tool(main)
