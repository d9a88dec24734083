"""Compile a net or a solver without data and without weights, and tell all of its faults.

python tools/check.py solvers/s1.yaml
"""

from collections.abc import Sequence

from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.training.check import inspect


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(__doc__)
    parser.add_argument("spec", help="a net or a solver, .yaml or .prototxt")
    parser.add_state()
    parser.add_shape()
    args = parser.parse(argv)
    shapes = dict(args.shape)
    for line in inspect(args.spec, level=args.level, stages=args.stage, given=shapes):
        print(line)


if __name__ == "__main__":
    run_tool(main)
