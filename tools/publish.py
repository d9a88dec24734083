"""Publish a run for others: a folder, or a repository of the Hugging Face Hub, with a model card.

    python tools/publish.py snapshots/quick/deep64 --to published
    python tools/publish.py snapshots/quick/deep64 --to hf:USER/NAME

It has the best weights as safetensors, the net, ONNX, how photos are prepared, class names and
curves. The card's scores come from the report of evaluate.py --report alone.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from catdog.analysis.report import report_place
from catdog.cli.argument_types import file_name, file_path
from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.tracking.publication.folder import publish_folder
from catdog.tracking.publication.hub import publish_to_hub
from catdog.tracking.publication.measured import Measured, evaluate_command, read_measured
from catdog.tracking.publication.publication import publication_of, weights_to_publish
from catdog.tracking.runs import find_run
from catdog.weights.published import HUB, is_on_hub


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    weights = weights_to_publish(find_run(args.run))
    found = publication_of(args.run, measured=_measured(args, weights), terms=args.license)
    if is_on_hub(args.to):
        address, names = publish_to_hub(found, args.to, tell, private=args.private)
    else:
        address, names = args.to, publish_folder(found, Path(args.to), tell)
    print(f"{weights} is published in {address}: {', '.join(names)}")
    print(f"catdog predict photo.jpg --weights {args.to}")


def _arguments(argv: Sequence[str] | None) -> Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("run", type=file_name, metavar="RUN", help="a run: its snapshot_prefix, or its folder")
    about = f"a folder, or {HUB}USER/NAME"
    add("--to", required=True, type=file_name, metavar=f"DIR|{HUB}USER/NAME", help=about)
    about = "the .json of the report that the card's scores come from (default: beside the weights)"
    add("--report", type=file_path, metavar="FILE.json", help=about)
    about = "what others may do with it, such as mit or cc-by-4.0 (default: nothing is said)"
    add("--license", default="", metavar="NAME", help=about)
    add("--private", action="store_true", help="on the Hub: for those that you let in")
    return parser.parse(argv)


def _measured(args: Namespace, weights: Path) -> Measured | None:
    """The scores of the report; none where there is no report and none was named."""
    report = args.report or report_place(Path(), weights).with_suffix(".json")
    if args.report or report.exists():
        return read_measured(report, weights)
    tell(f"the card has no scores: {evaluate_command(weights)} measures them")
    return None


if __name__ == "__main__":
    run_tool(main)
