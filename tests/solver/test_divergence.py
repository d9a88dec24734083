"""Trainings that go wrong are stopped or remarked upon, and the place is named."""

import math

import pytest
import torch

from catdog.errors import Diverged
from catdog.solver.events import Warned
from tests.runs import NET, Run, rows

BROKEN = NET.replace('bottom: "ip1" top: "ip2"', 'bottom: "log" top: "ip2"').replace(
    'layer { name: "ip2"',
    'layer { name: "log" type: "Log" bottom: "ip1" top: "log" }\nlayer { name: "ip2"',
)

LINEAR = NET.replace('bottom: "ip1" top: "ip2"', 'bottom: "data" top: "ip2"')


def test_a_loss_that_is_no_number_stops_and_names_the_layer() -> None:
    run = Run(text=BROKEN, max_iter=5)
    before = [blob.clone() for blob in run.solver.net.layer_blobs()["ip2"]]
    with pytest.raises(Diverged, match=r'^iteration 0: .*layer "log" \(Log\).*top "log"'):
        run.solver.solve()
    assert torch.equal(before[0], run.solver.net.layer_blobs()["ip2"][0])


def test_data_that_are_no_numbers_are_named() -> None:
    feed = rows()
    feed.arrays["data"][9, 2] = math.inf
    with pytest.raises(Diverged, match=r'iteration 1: .*input "data"'):
        Run(feed=feed).solver.step(5)


def test_parameters_that_run_away_are_found() -> None:
    with pytest.raises(Diverged, match=r"iteration [1-9]"):
        Run(base_lr=1e30).solver.step(20)


def test_a_softmax_stuck_at_its_floor_stops() -> None:
    run = Run(feed=rows(scale=1e6), base_lr=1e-30)
    blobs = run.solver.net.layer_blobs()["ip2"]
    blobs[0].zero_()
    # every label from 0 to 2 gets a probability of 0
    run.solver.feed.arrays["label"].zero_()
    blobs[1].copy_(torch.tensor([-1e4, 0.0, 0.0]))
    with pytest.raises(Diverged, match=r"87\.3365.*10 iterations.* 100% of the labels"):
        run.solver.step(50)
    assert run.solver.iteration == 9


def test_a_short_training_that_ran_away_is_no_success() -> None:
    with pytest.raises(Diverged, match=r"for 5 iterations: the softmax gives \d+% of the labels"):
        Run(base_lr=1e20, max_iter=6, text=LINEAR).solver.solve()


def test_a_look_at_a_high_loss_leaves_no_trace() -> None:
    def trained(watched: bool) -> list[torch.Tensor]:
        run = Run(base_lr=1e-3)
        run.solver.net.layer_blobs()["ip2"][1].copy_(torch.tensor([0.0, 30.0, 0.0]))
        run.solver._divergence._suspicious = 0.0 if watched else math.inf
        run.solver.step(25)
        return [blob.clone() for blobs in run.solver.net.layer_blobs().values() for blob in blobs]

    for one, other in zip(trained(True), trained(False), strict=True):
        assert torch.equal(one, other)


def test_guessing_for_long_is_worth_a_word() -> None:
    run = Run(base_lr=1e-20)
    run.solver.net.layer_blobs()["ip2"][0].zero_()
    run.solver.step(499)
    assert not run.said(Warned)
    run.solver.step(1)
    (warning,) = run.said(Warned)
    assert "1.099" in str(warning)
    learning = Run(base_lr=0.5, text=NET.replace('"Dropout"', '"Power"'))
    learning.solver.step(500)
    assert not learning.said(Warned)


def test_one_class_for_all_in_two_tests_is_worth_a_word() -> None:
    run = Run(tests=[None], test_interval=2, base_lr=1e-20, max_iter=8)
    run.solver.net.layer_blobs()["ip2"][1].copy_(torch.tensor([0.0, 10.0, 0.0]))
    run.solver.solve()
    warnings = [event.what for event in run.events if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert warnings[0].startswith("iteration 4: the test net gives class 1 to all 20 examples")
