"""Score a trained net on the data of its TEST phase, as `caffe test` does.

    python tools/evaluate.py --model net_specs/deep64.yaml --weights snapshots/x.caffemodel

Without --iterations every example counts once.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from catdog import cli
from catdog.arguments import Parser, device_of, state_of
from catdog.evaluate import evaluate, lines
from catdog.fed_net import open_fed_net
from catdog.proto.caffe_pb2 import TEST
from catdog.snapshot import load_net
from catdog.spec import read_net


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_model()
    parser.add_weights(required=True)
    parser.add_argument("--iterations", type=int, help="batches (default: one pass over the data)")
    parser.add_state()
    parser.add_device()
    args = parser.parse(argv)
    with ExitStack() as stack:
        fed = open_fed_net(
            read_net(args.model), state_of(args, TEST), stack, device=device_of(args)
        )
        for name in args.weights:
            load_net(fed.net, Path(name))
        for record in evaluate(fed, args.iterations):
            print(*lines(record), sep="\n", flush=True)


if __name__ == "__main__":
    cli.tool(main)
