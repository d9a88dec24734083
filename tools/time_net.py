"""Time the layers of a net, forward and backward, as `caffe time` does.

    python tools/time_net.py --model net_specs/caffenet.yaml --iterations 10

The inputs are random numbers of the shapes of the data: reading data does not count.
"""

import sys
from collections.abc import Sequence

from catdog.cli.arguments import Parser, device_of, state_of
from catdog.cli.main import run_tool
from catdog.net.abstract import blueprint
from catdog.net.resolved import resolve
from catdog.net.timing import lines, time_net
from catdog.solver.solverstate import load_net
from catdog.spec import read_net
from catdog.weights import weight_file


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_model()
    parser.add_weights()
    parser.add_argument("--iterations", type=int, default=50, help="(default: 50)")
    parser.add_argument("--batch", type=int, help="examples in a batch (default: as the net says)")
    parser.add_state(phase="TRAIN")
    parser.add_device()
    parser.add_shape()
    args = parser.parse(argv)
    device = device_of(args)
    plan = blueprint(
        resolve(read_net(args.model), state_of(args)), dict(args.shape), batch=args.batch
    )
    for line in plan.assumed:
        print(line, file=sys.stderr)
    plan.net.fill()
    for name in args.weights:
        load_net(plan.net, weight_file(name))
    print(f"*** Benchmark begins ***\nTesting for {args.iterations} iterations on {device}.")
    for line in lines(time_net(plan.net.to(device), args.iterations)):
        print(line)
    print("*** Benchmark ends ***")


if __name__ == "__main__":
    run_tool(main)
