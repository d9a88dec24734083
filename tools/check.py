"""Say whether a net or a solver, of Caffe or a fork, works here, and all of its faults if not.

Neither data nor weights are needed.

A store of photos is read from end to end instead, each record compared with its checksum.

  python tools/check.py solvers/s1.yaml
  python tools/check.py input/train_lmdb
  python tools/check.py folder_of_nets

With --stub nothing is checked: it prints a module in Python with a class for each type of layers
that catdog does not have, to be filled in.

  python tools/check.py net.prototxt --stub > fork_layers.py
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.cli.specs import spec_file
from catdog.data.store_check import check_store, told
from catdog.data.store_names import is_store
from catdog.errors import CatdogError, DataError
from catdog.net.python_stub import stubs
from catdog.runtime.patterns import is_pattern
from catdog.spec.read import read_spec
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
    parser.add_argument(
        "--stub", action="store_true", help="print classes in Python for layers that are not known"
    )
    args = parser.parse(argv)
    path = Path(args.spec)
    if args.stub:
        print(stubs(read_spec(path, []).message, path))
        return
    nets = nets_below(path)
    if nets:
        _check_folder(nets, args)
        return
    if path.is_dir() or is_pattern(args.spec) or is_store(path):
        _check_store(path)
        return
    for line in inspect(args.spec, _wanted(args), tell):
        print(line)


def _wanted(args: Namespace) -> Inspection:
    return Inspection(args.level, args.stage, args.set, dict(args.shape), python_of(args))


def _check_folder(nets: Sequence[Path], args: Namespace) -> None:
    """One line for each net, OK or its first fault."""
    wrong = 0
    for path in nets:
        try:
            print(inspect(path, _wanted(args))[0])
        except CatdogError as error:
            wrong += 1
            print(str(error).partition("\n")[0])
    print(f"{len(nets) - wrong} of {len(nets)} nets check OK")
    if wrong:
        raise CatdogError(f"{wrong} of {len(nets)} nets have faults", where=args.spec)


def nets_below(path: Path) -> list[Path]:
    """The texts of nets below a folder that is no store."""
    if not path.is_dir() or is_store(path):
        return []
    found = [each for each in path.rglob("*.prototxt") if "solver" not in each.name.lower()]
    return sorted(found)


def _check_store(path: Path) -> None:
    reports = check_store(path)
    for line in told(reports):
        print(line)
    if any(report.damaged for report in reports):
        raise DataError("records are damaged", where=str(path), remedy="build it again")


if __name__ == "__main__":
    run_tool(main)
