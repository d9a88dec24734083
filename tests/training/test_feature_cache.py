"""Training on cached features: the same numbers as on the data, and refusals with their reason."""

import os
import re
import signal
from pathlib import Path

import pytest
import torch

from catdog.errors import CatdogError
from catdog.solver.events import CachedBatch, Event, Interrupted
from catdog.solver.solver import Solver
from catdog.training.feature_cache import Features
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import NET, SOLVER, write_small
from tests.tracking.test_progress import Terminal


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name: str, *overrides: str, cached: bool = True, **options: object) -> Solver:
    fields = (f"snapshot_prefix={name}/run", f"cache_features={str(cached).lower()}", *overrides)
    return train("solver.yaml", Options(overrides=fields, **options))


def numbers(name: str) -> list[str]:
    """The rows of the metrics without the seconds."""
    rows = Path(name, "metrics.csv").read_text().splitlines()[1:]
    return [re.sub(r"^([^,]*,[^,]*),[^,]*", r"\1", row) for row in rows]


def same_weights(one: Solver, other: Solver) -> bool:
    blobs, others = one.net.layer_blobs(), other.net.layer_blobs()
    return blobs.keys() == others.keys() and all(
        torch.equal(a, b) for name in blobs for a, b in zip(blobs[name], others[name], strict=True)
    )


@pytest.mark.usefixtures("folder")
def test_the_numbers_are_those_without_the_cache() -> None:
    plain, cached = run("plain", cached=False), run("cached")
    assert isinstance(cached.feed.sources[0], Features)
    assert numbers("plain") == numbers("cached")
    assert same_weights(plain, cached)
    assert "made by all layers to fc1: " in Path("cached/train.log").read_text()
    # nothing is left but what every training leaves
    assert {p.name for p in Path("plain").iterdir()} == {p.name for p in Path("cached").iterdir()}


@pytest.mark.usefixtures("folder")
def test_test_passes_of_whole_batches_are_the_same_too() -> None:
    plain, cached = run("plain", "test_iter=5", cached=False), run("cached", "test_iter=5")
    assert numbers("plain") == numbers("cached")
    assert cached.tests[0].feed.state() == plain.tests[0].feed.state()


@pytest.mark.usefixtures("folder")
def test_a_resume_may_cache_or_not() -> None:
    whole = run("whole", cached=False)
    for name, first, second in (("a", True, True), ("b", False, True), ("c", True, False)):
        run(name, "max_iter=5", cached=first)
        resumed = run(name, snapshot="auto", cached=second)
        assert same_weights(whole, resumed)
        # at 5 the first part tested its last weights
        assert numbers(name)[-2:] == numbers("whole")[-2:]


def test_a_test_net_that_mirrors_runs_without(folder: Path) -> None:
    text = NET.replace("mean_value: 100}", "mean_value: 100, mirror: true}").replace(
        "mirror: true", "mirror: false", 1
    )
    (folder / "net.yaml").write_text(text)
    plain, cached = run("plain", cached=False), run("cached")
    assert numbers("plain") == numbers("cached")
    assert same_weights(plain, cached)
    assert "test net #0 runs without cached features: " in Path("cached/train.log").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("scale: 0.01,", "scale: 0.01, mirror: true,", r"at random \(mirror\)"),
        ("scale: 0.01,", "scale: 0.01, crop_size: 6,", r"at random \(crop_size\)"),
    ],
)
def test_chance_is_refused(folder: Path, old: str, new: str, words: str) -> None:
    (folder / "net.yaml").write_text(NET.replace(old, new))
    with pytest.raises(CatdogError, match=words):
        run("run")


def test_a_first_layer_that_learns_is_refused(folder: Path) -> None:
    text = SOLVER.replace("*1", "bn1")
    (folder / "solver.yaml").write_text(text)
    with pytest.raises(CatdogError, match=r'"conv1".* not frozen.*; name it in freeze'):
        run("run")


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("- {name: d, type: Dropout, bottom: data, top: d}", "random"),
        ("- {name: d, type: Softmax, softmax_param: {axis: 0}, bottom: data, top: d}", "not known"),
    ],
)
def test_a_first_layer_that_cannot_be_frozen_is_refused(
    folder: Path, first: str, reason: str
) -> None:
    text = NET.replace("- name: conv1", f"{first}\n- name: conv1").replace(
        "bottom: data\n  top: conv1", "bottom: d\n  top: conv1"
    )
    (folder / "net.yaml").write_text(text)
    match = f'"d".* is the first of the net and {reason}.* to cache; leave cache_features out$'
    with pytest.raises(CatdogError, match=match):
        run("run")


@pytest.mark.usefixtures("folder")
def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(
        CatdogError, match=r'no room for the features "label", .*leave cache_features'
    ):
        run("run")


def test_the_cached_part_ends_where_something_changes(folder: Path) -> None:
    (folder / "solver.yaml").write_text(SOLVER.replace('"*1"', '"conv1"'))
    run("run", "max_iter=1")
    # bn1 stands still with conv1, scale1 learns
    assert "made by all layers to bn1: " in Path("run/train.log").read_text()


def test_statistics_that_still_move_are_not_cached(folder: Path) -> None:
    """Without marks, by lr_mult 0 as in Caffe: the layer stands still, its BatchNorm does not."""
    still = "param: {lr_mult: 0}\n  convolution_param: {bias_term: false, "
    text = NET.replace("convolution_param: {", still)
    (folder / "net.yaml").write_text(text)
    (folder / "solver.yaml").write_text(SOLVER.replace('freeze: ["*1"]', ""))
    plain, cached = run("plain", cached=False), run("cached")
    assert numbers("plain") == numbers("cached")
    assert same_weights(plain, cached)
    assert Path("cached/train.log").read_text().count("made by all layers to conv1: ") == 2
    assert cached.net.layer_blobs()["bn1"][2].item() > 1


@pytest.mark.usefixtures("folder")
def test_a_terminal_shows_how_far_the_features_are() -> None:
    terminal = Terminal()
    fields = ("snapshot_prefix=run/run", "cache_features=true")
    train("solver.yaml", Options(overrides=fields), stream=terminal)
    shown = terminal.getvalue()
    assert re.search(r"features, train: 100%\|.*\| 10/10 \[.* examples/s\]", shown)
    assert re.search(r"features, test \(#0\): 100%\|.*\| 7/7 \[", shown)


@pytest.mark.usefixtures("folder")
def test_a_stop_while_features_are_computed_leaves_nothing() -> None:
    heard: list[Event] = []

    def stop(event: Event) -> None:
        heard.append(event)
        if isinstance(event, CachedBatch):
            os.kill(os.getpid(), signal.SIGINT)

    fields = ("snapshot_prefix=run/run", "cache_features=true")
    solver = train("solver.yaml", Options(overrides=fields), listeners=[stop])
    assert solver.stopped
    assert sum(isinstance(event, CachedBatch) for event in heard) == 1
    assert isinstance(heard[-1], Interrupted)
    assert heard[-1].signal == signal.SIGINT
    assert not Path("run").exists()
    assert same_weights(run("run", snapshot="auto"), run("whole"))
