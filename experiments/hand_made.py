"""Hand-made features beside learned ones, on the same photos, split in the same way.

    python -m experiments.hand_made --data input

Photos are stored twice, at 224x224 as they are and at 64x64 with even histograms; one seed divides
them, so both stores have the same photos in training and validation. What takes a photo as numbers
that a person thought of (HOG, a colour histogram) and what takes those that a net learned then get
the same linear classifiers, whose strength cross-validation on the training photos chooses.
"""

import argparse
import csv
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.analysis.linear_probe import KINDS, Examples, fit, last_layer, score
from catdog.analysis.probe_data import examples, open_both
from catdog.cli.main import run_tool
from catdog.data.datum import read_example
from catdog.data.lmdb_store import Reader
from catdog.errors import DataError
from catdog.runtime.optional import optional
from catdog.runtime.parallel import in_order
from catdog.solver.solverstate import load_net
from catdog.spec import read_net
from catdog.weights import weight_file

ROOT = Path(__file__).parent.parent
#: Sides of the photos that HOG and histograms see.
SIDE = 128
#: Steps of hue, saturation and brightness in a colour histogram.
BINS = (12, 4, 4)

Floats = NDArray[np.float64]
Photo = NDArray[np.uint8]


@dataclass(frozen=True)
class HandMadeScore:
    """How good one way is on the held-out photos, and what it took."""

    features: str
    numbers: str
    classifier: str
    accuracy: float
    log_loss: float
    minutes: float


def gradients(photo: Photo) -> Floats:
    """HOG: how often edges go in each of 9 directions, in cells of 16 pixels (1,764 numbers).

    After Dalal and Triggs, CVPR 2005: blocks of 2 x 2 cells, clipped and normalised.
    """
    feature = optional("skimage.feature", "HOG needs scikit-image", "pip install '.[skimage]'")
    grey = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    found = feature.hog(
        grey, orientations=9, pixels_per_cell=(16, 16), cells_per_block=(2, 2), transform_sqrt=True
    )
    return np.asarray(found, np.float64)


def colours(photo: Photo) -> Floats:
    """How much of a photo has each of 12 x 4 x 4 colours: roots of shares (192 numbers)."""
    hsv = cv2.cvtColor(photo, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, BINS, [0, 180, 0, 256, 0, 256])
    roots: Floats = np.sqrt(counts.astype(np.float64).ravel() / counts.sum())
    return roots


def both(photo: Photo) -> Floats:
    """HOG and colours one behind the other."""
    return np.concatenate((gradients(photo), colours(photo)))


#: What a person thought of.
FEATURES: dict[str, Callable[[Photo], Floats]] = {
    "colour histogram": colours,
    "HOG": gradients,
    "HOG and colours": both,
}


def read_store(path: Path, feature: Callable[[Photo], Floats]) -> Examples:
    """A feature of every record of an LMDB, with the labels."""

    def of_record(value: bytes) -> tuple[Floats, int]:
        example = read_example(value, color=True)
        photo = np.ascontiguousarray(example.array.transpose(1, 2, 0), np.uint8)
        small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return feature(np.asarray(small, np.uint8)), example.label

    with Reader(path) as reader:
        rows = list(in_order(of_record, reader))
    return Examples(np.stack([row for row, _ in rows]), np.array([label for _, label in rows]))


def classified(
    name: str, seen: Examples, held_out: Examples, minutes: float
) -> Iterator[HandMadeScore]:
    """Both linear classifiers on features that took so many minutes."""
    for kind in KINDS:
        began = worked()
        linear, _ = fit(kind, seen)
        found = score(linear, held_out)
        took = minutes + worked() - began
        count = f"{seen.features.shape[1]:,}"
        yield HandMadeScore(name, count, kind, found.accuracy, found.log_loss, took)


def hand_made(store: Path) -> Iterator[HandMadeScore]:
    """HOG, colours, both."""
    for name, feature in FEATURES.items():
        began = worked()
        seen = read_store(store / "input/train_lmdb", feature)
        held_out = read_store(store / "input/validation_lmdb", feature)
        yield from classified(name, seen, held_out, worked() - began)


def learned(store: Path) -> Iterator[HandMadeScore]:
    """What EfficientNet-Lite0 makes of the photos, which it learned from a million others."""
    began = worked()
    spec = read_net(ROOT / "net_specs/efficientnet_lite0.yaml")
    for layer in spec.message.layer:
        if layer.HasField("data_param"):
            layer.data_param.source = str(store / layer.data_param.source)
    with ExitStack() as stack:
        training, validation = open_both(spec, stack)
        load_net(training.net, weight_file("efficientnet_lite0", spec.locate))
        blob = last_layer(training.net).bottoms[0]
        seen, held_out = examples(training, blob), examples(validation, blob)
    yield from classified("EfficientNet-Lite0", seen, held_out, worked() - began)


def scratch(store: Path, changes: Sequence[str]) -> HandMadeScore:
    """small64, which begins with random numbers; the score after its last iteration."""
    began = worked()
    solver = ["--solver", ROOT / "solvers/small.yaml"]
    net = ["--set", f"net={ROOT / 'net_specs/small64.yaml'}"]
    changed = [word for change in changes for word in ("--set", change)]
    tool("train", *solver, *net, *changed, at=store)
    with (store / "snapshots/small/metrics.csv").open() as lines:
        *_, last = (row for row in csv.DictReader(lines) if row["accuracy"])
    accuracy, loss = float(last["accuracy"]), float(last["loss"])
    name = "small64, from scratch"
    return HandMadeScore(name, "1,024", "its last layer", accuracy, loss, worked() - began)


def worked() -> float:
    """Minutes of processor time, of this process and those that it waited for."""
    spent = os.times()
    return (spent.user + spent.system + spent.children_user + spent.children_system) / 60


def tool(name: str, *words: object, at: Path) -> None:
    """Call a tool in a folder; ends where it fails."""
    typed = [str(word) for word in words]
    print("$ python", shlex.join([f"tools/{name}.py", *typed]), flush=True)
    done = subprocess.run([sys.executable, str(ROOT / f"tools/{name}.py"), *typed], cwd=at)
    if done.returncode:
        sys.exit(done.returncode)


def build(photos: Path, store: Path, *words: object) -> None:
    """The LMDBs of photos in a folder of their own, unless they are there."""
    if not (store / "input/train_lmdb").exists():
        store.mkdir(parents=True, exist_ok=True)
        tool("create_lmdb", "--data", photos.resolve(), "--out", "input", *words, at=store)


def check_split(stores: Sequence[Path]) -> None:
    """Both stores hold the same photos in the same part; raises DataError where they do not."""
    for part in ("train_lmdb", "validation_lmdb"):
        found = []
        for store in stores:
            with Reader(store / "input" / part) as reader:
                found.append(list(reader.keys))
        if any(keys != found[0] for keys in found):
            raise DataError(
                f"{part} of {stores[0]} and {stores[1]} hold other photos",
                remedy="remove both folders, they are built again",
            )


def table(scores: Sequence[HandMadeScore]) -> str:
    """A row for each way, as the page has it."""
    heads = ("features", "numbers", "classifier", "accuracy", "log loss", "minutes")
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    rows += [
        f"| {each.features} | {each.numbers} | {each.classifier} | {each.accuracy:.1%} | "
        f"{each.log_loss:.3f} | {each.minutes:.1f} |"
        for each in scores
    ]
    return "\n".join(rows).replace("%", " %")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the experiment and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("input"), help="the photos")
    out = Path("input/hand_made")
    parser.add_argument("--out", type=Path, default=out, help="where stores and runs go")
    parser.add_argument("--without", nargs="*", default=[], choices=("net", "pretrained"))
    parser.add_argument("--set", action="append", default=[], help="a field of the small solver")
    args = parser.parse_args(argv)
    large, small = args.out / "224", args.out / "64"
    began = time.monotonic()
    build(args.data, large, "--size", 224, "--no-equalize")
    build(args.data, small, "--size", 64)
    check_split((large, small))
    scores = list(hand_made(large))
    if "net" not in args.without:
        scores.append(scratch(small, args.set))
    if "pretrained" not in args.without:
        scores += learned(large)
    print(f"\n{table(scores)}\n\n{(time.monotonic() - began) / 60:.1f} minutes by the clock")


if __name__ == "__main__":
    run_tool(main)
