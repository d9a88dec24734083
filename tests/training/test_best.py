"""The best of a run is the same in its run file, log, table and curve, and in what predicts."""

import csv
import os
import re
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from catdog.inference.predictor import newest_weights
from catdog.inference.test import evaluate
from catdog.net.opened import open_fed_net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST
from catdog.solver.events import Display, Event
from catdog.solver.snapshot_search import AUTO
from catdog.solver.solverstate import load_net
from catdog.spec import net_state, read_net
from catdog.tracking.curves.data import Style, read_curves
from catdog.tracking.curves.single import draw
from catdog.tracking.runs import find_run, standing
from catdog.training.options import Options
from catdog.training.train import train
from tests.tiny_solver import write_solver

Found = tuple[int, float]


def wild(folder: Path, rate: float, score: str) -> Options:
    """A rate at which scores go up and down; the end is off the beat of the tests."""
    changes = [f"base_lr={rate}", "momentum=0.9", "max_iter=13", "test_interval=4", "display=1"]
    return Options(
        overrides=[*changes, f"snapshot_best={score}", f"snapshot_prefix={folder}/out/tiny"]
    )


def stop_after(iteration: int) -> Callable[[Event], None]:
    """A listener that does what Ctrl-C does once this iteration is displayed."""

    def listen(event: Event) -> None:
        if isinstance(event, Display) and event.iteration == iteration:
            os.kill(os.getpid(), signal.SIGINT)

    return listen


def first_best(rows: list[Found], score: str) -> Found:
    """The first row of the best value after the start, which is no result."""
    results = [row for row in rows if row[0]]
    best = (min if score == "loss" else max)(value for _, value in results)
    return next(row for row in results if row[1] == best)


def of_run_file(out: Path, score: str) -> Found:
    best = find_run(str(out / "tiny")).best[score]
    return best["iteration"], best["value"]


def of_log(out: Path, score: str) -> Found:
    pattern = rf"Best {score}[^:]*: (\S+) at iteration (\d+)"
    said = re.findall(pattern, (out / "train.log").read_text())
    return int(said[-1][1]), float(said[-1][0])


def of_table(out: Path, score: str) -> Found:
    with (out / "metrics.csv").open(newline="") as file:
        rows = [(int(row["iteration"]), row[score]) for row in csv.DictReader(file)]
    return first_best([(at, float(value)) for at, value in rows if value], score)


def of_curve(out: Path, score: str) -> Found:
    """Where the ring is; only a log without accuracies has one around a loss."""
    ((curve,), style) = read_curves([out], Style())
    log = curve.log
    if score == "loss":
        log = replace(log, test_outputs=[v for v in log.test_outputs if v.name == "loss"])
    rings = [found for axes in draw(log, "", style).axes for found in axes.collections]
    ((at, value),) = [ring.get_offsets()[0] for ring in rings]
    return int(at), float(value)


def of_weights(out: Path, score: str) -> Found:
    """What a test says of the file that predicts, and the iteration that is told with it."""
    weights = newest_weights(out)
    assert weights.name == "tiny_best.caffemodel"
    pattern = rf"{score} \S+ in its (?:best|last) test, at iteration (\d+)"
    told = re.match(pattern, standing(weights))
    assert told
    with ExitStack() as stack:
        fed = open_fed_net(resolve(read_net(out.parent / "net.yaml"), net_state(TEST)), stack)
        load_net(fed.net, weights)
        *_, means = evaluate(fed)
    return int(told[1]), next(each.value for each in means.outputs if each.name == score)


@pytest.mark.parametrize(
    ("score", "rate", "stop", "at"),
    [
        # in the test that the stop brings, on the beat, and of the last weights
        ("accuracy", 0.2, 5, 6),
        ("loss", 0.7, 8, 9),
        ("loss", 0.7, 5, 8),
        ("loss", 0.2, 5, 13),
    ],
)
def test_all_name_the_same_best(
    tmp_path: Path, score: str, rate: float, stop: int, at: int
) -> None:
    path, options, out = write_solver(tmp_path), wild(tmp_path, rate, score), tmp_path / "out"
    assert train(path, options, listeners=[stop_after(stop)]).stopped
    train(path, replace(options, snapshot=AUTO))
    want = of_run_file(out, score)
    assert want[0] == at
    for found in (of_log, of_table, of_curve, of_weights):
        assert found(out, score) == pytest.approx(want, rel=1e-5), found
