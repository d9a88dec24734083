"""Convert a file to another form; the suffixes say from what to what.

python tools/convert.py net.prototxt net.yaml              also solvers, and old nets to new
python tools/convert.py old.caffemodel new.caffemodel      likewise, with the weights
python tools/convert.py net.caffemodel net.safetensors     also .h5 and .pt, and back
python tools/convert.py mean.binaryproto mean.npy          and back
python tools/convert.py net.caffemodel net.onnx            also .pt2; checked, differences told
python tools/convert.py net.prototxt net.onnx --weights net.caffemodel
python tools/convert.py net.caffemodel net.onnx --dynamic batch,height,width
python tools/convert.py net.caffemodel net.onnx --int8 PHOTOS
python tools/convert.py resnet18 resnet18.caffemodel       pretrained weights by name

With --fold-batch-norm a net, or weights, lose each BatchNorm and Scale right after a convolution,
and give the same outputs:

python tools/convert.py net.yaml folded.yaml --fold-batch-norm
python tools/convert.py net.pth folded.caffemodel --fold-batch-norm --model net.yaml
"""

from collections.abc import Sequence
from pathlib import Path

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.cli.specs import net_file, spec_file
from catdog.engines.onnx_model import OPSETS, Form
from catdog.engines.other_sizes import open_axes
from catdog.export.convert import Conversion, convert
from catdog.export.deployed_files import FileForm
from catdog.weights import weight_file
from catdog.weights.pretrained import NAMES


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("source", type=_source, metavar="IN")
    parser.add_argument("target", type=Path, metavar="OUT")
    parser.add_argument("--weights", type=weight_file, help="for ONNX, .pt2: the net's parameters")
    parser.add_argument("--fold-batch-norm", action="store_true", help="into the layers before it")
    parser.add_argument(
        "--model", type=net_file, help="for folding: the net of weights without one"
    )
    parser.add_shape()
    parser.add_stage()
    _add_form(parser)
    parser.add_fork()
    args = parser.parse(argv)
    shapes, fold = dict(args.shape), args.fold_batch_norm
    files = (args.source, args.target, args.weights)
    model = args.model and Path(args.model)
    file_form = FileForm(Form(args.opset, args.dynamic), args.int8)
    convert(Conversion(*files, shapes, fold, model, tell, args.stage, file_form, args.fork or ""))
    print(args.target)


def _add_form(parser: Parser) -> None:
    """How ONNX and .pt2 are written."""
    add, (first, *_, last) = parser.add_argument, OPSETS
    about = f"for ONNX: the version of its operators, {first} to {last} (default: torch's choice)"
    add("--opset", type=at_least(1), metavar="N", help=about)
    about = (
        "for ONNX, .pt2: axes of the inputs that take any size, of batch,height,width (default: "
    )
    about += "batch, where the layers allow it)"
    add("--dynamic", type=open_axes, metavar="AXES", help=about)
    about = "for ONNX: bytes instead of floats, with ranges from these photos; folders of classes "
    about += "tell the accuracy before and after"
    add("--int8", nargs="+", default=(), metavar="PHOTOS", help=about)


def _source(name: str) -> Path:
    return weight_file(name) if name in NAMES else Path(spec_file(name))


if __name__ == "__main__":
    run_tool(main)
