"""Convert a file to another form; the suffixes say from what to what.

python tools/convert.py net.prototxt net.yaml              also solvers, and old nets to new
python tools/convert.py old.caffemodel new.caffemodel      likewise, with the weights
python tools/convert.py net.caffemodel net.safetensors     also .h5 and .pt, and back
python tools/convert.py mean.binaryproto mean.npy          and back
python tools/convert.py net.yaml net.onnx --weights net.caffemodel
"""

from collections.abc import Sequence
from pathlib import Path

from catdog import cli
from catdog.arguments import Parser
from catdog.convert import Job, convert


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("target", type=Path, metavar="OUT")
    parser.add_argument("--weights", type=Path, help="for ONNX: the net's parameters")
    parser.add_shape()
    args = parser.parse(argv)
    convert(Job(args.source, args.target, args.weights, dict(args.shape)))
    print(args.target)


if __name__ == "__main__":
    cli.tool(main)
