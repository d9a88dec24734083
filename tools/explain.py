"""Show what a net looked at in photos: heat maps for a class, the insides of a layer.

    python tools/explain.py cat.jpg                            to explanation.png
    python tools/explain.py cat.jpg --class dog --layer conv2  why dog, and what conv2 made of it
    python tools/explain.py holidays --out page.html           a page on all photos of a folder

Grad-CAM shows where a layer speaks for the class, occlusion where its probability falls when a
square of the photo is covered. Both show the photo as the net gets it.
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from catdog.analysis.explanation import GRAD_CAM, METHODS, Explainer, Explanation
from catdog.analysis.explanation_report import (
    check_target,
    draw_explanations,
    explanation_page,
    is_page,
)
from catdog.cli.argument_types import file_name, file_path
from catdog.cli.arguments import Parser, device_of, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.cli.prediction import add_nets
from catdog.data.images import Readable, Unreadable
from catdog.errors import CatdogError
from catdog.inference.open_nets import NetOptions, named_weights
from catdog.inference.photos import given_photos, in_order_of_rows
from catdog.inference.predictor import Prediction, Predictor, newest_weights
from catdog.inference.tally import in_full, nothing_read
from catdog.runtime.files import replacing
from catdog.runtime.progress import progress
from catdog.runtime.wording import counted

OUT = "explanation.png"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    files, _ = in_order_of_rows(given_photos(args.photos))
    check_target(args.out, len(files))
    weights = _weights(args)
    explainer = _explainer(args, _predictor(args, weights))
    lead = f"{_what(explainer, args)} of {counted(len(files), 'photo')} with {weights}"
    tell(lead)
    # a place that cannot be written is found out before the work
    with replacing(args.out) as beside:
        beside.touch()
        answers: list[Prediction] = []
        found = _explained(explainer, files, answers)
        if is_page(args.out):
            page = explanation_page(found, explainer.node, f"{lead}.", with_layer=bool(args.layer))
            page.write(beside)
        else:
            draw_explanations(beside, found, explainer.node, with_layer=bool(args.layer))
    print(in_full(answers, explainer.heads))
    print(f"{'page' if is_page(args.out) else 'picture'} in {args.out}")


def _arguments(argv: Sequence[str] | None) -> Namespace:
    parser = Parser(__doc__)
    parser.add_argument("photos", nargs="+", help="photos, folders of them, zip archives")
    about = "a file, a run or its folder (default: the newest run's below snapshots/, its best)"
    parser.add_argument("--weights", type=file_name, metavar="FILE", help=about)
    about = "the class to explain (default: the likeliest of each photo)"
    parser.add_argument("--class", dest="class_name", default="", metavar="NAME", help=about)
    about = "the layer of Grad-CAM, whose activations and kernels are shown as well (default: the "
    about += "last one with height and width that is no pooling, for Grad-CAM alone)"
    parser.add_argument("--layer", default="", metavar="NAME", help=about)
    parser.add_argument("--method", choices=METHODS, help="one of them alone (default: both)")
    about = f".html: a page; .png, .pdf, .svg, .jpg: a picture (default: {OUT})"
    parser.add_argument("--out", type=file_path, default=Path(OUT), metavar="FILE", help=about)
    add_nets(parser)
    parser.add_python()
    parser.add_device()
    return parser.parse(argv)


def _what(explainer: Explainer, args: Namespace) -> str:
    """The methods, and the layer where it counts."""
    methods = " and ".join(METHODS[each] for each in explainer.methods)
    if explainer.node and (args.layer or GRAD_CAM in explainer.methods):
        return f"{methods} (layer {explainer.node.name})"
    return methods


def _weights(args: Namespace) -> Path:
    if not args.weights:
        return newest_weights("snapshots")
    first, *others = named_weights(args.weights)
    if others:
        raise CatdogError("one net is explained at a time", where="--weights", remedy="name one")
    return first


def _predictor(args: Namespace, weights: Path) -> Predictor:
    options = NetOptions(
        model=args.model,
        dataset=args.dataset,
        mean=args.mean,
        labels=args.labels,
        device=device_of(args),
        scores=True,
        provide_caffe=python_of(args),
    )
    return options.open(weights)


def _explainer(args: Namespace, predictor: Predictor) -> Explainer:
    explainer = Explainer(
        predictor,
        [args.method] if args.method else METHODS,
        class_name=args.class_name,
        layer=args.layer,
        with_activations=bool(args.layer),
    )
    if not (args.method or explainer.node):
        tell("no layer of the net has height and width: occlusion alone")
    return explainer


def _explained(
    explainer: Explainer, files: Sequence[Readable], answers: list[Prediction]
) -> Iterator[Explanation]:
    """Of all photos that can be read, one after the other: they are large; the others are told."""
    skipped: list[Unreadable] = []
    views = len(files) * explainer.views
    with progress(what="explain", total=views, unit="views") as bar:
        for file in files:
            try:
                found = explainer.explain(file, bar.update)
            except Unreadable as error:
                skipped.append(error)
                bar.update(explainer.views)
            else:
                answers.append(found.prediction)
                yield found
    if not answers:
        raise nothing_read(skipped)
    for each in skipped:
        tell(f"no photo: {each}")


if __name__ == "__main__":
    run_tool(main)
