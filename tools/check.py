"""Compile a net or a solver without data and without weights, and tell all of its faults.

python tools/check.py solvers/s1.yaml
"""

from collections.abc import Sequence

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.training.check import Inspection, inspect


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(__doc__)
    parser.add_argument("spec", help="a net or a solver, .yaml or .prototxt")
    parser.add_state()
    parser.add_shape()
    parser.add_set()
    parser.add_python()
    args = parser.parse(argv)
    wanted = Inspection(args.level, args.stage, args.set, dict(args.shape), python_of(args))
    for line in inspect(args.spec, wanted, tell):
        print(line)


if __name__ == "__main__":
    run_tool(main)
