"""A table of a net: output shapes, parameters and multiply-adds of its layers, and totals.

python tools/summarize.py net_specs/deep64.yaml --shape data=1,3,64,64
"""

from collections.abc import Sequence

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import net_of, python_of
from catdog.net.abstract import blueprint
from catdog.net.summary import summarize, table


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(__doc__)
    parser.add_argument("net", help="a net, .yaml or .prototxt")
    parser.add_state(phase="TEST")
    parser.add_shape()
    parser.add_python()
    args = parser.parse(argv)
    net = net_of(args, args.net, tested=args.phase == "TEST")
    python = python_of(args)
    plan = blueprint(net, dict(args.shape), provide_caffe=python, tell=tell)
    print(table(summarize(plan.net)))


if __name__ == "__main__":
    run_tool(main)
