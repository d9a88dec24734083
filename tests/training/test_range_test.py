"""The range test: the solver's own updates with a rising rate, where it ends, what it suggests."""

import csv
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import catdog
from catdog.errors import CatdogError
from catdog.solver.events import Display
from catdog.training.options import Options
from catdog.training.range_test import RateRange, measure
from catdog.training.rate_curve import COLUMNS, RateCurve
from tests.tiny_solver import write_solver


@pytest.fixture
def solver(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_solver(tmp_path)


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def test_the_rate_grows_by_one_factor_and_nothing_is_written(solver):
    before = files(solver.parent)
    found = measure(solver, wanted=RateRange(1e-6, 1e-4, 21))
    np.testing.assert_allclose(found.rates, np.logspace(-6, -4, 21), rtol=1e-5)
    assert (found.base_lr, found.exploded, found.interrupted) == (pytest.approx(0.1), False, False)
    assert files(solver.parent) == before
    assert "the loss does not rise up to a rate of 0.0001" in found.in_words()


def test_the_losses_are_those_of_a_training_with_such_a_rate(solver):
    given = ["lr_policy=exp", "base_lr=0.001", f"gamma={10 ** (1 / 4):.9g}", "max_iter=9"]
    seen = []
    catdog.train(
        solver,
        listeners=[lambda event: seen.append(event) if isinstance(event, Display) else None],
        **dict(each.split("=") for each in given),
        display=1,
        momentum=0.9,
    )
    found = measure(solver, Options(overrides=["momentum=0.9"]), RateRange(1e-3, 1e-1, 9))
    np.testing.assert_allclose(found.losses, [event.loss for event in seen], rtol=1e-4)
    assert found.losses.std() > 0


def test_a_loss_that_explodes_ends_it(solver):
    # float32 has no room for what a rate of 1e20 makes of the weights
    found = measure(solver, wanted=RateRange(1e-3, 1e20, 60))
    assert found.exploded
    assert len(found.rates) < 60
    assert np.isfinite(found.losses).all()
    assert 1e-3 < found.suggestion < found.rates[-1]


def test_an_interrupt_keeps_what_was_measured(solver):
    def interrupt(event):
        if isinstance(event, Display) and event.iteration == 4:
            os.kill(os.getpid(), signal.SIGINT)

    told = []
    found = measure(solver, wanted=RateRange(), listeners=[interrupt], say=told.append)
    assert found.interrupted
    assert len(found.rates) == 5
    assert "it was stopped" in found.in_words()
    assert told == ["stopping after this iteration; what was measured is kept"]


def test_the_solvers_tests_and_ways_of_ending_do_not_matter(solver):
    overrides = ["snapshot_best=accuracy", "early_stop_patience=1", "test_iter=2", "snapshot=1"]
    overrides += ["test_net.data.data_param.batch_size=2", "ema_decay=0.9", "warmup_iter=3"]
    plain = measure(solver, wanted=RateRange(1e-4, 1e-2, 5))
    other = measure(solver, Options(overrides=overrides), RateRange(1e-4, 1e-2, 5))
    np.testing.assert_array_equal(plain.losses, other.losses)


@pytest.mark.parametrize(
    "wanted", [(0, 1, 9), (2, 1, 9), (1, 1, 9), (1e-3, np.inf, 9), (1, 2, 1), (1, 2, 10**6)]
)
def test_what_is_no_range_is_one_line(wanted):
    with pytest.raises(CatdogError, match="is no range of learning rates; give two rates"):
        RateRange(*wanted)


def curve(rise_at, noise, seed=0):
    """Losses that fall a little and rise from a rate on, with noise."""
    rates = np.logspace(-5, 0, 101)
    chance = np.random.default_rng(seed)
    losses = 0.7 - 0.05 * np.clip(np.log10(rates) + 5, 0, None) / 5
    losses = losses + noise * chance.standard_normal(101) + np.clip(rates / rise_at - 1, 0, 5)
    return RateCurve(rates, losses)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rise_at", [1e-3, 3e-2])
def test_the_rate_where_the_loss_rises_is_suggested(rise_at, seed):
    found = curve(rise_at, 0.03, seed)
    assert rise_at / 2 < found.suggestion < 2 * rise_at
    assert f"from a rate of {found.suggestion:g} on" in found.in_words()


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_rise(seed):
    assert curve(2, 0.05, seed).suggestion is None


def test_the_smoothed_curve_is_a_weighted_mean():
    found = curve(1e-2, 0.05)
    at = np.log10(found.rates)
    for index in (0, 50, 100):
        counts = np.exp(-((at - at[index]) ** 2) / (2 * 0.15**2))
        assert found.smoothed[index] == pytest.approx(np.average(found.losses, weights=counts))


def test_the_table_and_the_picture(tmp_path):
    found = curve(1e-2, 0.02)
    found.write(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == COLUMNS
    np.testing.assert_allclose([float(row[1]) for row in rows], found.rates, rtol=1e-6)
    np.testing.assert_allclose([float(row[2]) for row in rows], found.losses, rtol=1e-6)
    (axes,) = found.curve().axes
    assert axes.get_xscale() == "log"
    assert f"{found.suggestion:g}" in [text.get_text() for text in axes.texts]
    assert found._repr_png_().startswith(b"\x89PNG")


def test_in_python(solver):
    found = catdog.lr_find(solver, low=1e-4, high=1e-2, iterations=5, momentum=0.5, device="cpu")
    same = measure(
        solver,
        Options(device=torch.device("cpu"), overrides=["momentum=0.5"]),
        RateRange(1e-4, 1e-2, 5),
    )
    np.testing.assert_array_equal(found.losses, same.losses)
    with pytest.raises(CatdogError, match="unknown field"):
        catdog.lr_find(solver, momentun=0.5)
