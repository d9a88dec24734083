"""Time the layers of a net, forward and backward, as `caffe time` does.

    python tools/time_net.py --model net_specs/caffenet.yaml --iterations 10

The inputs are random numbers of the shapes of the data: reading data does not count.
"""

from collections.abc import Sequence

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser, device_of, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import net_of, python_of
from catdog.net.abstract import blueprint
from catdog.net.timing import lines, time_net
from catdog.solver.solverstate import load_net
from catdog.weights import weight_file


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_model()
    parser.add_weights()
    parser.add_argument("--iterations", type=at_least(1), default=50, help="(default: 50)")
    parser.add_argument(
        "--batch", type=at_least(1), help="examples in a batch (default: as the net says)"
    )
    parser.add_state(phase="TRAIN")
    parser.add_device()
    parser.add_shape()
    parser.add_python()
    args = parser.parse(argv)
    device, net, python = device_of(args), net_of(args, args.model), python_of(args)
    plan = blueprint(
        net, dict(args.shape), batch=args.batch, provide_caffe=python, tell=tell, must_fit=False
    )
    plan.net.fill()
    for name in args.weights:
        load_net(plan.net, weight_file(name))
    print(f"*** Benchmark begins ***\nTesting for {args.iterations} iterations on {device}.")
    for line in lines(time_net(plan.net.to(device), args.iterations)):
        print(line)
    print("*** Benchmark ends ***")


if __name__ == "__main__":
    run_tool(main)
