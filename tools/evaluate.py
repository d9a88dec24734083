"""Score a trained net: on the data of its TEST phase as `caffe test` does, or with a report.

    python tools/evaluate.py --model net_specs/deep64.yaml --weights WEIGHTS
    python tools/evaluate.py --model net_specs/deep64.yaml --weights WEIGHTS --report
    python tools/evaluate.py --weights WEIGHTS --data input/validation_lmdb --report out.html
    python tools/evaluate.py --weights WEIGHTS --data input/validation_lmdb --calibrate
    python tools/evaluate.py --weights WEIGHTS --data input/validation_lmdb --against OTHERS
    python tools/evaluate.py --weights WEIGHTS --data input/train_lmdb --review review.csv

WEIGHTS are those of a training, such as snapshots/quick/deep64_iter_700.caffemodel, or its
snapshot_prefix or folder: its best; or a published folder or hf:USER/NAME.
Without --iterations every example counts once. Of several weights with commas between them the
mean of their probabilities is judged. --data, --report, --tta, --against and --calibrate judge
the probabilities: accuracy, log loss, AUC, calibration. The report is a page and a .json.
"""

from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from catdog.analysis.candidate import Candidate, set_temperature
from catdog.analysis.comparison import comparison_lines
from catdog.analysis.coverage import USUAL, by_weights, record_of
from catdog.analysis.error_maps import MAPPED, ErrorMaps, error_maps
from catdog.analysis.evaluation import (
    Evaluation,
    calibrated,
    calibration_lines,
    compared,
    evaluation_of,
    evaluation_of_mean,
)
from catdog.analysis.foreign_fit import (
    ForeignMeasure,
    fit_foreign,
    foreign_lines,
    learned_places,
    measure_foreign,
)
from catdog.analysis.label_errors import cleanlab, errors
from catdog.analysis.labelled import (
    LabelledPhotos,
    LabelledPredictions,
    collect,
    mean_of,
    open_labelled,
    predict_photos,
    store_remarks,
)
from catdog.analysis.report import report_place, summary, write_report
from catdog.analysis.review_candidates import review_candidates
from catdog.cli.argument_types import at_least, file_name, file_path, names, share
from catdog.cli.arguments import Parser, device_of, state_of, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import load, net_of, python_of
from catdog.cli.specs import net_file
from catdog.data.build.review import propose
from catdog.data.store_names import is_store
from catdog.errors import CatdogError
from catdog.inference.conformal import is_of_views
from catdog.inference.ensemble import Ensemble
from catdog.inference.open_nets import weights_named
from catdog.inference.photos import given_photos, in_order_of_rows
from catdog.inference.predictor import Predictor
from catdog.inference.test import evaluate, lines
from catdog.layers.base import Setting
from catdog.net.batch_statistics import batch_remarks
from catdog.net.opened import open_fed_net
from catdog.proto.caffe_pb2 import TEST, ForeignParameter
from catdog.runtime.progress import progress
from catdog.runtime.wording import counted
from catdog.tracking.runs import learned_from, training_stores
from catdog.weights.published import is_on_hub, published_weights

#: The share of known photos that may be refused where nothing else is said.
_REJECTED = 0.01
#: Photos of each kind that a review gets.
_SUSPECTS = 50


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    _check_published(args)
    args.weights = list(map(weights_named, args.weights))
    args.against = list(map(weights_named, args.against))
    asked = args.data or args.report is not None or args.calibrate or args.tta or args.amp
    if asked or args.review or args.against or args.foreign or not args.model:
        judge(args)
    else:
        test(args)


def _arguments(argv: Sequence[str] | None) -> Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--model", type=net_file, help="the net (default: the one that the weights carry)")
    parser.add_weights(required=True)
    add("--iterations", type=at_least(1), help="batches (default: one pass over the data)")
    add(
        "--data",
        type=Path,
        help="an LMDB, a folder or a zip of labelled photos (default: the model's)",
    )
    add(
        "--report",
        nargs="?",
        type=Path,
        const=Path(),
        metavar="PLACE",
        help="a folder or FILE.html (default: beside the weights)",
    )
    about = f"so many of the worst errors with heat maps in the report (default: {MAPPED}; 0: none)"
    add("--heat-maps", type=at_least(0), default=MAPPED, metavar="N", help=about)
    _add_confidence(parser)
    about = "write photos to look at into this file, for decisions of yours (docs/data.md)"
    add("--review", type=file_path, metavar="FILE.csv", help=about)
    about = f"so many photos of each kind in --review (default: {_SUSPECTS})"
    add("--suspects", type=at_least(1), default=_SUSPECTS, metavar="N", help=about)
    parser.add_views()
    parser.add_precision()
    parser.add_state()
    parser.add_python()
    parser.add_device()
    return parser.parse(argv)


def _add_confidence(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--calibrate",
        "--fit-temperature",
        action="store_true",
        help="find the temperature for these data, and what predict --coverage and --reject need, "
        "and write them into the weights",
    )
    about = "photos that the net learned from, of which --calibrate keeps features (default: "
    add("--train-data", type=file_path, metavar="PLACE", help=f"{about}those of its run)")
    about = f"how often sets of classes are to hold the right one (default: {USUAL})"
    add("--coverage", type=share, default=USUAL, metavar="SHARE", help=about)
    about = "photos of none of the classes: how well are they told from those of --data?"
    add("--foreign", type=file_name, nargs="+", default=[], metavar="PHOTOS", help=about)
    about = f"the share of known photos that may be refused, with --foreign (default: {_REJECTED})"
    add("--reject", type=share, default=_REJECTED, metavar="SHARE", help=about)
    about = "other weights to compare with on the same data: is the difference chance?"
    add("--against", type=names, default=[], metavar="FILE[,FILE]", help=about)


def test(args: Namespace) -> None:
    """The outputs of the net, batch by batch, and their means."""
    with ExitStack() as stack:
        net, setting = net_of(args, args.model, TEST), Setting(provide_caffe=python_of(args))
        fed = open_fed_net(net, stack, setting=setting, device=device_of(args))
        for line in batch_remarks(fed.resolved.running):
            tell(f"warning: {line}")
        load(fed.net, map(str, args.weights))
        for record in evaluate(fed, args.iterations):
            print(*lines(record), sep="\n", flush=True)


@dataclass(frozen=True)
class _Judged:
    """One or several nets with the data, as each prepared them, and what they are worth there."""

    predictors: Sequence[Predictor]
    data: LabelledPhotos
    evaluation: Evaluation


def judge(args: Namespace) -> None:
    """The scores of the net's probabilities, or of the mean of several nets'."""
    _check(args)
    if args.review:
        cleanlab("filter")
    with ExitStack() as stack:
        judged = _judged(args, args.weights, stack)
        evaluation = _calibrated(args, judged) if args.calibrate else _with_sets(args, judged)
        if args.foreign:
            evaluation = replace(evaluation, foreign=_foreign(args, judged))
        if args.against:
            other = _judged(args, args.against, stack).evaluation
            evaluation = compared(evaluation, other)
        print(*summary(evaluation), sep="\n")
        if evaluation.foreign:
            print("", *foreign_lines(evaluation.foreign), sep="\n")
        if evaluation.comparison:
            print("", *comparison_lines(evaluation.comparison), sep="\n")
        if args.report is not None:
            page = report_place(args.report, args.weights[0])
            maps = _maps(evaluation, judged.predictors, judged.data, args.heat_maps)
            paths = write_report(evaluation, judged.data, page, maps)
            print("", *(f"written  {path}" for path in paths), sep="\n")
        if args.review:
            _propose(evaluation, judged.data.names, args)


def _judged(args: Namespace, weights: Sequence[Path], stack: ExitStack) -> _Judged:
    candidates = [_candidate(args, path) for path in weights]
    predictors, places = zip(*(each.open() for each in candidates), strict=True)
    if len(candidates) > 1:
        # their classes are the same
        Ensemble(predictors, [str(each.weights) for each in candidates])
    place = places[0]
    for each, predictor in zip(candidates, predictors, strict=True):
        _warn(each.weights, place, predictor)
    if args.calibrate and weights == args.weights:
        predictors[0].temperature = 1.0
    opened = [stack.enter_context(open_labelled(place, each)) for each in predictors]
    found = list(map(_predictions, predictors, opened))
    if len(candidates) > 1:
        classes, mean = predictors[0].classes, mean_of(found)
        evaluation = evaluation_of_mean(candidates, classes, place, mean)
    else:
        evaluation = evaluation_of(candidates[0], predictors[0], place, found[0])
    return _Judged(predictors, opened[0], evaluation)


def _calibrated(args: Namespace, judged: _Judged) -> Evaluation:
    """The evaluation at the temperature that is best, which the weights have from then on."""
    before, after = judged.evaluation, calibrated(judged.evaluation, args.coverage)
    found = record_of(after.predictions, judged.data.names, args.tta)
    found.foreign.CopyFrom(_fitted_foreign(args, judged))
    set_temperature(args.weights[0], after.temperature, found)
    judged.predictors[0].confidence.CopyFrom(found)
    print(*calibration_lines(before, after), "", sep="\n")
    _check_sets(after, args)
    return after


def _fitted_foreign(args: Namespace, judged: _Judged) -> ForeignParameter:
    """What tells photos of none of the classes, by features of photos that were learned from."""
    predictor, place = judged.predictors[0], args.train_data
    if place is None:
        place = next(filter(is_store, training_stores(args.weights[0])), None)
    with ExitStack() as stack:
        learned = stack.enter_context(open_labelled(place, predictor)) if place else None
        total = len(judged.data.names) + len(learned_places(predictor, learned))
        bar = stack.enter_context(progress(what="look for what is foreign", total=total))
        found = fit_foreign(predictor, judged.data, learned, bar.update)
    if not found.known:
        tell("nothing tells what is foreign: the probabilities come from no Softmax and no Sigmoid")
    elif not found.features:
        why = "the net has no vector of features" if place else "--train-data names photos for that"
        tell(f"what is foreign is told by the energy of the scores, not by features: {why}")
    return found


def _foreign(args: Namespace, judged: _Judged) -> ForeignMeasure:
    """How well photos of none of the classes are told from those that the net is judged on."""
    files = in_order_of_rows(given_photos(args.foreign))[0]
    total = len(files) + len(judged.data.names)
    with progress(what="look for what is foreign", total=total) as bar:
        return measure_foreign(judged.predictors[0], judged.data, files, args.reject, bar.update)


def _with_sets(args: Namespace, judged: _Judged) -> Evaluation:
    """The evaluation with what sets of classes are worth, where the weights carry what they need
    for such looks at a photo."""
    evaluation, carried = judged.evaluation, judged.predictors[0].confidence
    if len(judged.predictors) > 1 or not is_of_views(carried, args.tta):
        return evaluation
    found = by_weights(evaluation.predictions, judged.data.names, carried, args.coverage)
    evaluation = replace(evaluation, coverage=found)
    _check_sets(evaluation, args)
    return evaluation


def _check_sets(evaluation: Evaluation, args: Namespace) -> None:
    if evaluation.coverage is None:
        tell(f"too few photos to tell of sets for --coverage {args.coverage:g}")


def _maps(
    evaluation: Evaluation, predictors: Sequence[Predictor], data: LabelledPhotos, most: int
) -> ErrorMaps | None:
    """Heat maps of the worst errors; where there can be none, that is told."""
    worst = errors(evaluation.predictions, most)
    if not worst:
        return None
    if len(predictors) > 1:
        tell("heat maps are those of one net: the report has none")
        return None
    try:
        return error_maps(predictors[0], data, evaluation.predictions, worst)
    except CatdogError as error:
        tell(f"{error}; the report has no heat maps")
        return None


def _propose(evaluation: Evaluation, names: Sequence[str], args: Namespace) -> None:
    """Write the photos to look at into the review, beside what it has."""
    found = review_candidates(evaluation.predictions, evaluation.classes, names, args.suspects)
    new, known = propose(args.review, [each.row for each in found])
    there = f", {known} stood in it and stay as they are" if known else ""
    print("", f"review   {args.review}: {counted(new, 'photo')} to look at{there}", sep="\n")


def _check_published(args: Namespace) -> None:
    """Raise CatdogError where something would be written into a publication, or the Hub's cache."""
    if any(map(is_on_hub, args.weights)):
        what = "would write beside weights of the Hub, into its cache"
        if args.report == Path():
            raise CatdogError(what, where="--report", remedy="name a place: --report FILE.html")
        if args.calibrate:
            raise CatdogError(what, where="--calibrate", remedy="copy them to a file first")
    elif args.calibrate and any(map(published_weights, args.weights)):
        what = (
            "would change weights that were published, whose sums and card tell of them as they are"
        )
        remedy = "calibrate the run's own weights and publish them again"
        raise CatdogError(what, where="--calibrate", remedy=remedy)


def _check(args: Namespace) -> None:
    if args.iterations is not None:
        what = "a net is judged on all of its data"
        raise CatdogError(what, where="--iterations", remedy="leave it out")
    for flag, given in (("--calibrate", args.calibrate), ("--foreign", args.foreign)):
        if given and len(args.weights) > 1:
            what = "a net is calibrated by itself, not the mean of several"
            raise CatdogError(what, where=flag, remedy="name one file in --weights")


def _candidate(args: Namespace, weights: Path) -> Candidate:
    return Candidate(
        weights,
        Path(args.model) if args.model else None,
        args.data,
        args.tta,
        state_of(args, TEST),
        device_of(args),
        args.amp,
        python_of(args),
    )


def _predictions(predictor: Predictor, data: LabelledPhotos) -> LabelledPredictions:
    return collect(progress(predict_photos(predictor, data), "judge", len(data.names)))


def _warn(weights: Path, place: Path, predictor: Predictor) -> None:
    if learned_from(weights, place):
        known = f"the net was trained on {place}: its scores there say nothing of other photos"
        tell(f"warning: {known}")
    for line in store_remarks(place, predictor):
        tell(f"warning: {line}")
    for line in predictor.notes:
        tell(line)


if __name__ == "__main__":
    run_tool(main)
