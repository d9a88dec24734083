"""Write a net as one Python file that needs nothing but torch, and its parameters beside it.

    python tools/to_torch.py --model net_specs/resnet18.yaml resnet18.py
    python tools/to_torch.py --weights snapshots/quick/deep64_iter_700.caffemodel deep64.py

The file holds the deploy net. A snapshot of catdog carries its net: leave --model out then.
"""

from collections.abc import Sequence
from pathlib import Path

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.cli.specs import net_file
from catdog.export.deployed import deployed
from catdog.export.torch_files import write_torch
from catdog.weights import weight_file


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("code", type=Path, metavar="OUT.py")
    parser.add_argument("--model", type=net_file, help="the net, .yaml or .prototxt")
    parser.add_argument(
        "--weights", type=weight_file, help="its parameters (default: those of fillers)"
    )
    parser.add_argument(
        "--state", type=Path, help="where they go, .pt or .safetensors (default: OUT.pt)"
    )
    parser.add_shape()
    parser.add_stage()
    args = parser.parse(argv)
    state = args.state or args.code.with_suffix(".pt")
    net = deployed(
        args.model and Path(args.model), args.weights, dict(args.shape), tell, args.stage
    )
    for line in net.remarks:
        tell(line)
    write_torch(net, args.code, state)
    print(f"{args.code}\n{state}")


if __name__ == "__main__":
    run_tool(main)
