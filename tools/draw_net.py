"""Draw a net in one state: layers as boxes, blobs as arrows between them.

python tools/draw_net.py net_specs/deep64.yaml deep64.png --rankdir TB
"""

from collections.abc import Sequence

from catdog.cli.arguments import PHASES, Parser, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.cli.specs import net_file
from catdog.export.draw import RANKDIRS, Depicted, draw_spec


def main(argv: Sequence[str] | None = None) -> None:
    args = _parser().parse(argv)
    depicted = Depicted(
        PHASES.get(args.phase),
        args.level,
        args.stage,
        args.phase == "ALL",
        dict(args.shape),
        python_of(args),
    )
    line = draw_spec(
        args.input_net_proto_file,
        args.output_image_file,
        depicted,
        rankdir=args.rankdir,
        show_rates=args.display_lrm,
        tell=tell,
    )
    print(line)


def _parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("input_net_proto_file", type=net_file, help="a net, .yaml or .prototxt")
    parser.add_argument("output_image_file", help="the picture: .png, .svg, .pdf or .dot")
    parser.add_argument(
        "--rankdir",
        type=str.upper,
        choices=RANKDIRS,
        default="",
        help="the direction of flow (default: LR; of a deep net TB, in columns)",
    )
    parser.add_argument(
        "--phase",
        type=str.upper,
        choices=[*PHASES, "ALL"],
        default="",
        help="whose layers to draw (default: TRAIN, or TEST where the net has data there alone); "
        "ALL: layers of all states in one picture, without sizes",
    )
    parser.add_state()
    parser.add_shape()
    parser.add_python()
    parser.add_argument("--display_lrm", action="store_true", help="tell lr_mult of layers")
    return parser


if __name__ == "__main__":
    run_tool(main)
