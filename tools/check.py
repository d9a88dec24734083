"""Compile a net or a solver without data and without weights, and tell all of its faults.

A store of photos is read from end to end instead, each record compared with its checksum.

  python tools/check.py solvers/s1.yaml
  python tools/check.py input/train_lmdb
"""

from collections.abc import Sequence
from pathlib import Path

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.cli.specs import spec_file
from catdog.data.store_check import check_store, told
from catdog.data.store_names import is_store
from catdog.errors import DataError
from catdog.runtime.patterns import is_pattern
from catdog.training.check import Inspection, inspect


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "spec", type=spec_file, help="a net or a solver, .yaml or .prototxt; a store"
    )
    parser.add_state()
    parser.add_shape()
    parser.add_set()
    parser.add_python()
    args = parser.parse(argv)
    path = Path(args.spec)
    if path.is_dir() or is_pattern(args.spec) or is_store(path):
        _check_store(path)
        return
    wanted = Inspection(args.level, args.stage, args.set, dict(args.shape), python_of(args))
    for line in inspect(args.spec, wanted, tell):
        print(line)


def _check_store(path: Path) -> None:
    reports = check_store(path)
    for line in told(reports):
        print(line)
    if any(report.damaged for report in reports):
        raise DataError("records are damaged", where=str(path), remedy="build it again")


if __name__ == "__main__":
    run_tool(main)
