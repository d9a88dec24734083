"""A table of a net: output shapes, parameters and multiply-adds of its layers, and totals.

python tools/summarize.py net_specs/deep64.yaml --shape data=1,3,64,64
"""

import sys
from collections.abc import Sequence

from catdog.cli.arguments import Parser, state_of
from catdog.cli.main import run_tool
from catdog.net.abstract import blueprint
from catdog.net.resolved import resolve
from catdog.net.summary import summarize, table
from catdog.spec import read_net


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(__doc__)
    parser.add_argument("net", help="a net, .yaml or .prototxt")
    parser.add_state(phase="TEST")
    parser.add_shape()
    args = parser.parse(argv)
    plan = blueprint(resolve(read_net(args.net), state_of(args)), dict(args.shape))
    for line in plan.assumed:
        print(line, file=sys.stderr)
    print(table(summarize(plan.net)))


if __name__ == "__main__":
    run_tool(main)
