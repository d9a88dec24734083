"""Linear classifiers against scikit-learn's own answers, and in a net's last layer."""

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from numpy.typing import NDArray

from catdog.analysis.linear_probe import (
    KINDS,
    STRENGTHS,
    Examples,
    LinearClassifier,
    fit,
    last_layer,
    put,
    score,
)
from catdog.errors import CatdogError, DataError, LayerError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter

linear_model = pytest.importorskip("sklearn.linear_model")
from sklearn.metrics import accuracy_score, log_loss  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402


def blobs(classes: int, count: int = 90, seed: int = 0) -> Examples:
    """Overlapping clouds of points in numbers of very different size, one of them always 1."""
    chance = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = np.random.default_rng(9).normal(size=(classes, 5))
    features = (centres[labels] + chance.normal(size=(count, 5))) * 10.0 ** np.arange(-2, 3)
    return Examples(np.concatenate([features, np.ones((count, 1))], 1), labels)


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_scikit_learns(classes: int) -> None:
    seen, other = blobs(classes), blobs(classes, seed=1)
    linear, strength = fit("logistic", seen, 0.3)
    assert strength == 0.3
    scaler = StandardScaler().fit(seen.features)
    model = linear_model.LogisticRegression(C=0.3, max_iter=10_000)
    model.fit(scaler.transform(seen.features), seen.labels)
    wanted = model.predict_proba(scaler.transform(other.features))
    np.testing.assert_allclose(softmax(linear.scores(other.features)), wanted, atol=1e-9)
    found = score(linear, other)
    assert found.log_loss == pytest.approx(log_loss(other.labels, wanted))
    assert found.accuracy == pytest.approx(accuracy_score(other.labels, wanted.argmax(1)))


@pytest.mark.parametrize("classes", [2, 3])
def test_an_svm_answers_as_scikit_learns_and_has_better_probabilities(classes: int) -> None:
    seen, other = blobs(classes), blobs(classes, seed=1)
    linear, _ = fit("svm", seen, 0.1)
    scaler = StandardScaler().fit(seen.features)
    model = LinearSVC(C=0.1, max_iter=100_000, random_state=0)
    model.fit(scaler.transform(seen.features), seen.labels)
    wanted = model.predict(scaler.transform(other.features))
    np.testing.assert_array_equal(linear.scores(other.features).argmax(1), wanted)
    # one factor for all scores, and the fit of the raw ones is worse
    margins = model.decision_function(scaler.transform(other.features))
    raw = np.stack([-margins / 2, margins / 2], 1) if classes == 2 else margins
    ratio = linear.scores(other.features) / raw
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-6)
    assert score(linear, other).log_loss < log_loss(other.labels, softmax(raw))


@pytest.mark.parametrize("kind", KINDS)
def test_the_strength_is_chosen_and_always_the_same(kind: str) -> None:
    seen = blobs(2, count=40)
    (one, strength), (again, _) = fit(kind, seen), fit(kind, seen)
    np.testing.assert_array_equal(one.weight, again.weight)
    assert strength in STRENGTHS
    assert score(one, blobs(2, seed=1)).accuracy > 0.7


def test_labels_that_cannot_be_learned() -> None:
    features = np.random.default_rng(0).normal(size=(6, 2))
    for labels, words in (
        ([0, 0, 0, 0, 0, 0], "no training example has label 1"),
        ([0, 0, 0, 2, 2, 2], "no training example has label 1"),
        ([0, 0, 0, 0, 0, 1], "one training example only"),
    ):
        with pytest.raises(DataError, match=words):
            fit("logistic", Examples(features, np.array(labels)))
    linear = LinearClassifier(np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(DataError, match="label 2, the classifier knows 2 classes"):
        score(linear, Examples(features, np.array([0, 1, 2, 0, 1, 2])))


NET = """
name: "net"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 5 } } }
layer { name: "fc1" type: "InnerProduct" bottom: "data" top: "fc1"
  inner_product_param { num_output: 6 MORE } }
layer { name: "relu" type: "ReLU" bottom: "fc1" top: "fc1" }
layer { name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2"
  inner_product_param { num_output: 2 } }
"""


def net(more: str = "") -> Net:
    return Net(text_format.Parse(NET.replace("MORE", more), NetParameter()))


@pytest.mark.parametrize("more", ["", "transpose: true"])
def test_a_classifier_is_a_layer(more: str) -> None:
    chance = np.random.default_rng(0)
    linear = LinearClassifier(chance.normal(size=(6, 5)), chance.normal(size=6))
    built = net(more)
    put(linear, last_layer(built, "data"))
    features = chance.normal(size=(4, 5))
    layer = built.node("fc1").layer
    top = layer(torch.from_numpy(features.astype(np.float32))).detach().numpy()
    np.testing.assert_allclose(top, linear.scores(features), rtol=1e-5, atol=1e-6)


def test_a_layer_without_room() -> None:
    linear = LinearClassifier(np.zeros((3, 5)), np.zeros(3))
    with pytest.raises(LayerError, match=r"weight of \[6, 5\].* \[3, 5\]; set num_output to 3"):
        put(linear, last_layer(net(), "data"))
    with pytest.raises(LayerError, match="has no bias"):
        put(linear, last_layer(net("bias_term: false"), "data"))


def test_the_last_layer() -> None:
    assert last_layer(net()).name == "fc2"
    with pytest.raises(CatdogError, match='reads the blob "fc3"; some read "data", "fc1"'):
        last_layer(net(), "fc3")
