"""Scores against the formulas, in NumPy."""

import builtins
import json

import numpy as np
import pytest

from catdog.analysis.labelled import LabelledPredictions
from catdog.analysis.metrics import class_bins, compute_metrics, fit_temperature, roc_curves
from catdog.errors import CatdogError
from catdog.inference.intervals import of_share
from catdog.runtime import optional


def judged(count=400, classes=2, seed=0, hot=1.0):
    """Photos whose labels follow the softmax of their scores; `hot` makes the net too sure."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (count, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    label = np.array([rng.choice(classes, p=row) for row in true])
    said = np.exp(hot * logits)
    return LabelledPredictions(np.arange(count), label, said / said.sum(1, keepdims=True))


def auc_by_pairs(positive, score):
    """The share of pairs in which the positive one has the higher score; a tie is half."""
    ahead = score[positive][:, None] - score[~positive][None]
    return float((ahead > 0).mean() + 0.5 * (ahead == 0).mean())


def calibration_by_hand(found):
    sure = found.probabilities.max(1)
    right = found.probabilities.argmax(1) == found.label
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (sure > low) & (sure <= low + 1 / 15)
        if inside.any():
            total += inside.sum() * abs(right[inside].mean() - sure[inside].mean())
    return total / len(sure)


def test_two_classes():
    found = judged()
    result = compute_metrics(found, ["cat", "dog"])
    taken = (found.probabilities[:, 1] > 0.5).astype(int)
    both = [[int(((found.label == i) & (taken == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    assert [list(row) for row in result.confusion] == both
    assert result.accuracy == pytest.approx((both[0][0] + both[1][1]) / 400)
    own = found.probabilities[np.arange(400), found.label]
    assert result.log_loss == pytest.approx(-np.log(own).mean())
    assert result.clipped_log_loss == pytest.approx(-np.log(np.clip(own, 0.005, 0.995)).mean())
    assert result.auc == pytest.approx(auc_by_pairs(found.label == 1, found.probabilities[:, 1]))
    assert result.calibration_error == pytest.approx(calibration_by_hand(found))
    cat = result.classes[0]
    assert (cat.name, cat.photos) == ("cat", sum(both[0]))
    assert cat.precision == pytest.approx(both[0][0] / (both[0][0] + both[1][0]))
    assert cat.recall == pytest.approx(both[0][0] / sum(both[0]))
    assert sum(one.photos for one in result.bins) == result.photos == 400
    assert json.loads(json.dumps(result.as_dict()))["classes"][1]["name"] == "dog"


def test_more_classes():
    found = judged(classes=4)
    result = compute_metrics(found, list("abcd"))
    assert result.clipped_log_loss is None
    each = [auc_by_pairs(found.label == i, found.probabilities[:, i]) for i in range(4)]
    assert [one.auc for one in result.classes] == pytest.approx(each)
    assert result.auc == pytest.approx(np.mean(each))
    assert [curve.name for curve in roc_curves(found, list("abcd"))] == list("abcd")


def test_the_roc_curve_has_the_area_of_the_auc():
    found = judged()
    (curve,) = roc_curves(found, ["cat", "dog"])
    result = compute_metrics(found, ["cat", "dog"])
    assert np.trapezoid(curve.true, curve.false) == pytest.approx(result.auc)


def test_a_class_that_is_not_there():
    found = LabelledPredictions(
        np.arange(2), np.array([0, 0]), np.array([[0.9, 0.1, 0], [0.6, 0.4, 0]])
    )
    result = compute_metrics(found, ["a", "b", "c"])
    assert result.auc is None
    assert result.accuracy == 1
    assert [one.recall for one in result.classes] == [1, None, None]
    assert [one.auc for one in result.classes] == [None, None, None]
    # c is said with 0, b with 0.1 and 0.4, and no photo is of them
    assert [one.calibration_error for one in result.classes] == pytest.approx([0.25, 0.25, 0])
    assert [one.recall_interval for one in result.classes[1:]] == [None, None]
    assert roc_curves(found, ["a", "b", "c"]) == []
    assert result.log_loss == pytest.approx(-np.log([0.9, 0.6]).mean())


def test_a_probability_of_nought_is_a_high_loss_and_not_an_endless_one():
    found = LabelledPredictions(np.arange(2), np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert 5 < compute_metrics(found, ["a", "b"]).log_loss < 40


def test_the_temperature_undoes_what_made_the_net_too_sure():
    fair = fit_temperature(judged(8000, 3))
    assert fair == pytest.approx(1, abs=0.05)
    assert fit_temperature(judged(8000, 3, hot=2.5)) == pytest.approx(2.5 * fair, rel=1e-3)
    right = LabelledPredictions(np.arange(2), np.array([0, 1]), np.eye(2) * 0.8 + 0.1)
    assert fit_temperature(right) == 1


def test_intervals_by_counts_and_by_photos_drawn_anew():
    found = judged(300)
    result = compute_metrics(found, ["cat", "dog"])
    right = int((found.predicted == found.label).sum())
    assert result.accuracy_interval == of_share(right, 300)
    own = found.label == 0
    taken = found.predicted == 0
    cat = result.classes[0]
    assert cat.recall_interval == of_share(int((own & taken).sum()), int(own.sum()))
    assert cat.precision_interval == of_share(int((own & taken).sum()), int(taken.sum()))
    losses = -np.log(found.own)
    rng = np.random.default_rng(7)
    means = [losses[rng.integers(0, 300, 300)].mean() for _ in range(3000)]
    assert result.log_loss_interval == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.01)


def test_the_calibration_of_a_class_is_of_its_own_probability():
    found = judged(500, classes=3, hot=3)
    result = compute_metrics(found, list("abc"))
    for number, one in enumerate(result.classes):
        said, own = found.probabilities[:, number], found.label == number
        total = 0.0
        for low in np.arange(15) / 15:
            inside = (said > low) & (said <= low + 1 / 15)
            if inside.any():
                total += inside.sum() * abs(own[inside].mean() - said[inside].mean())
        assert one.calibration_error == pytest.approx(total / 500)
        bins = class_bins(found, number)
        assert sum(each.photos for each in bins) == 500
        assert sum(each.photos * each.accuracy for each in bins) == pytest.approx(own.sum())


def test_without_scikit_learn_the_command_is_told(monkeypatch):
    def missing(name):
        raise builtins.ModuleNotFoundError(name)

    monkeypatch.setattr(optional.importlib, "import_module", missing)
    with pytest.raises(CatdogError, match=r"scikit-learn.*; pip install scikit-learn"):
        try:
            compute_metrics(judged(), ["a", "b"])
        except CatdogError as error:
            raise CatdogError(str(error)) from error
