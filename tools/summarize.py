"""A table of a net: output shapes, parameters and multiply-adds of its layers, and totals.

python tools/summarize.py net_specs/deep64.yaml --shape data=1,3,64,64
"""

import argparse
from collections.abc import Iterator, Sequence

from catdog.cli.arguments import Parser, state_of, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import net_of, python_of
from catdog.cli.specs import net_file
from catdog.net.abstract import blueprint
from catdog.net.resolved import ResolvedNet
from catdog.net.summary import summarize, table
from catdog.spec import read_net
from catdog.spec.data_layers import brings_data
from catdog.spec.rules import is_kept
from catdog.spec.states import other_flags, state_words


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(__doc__)
    parser.add_argument("net", type=net_file, help="a net, .yaml or .prototxt")
    parser.add_state(phase="TEST")
    parser.add_shape()
    parser.add_python()
    args = parser.parse(argv)
    net = net_of(args, args.net, tested=args.phase == "TEST")
    python = python_of(args)
    plan = blueprint(net, dict(args.shape), provide_caffe=python, tell=tell, must_fit=False)
    print(table(summarize(plan.net)), *_state(args, net), sep="\n")


def _state(args: argparse.Namespace, net: ResolvedNet) -> Iterator[str]:
    """The line that says the state, of a net with several."""
    written, state = read_net(args.net).message, state_of(args)
    if words := state_words(written, state):
        own = any(brings_data(layer) and is_kept(layer, state) for layer in written.layer)
        data = " on the data of the TRAIN phase" if net.data_layers and not own else ""
        others = "; ".join(other_flags(written, state))
        yield f"state: {words}{data}" + (f"; for other layers: {others}" if others else "")


if __name__ == "__main__":
    run_tool(main)
