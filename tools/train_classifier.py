"""Fit a linear classifier of scikit-learn on features of a trained net.

    python tools/train_classifier.py --model net_specs/efficientnet_lite0.yaml \\
        --weights efficientnet_lite0 --out classifier.caffemodel

Features are what the net's last InnerProduct layer reads, or --blob, for the training data (not
augmented) and the validation data. --out writes the net with the classifier as that layer:
tools/predict.py takes it as any snapshot.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from catdog.analysis.linear_probe import KINDS, LinearClassifier, fit, last_layer, put, score
from catdog.analysis.probe_data import carrying, examples, open_both
from catdog.cli.argument_types import positive_number
from catdog.cli.arguments import Parser, device_of
from catdog.cli.main import run_tool
from catdog.net.opened import FedNet
from catdog.runtime.text_table import text_table
from catdog.solver.solverstate import load_net, save_net
from catdog.spec import read_net
from catdog.weights import weight_file


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    parser.add_model()
    parser.add_weights(required=True)
    parser.add_argument("--blob", default="", help="features (default: of the last InnerProduct)")
    parser.add_argument("--kind", choices=KINDS, help="(default: all, the first is written)")
    parser.add_argument(
        "--strength", type=positive_number, help="scikit-learn's C (default: by cross-validation)"
    )
    parser.add_argument("--out", type=Path, help="write the net with the classifier in it")
    parser.add_device()
    return parser.parse(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    spec = read_net(args.model)
    with ExitStack() as stack:
        training, validation = open_both(spec, stack, device_of(args))
        for name in args.weights:
            load_net(training.net, weight_file(name, spec.locate))
        fitted = _compare(args, training, validation)
        if args.out:
            _write(args, validation, fitted)


def _compare(
    args: argparse.Namespace, training: FedNet, validation: FedNet
) -> list[tuple[str, LinearClassifier]]:
    """Fit each kind, print how good it is."""
    blob = args.blob or last_layer(training.net).bottoms[0]
    seen, held_out = examples(training, blob), examples(validation, blob)
    count, numbers = seen.features.shape
    print(
        f"{numbers} features {blob} of {count} training, {len(held_out.labels)} validation examples"
    )
    fitted, rows = [], []
    for kind in [args.kind] if args.kind else KINDS:
        linear, strength = fit(kind, seen, args.strength)
        before, after = score(linear, seen), score(linear, held_out)
        accuracies = f"{before.accuracy:.2%}", f"{after.accuracy:.2%}"
        judged = f"{after.log_loss:.4f}", after.interval.words()
        rows.append((kind, f"{strength:g}", *accuracies, *judged))
        fitted.append((kind, linear))
    titles = ("classifier", "strength", "training", "validation", "log loss", "validation, by 95 %")
    print(text_table(titles, rows))
    return fitted


def _write(
    args: argparse.Namespace, fed: FedNet, fitted: Sequence[tuple[str, LinearClassifier]]
) -> None:
    kind, linear = fitted[0]
    node = last_layer(fed.net, args.blob)
    put(linear, node)
    save_net(args.out, fed.net, carrying(fed))
    print(f"{args.out}: layer {node.name} is the {kind} classifier")


if __name__ == "__main__":
    run_tool(main)
