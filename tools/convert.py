"""Convert nets and weights, also to ONNX and from torch modules; the suffixes say what to what.

python tools/convert.py net.prototxt net.yaml              also solvers, and old nets to new
python tools/convert.py old.caffemodel new.caffemodel      likewise, with the weights
python tools/convert.py net.caffemodel net.safetensors     also .h5 and .pt, and back
python tools/convert.py mean.binaryproto mean.npy          and back
python tools/convert.py net.caffemodel net.onnx            also .pt2; checked, differences told
python tools/convert.py net.prototxt net.onnx --weights net.caffemodel
python tools/convert.py net.caffemodel net.onnx --dynamic batch,height,width
python tools/convert.py net.caffemodel net.onnx --int8 PHOTOS
python tools/convert.py resnet18 resnet18.caffemodel       pretrained weights by name
python tools/convert.py net.py:Model state.pt net.prototxt  a torch module, to both files of a net
python tools/convert.py torchvision:resnet34 resnet34.prototxt  the same by name, for photos
python tools/convert.py timm:resnet34 state.safetensors resnet34.prototxt

With --fold-batch-norm a net, or weights, lose each BatchNorm and Scale right after a convolution,
and give the same outputs:

python tools/convert.py net.yaml folded.yaml --fold-batch-norm
python tools/convert.py net.pth folded.caffemodel --fold-batch-norm --model net.yaml

Of net.py:Model, or package.module:Model, the code is run: Model is a class or a function that
makes a module without arguments. Its state dict, .pt or .safetensors, may be left out. Both files
of the net are written, and what they compute is compared with the module.

torchvision:NAME and timm:NAME are their nets for pictures, with their weights, those of a state
dict or, for `-`, drawn ones. The net takes BGR photos from 0 to 255 minus its mean_value.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.argument_types import at_least, named_shapes
from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.cli.specs import net_file, spec_file
from catdog.engines.onnx_model import OPSETS, Form
from catdog.engines.other_sizes import open_axes
from catdog.errors import CatdogError
from catdog.export.convert import Conversion, convert
from catdog.export.deployed_files import FileForm
from catdog.export.from_torch.files import write_module_net
from catdog.export.from_torch.named import DRAWN, write_named_net
from catdog.export.from_torch.source import ModuleSource, module_source
from catdog.weights import weight_file
from catdog.weights.named_module import NamedModule, is_named
from catdog.weights.named_nets import named_module
from catdog.weights.pretrained import NAMES


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("source", type=_source, metavar="IN")
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="OUT", help="of a module, its state dict before it"
    )
    parser.add_argument("--weights", type=weight_file, help="for ONNX, .pt2: the net's parameters")
    parser.add_argument("--fold-batch-norm", action="store_true", help="into the layers before it")
    parser.add_argument(
        "--model", type=net_file, help="for folding: the net of weights without one"
    )
    parser.add_shape(alone=True)
    parser.add_stage()
    _add_form(parser)
    parser.add_fork()
    args = parser.parse(argv)
    if not isinstance(args.source, Path):
        _convert_module(args)
        return
    if len(args.files) > 1:
        raise CatdogError(
            f"there are several targets: {', '.join(map(str, args.files))}",
            remedy="name one; what comes before it is the state dict of a module, net.py:Model",
        )
    shapes, fold = named_shapes(args.shape), args.fold_batch_norm
    files = (args.source, args.files[0], args.weights)
    model = args.model and Path(args.model)
    file_form = FileForm(Form(args.opset, args.dynamic), args.int8)
    convert(Conversion(*files, shapes, fold, model, tell, args.stage, file_form, args.fork or ""))
    print(args.files[0])


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


def _convert_module(args: Namespace) -> None:
    """`-` before the target, or nothing, leaves the module as it was made."""
    *before, target = args.files
    given = [each for each in before if str(each) != "-"]
    given += [args.weights] if args.weights else []
    if len(before) > 1 or len(given) > 1:
        raise CatdogError(
            "there are several state dicts", remedy="convert net.py:Model state.pt OUT"
        )
    given_besides = (args.fold_batch_norm, args.model, args.stage, args.fork)
    if any((*given_besides, args.opset, args.dynamic, args.int8)):
        raise CatdogError(
            "of a module only --weights and --shape are taken",
            remedy="leave the others out, and convert the files that come of it",
        )
    for path in _written(args, next(iter(given), None), target, drawn=bool(before) and not given):
        print(path)


def _written(
    args: Namespace, given: Path | None, target: Path, *, drawn: bool
) -> tuple[Path, Path]:
    if isinstance(args.source, ModuleSource):
        return write_module_net(args.source, given, target, args.shape, tell)
    if args.shape:
        what = f"takes pictures of {args.source.size}x{args.source.size}"
        raise CatdogError(what, where=args.source.name, remedy="leave --shape out")
    weights = DRAWN if drawn else str(given or "")
    return write_named_net(args.source, weights, target, tell)


def _source(name: str) -> Path | ModuleSource | NamedModule:
    if is_named(name) and not Path(name).exists():
        return named_module(name)
    if source := module_source(name):
        return source
    return weight_file(name) if name in NAMES else Path(spec_file(name))


if __name__ == "__main__":
    run_tool(main)
