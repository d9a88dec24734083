"""Features that the folds of a store share: computed once, and those of a fold by itself."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.data.datum import array_to_datum
from catdog.solver.events import CachedBatch
from catdog.training.cross_validation import cross_validate, scores
from catdog.training.kept_features import KeptFeatures
from catdog.training.options import Options
from catdog.training.train import train
from tests.data.sources.build import pictures, write_values
from tests.small_solver import write_small

SOURCE = "train_net.data.data_param.source=two"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small(tmp_path)
    pairs = [
        (f"{at:08d}".encode(), array_to_datum(picture, at % 2).SerializeToString())
        for at, picture in enumerate(pictures(12, seed=2))
    ]
    write_values(tmp_path / "two", pairs)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def folds(*, kept: bool = True) -> tuple[list[dict[str, float]], list[torch.Tensor], int]:
    """The scores of three folds, the last layer's weights of each, and how many examples ran."""
    weights, computed = [], []

    def seen(event: object) -> None:
        if isinstance(event, CachedBatch) and event.done == event.examples:
            computed.append(event.examples)

    def one(options: Options) -> bool:
        if not kept:
            options = Options(overrides=options.overrides)
        solver = train("solver.yaml", options, listeners=[seen])
        weights.append(solver.net.layer_blobs()["fc2"][0])
        return False

    fields = ("snapshot_prefix=out/run", "cache_features=true", "base_lr=0.0001", SOURCE)
    records = list(cross_validate("solver.yaml", Options(overrides=fields), 3, one))
    return [scores(record) for record in records], weights, sum(computed)


@pytest.mark.usefixtures("folder")
def test_folds_compute_each_example_once() -> None:
    shared, weights, computed = folds()
    alone, others, thrice = folds(kept=False)
    assert (computed, thrice) == (12, 36)
    for one, other in zip(weights, others, strict=True):
        torch.testing.assert_close(one, other)
    for mine, theirs in zip(shared, alone, strict=True):
        assert mine == pytest.approx(theirs)


def test_rows_are_found_by_the_place_of_their_record() -> None:
    kept = KeptFeatures()
    kept.keep(b"a", [7, 2], {"fc": np.array([[7.0], [2.0]], np.float32)})
    kept.keep(b"a", [5], {"fc": np.array([[5.0]], np.float32)})
    found = {"fc": np.zeros((3, 1), np.float32)}
    assert kept.fill(b"a", [2, 5, 2], found)
    assert found["fc"].ravel().tolist() == [2, 5, 2]
    # one is not known, another maker knows none: nothing is written
    assert not kept.fill(b"a", [7, 3, 7], found)
    assert not kept.fill(b"b", [7, 7, 7], found)
    assert found["fc"].ravel().tolist() == [2, 5, 2]


@pytest.mark.usefixtures("folder")
def test_folds_that_are_stopped_before_the_first_iteration_have_no_records() -> None:
    def stop(event: object) -> None:
        if isinstance(event, CachedBatch):
            os.kill(os.getpid(), signal.SIGINT)

    def one(options: Options) -> bool:
        return train("solver.yaml", options, listeners=[stop]).stopped

    fields = ("snapshot_prefix=out/run", "cache_features=true", SOURCE)
    assert list(cross_validate("solver.yaml", Options(overrides=fields), 3, one)) == []
