"""Linear classifiers of scikit-learn on features of a net, and as the net's own last layer.

Features are standardised, each by its mean and deviation over the training examples; a linear
classifier of standardised features is one of the features themselves.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catdog.errors import CatdogError, DataError
from catdog.inference.calibration import fit_temperature, softmax_log_loss
from catdog.inference.intervals import Interval, of_share
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.runtime.optional import scikit
from catdog.runtime.progress import progress

Floats = NDArray[np.float64]

#: Strengths among which cross-validation chooses: the smaller, the simpler the classifier.
STRENGTHS = tuple(10.0**power for power in range(-6, 2))
#: Of these, those with which labels that are wrong cannot be learned by heart; they are quick too.
_SIMPLE = tuple(each for each in STRENGTHS if 1e-5 < each < 1)
_FOLDS = 5


@dataclass(frozen=True)
class Examples:
    """Features, examples x numbers, and the class of each example."""

    features: Floats
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class LinearClassifier:
    """Scores of the classes, `features @ weight.T + bias`; their softmax are probabilities.

    The weight is classes x numbers.
    """

    weight: Floats
    bias: Floats

    def scores(self, features: Floats) -> Floats:
        """Examples x classes."""
        return features @ self.weight.T + self.bias


@dataclass(frozen=True)
class ProbeScore:
    """Accuracy, with its interval of 95 %, and mean log loss of a classifier."""

    accuracy: float
    log_loss: float
    interval: Interval


def _logistic(strength: float) -> Any:
    return scikit("linear_model").LogisticRegression(C=strength, max_iter=10_000)


def _svm(strength: float) -> Any:
    return scikit("svm").LinearSVC(C=strength, max_iter=100_000, random_state=0)


#: What can be fitted: its model of a strength, and by what cross-validation chooses.
KINDS: dict[str, tuple[Callable[[float], Any], str]] = {
    "logistic": (_logistic, "neg_log_loss"),
    "svm": (_svm, "accuracy"),
}


def fit(
    kind: str, examples: Examples, strength: float | None = None
) -> tuple[LinearClassifier, float]:
    """A classifier of a kind, and its strength (scikit-learn's C), cross-validated if not given.

    The scores of an SVM are not log probabilities: they are divided by the temperature that
    minimises the log loss of their softmax on held-out examples. Raises DataError
    where a class has no examples, or too few to hold some out.
    """
    model, measure = KINDS[kind]
    folds = _folds(examples.labels)
    if strength is None:
        strength = _best(model, measure, examples, folds)
    pipeline = _pipeline(model(strength)).fit(examples.features, examples.labels)
    linear = _unfolded(pipeline)
    if kind == "svm":
        temperature = _temperature(_pipeline(model(strength)), examples, folds)
        linear = LinearClassifier(linear.weight / temperature, linear.bias / temperature)
    return linear, strength


def score(linear: LinearClassifier, examples: Examples) -> ProbeScore:
    """Accuracy and log loss on examples; raises DataError for a label without a score."""
    scores, labels = linear.scores(examples.features), examples.labels
    if labels.max() >= scores.shape[1]:
        raise DataError(
            f"an example has label {labels.max()}, the classifier knows {scores.shape[1]} classes",
            remedy="build training and validation data from the same classes",
        )
    right = scores.argmax(1) == labels
    interval = of_share(int(right.sum()), len(right))
    return ProbeScore(float(np.mean(right)), softmax_log_loss(scores, labels), interval)


def out_of_fold(examples: Examples, folds: int = _FOLDS) -> Floats:
    """Probabilities of each class, examples x classes: each example by a logistic classifier that
    was fitted to the others of so many folds, with the share of each class in each.

    The strength is the one among the simpler that is best of all folds. Raises DataError as `fit`.
    """
    split = _folds(examples.labels, folds)
    strengths = progress(_SIMPLE, "fit", unit="strengths")
    strength = _best(_logistic, KINDS["logistic"][1], examples, split, strengths)
    predict = scikit("model_selection").cross_val_predict
    x, y = examples.features, examples.labels
    found: Floats = predict(_pipeline(_logistic(strength)), x, y, cv=split, method="predict_proba")
    return found


def _pipeline(model: Any) -> Any:
    scaler = scikit("preprocessing").StandardScaler()
    return scikit("pipeline").make_pipeline(scaler, model)


def _folds(labels: NDArray[np.int64], most: int = _FOLDS) -> Any:
    """Parts of the examples to leave out in turn, with the share of each class in each."""
    counts = np.bincount(labels)
    if len(counts) < 2 or not counts.min():
        missing = ", ".join(map(str, np.flatnonzero(counts == 0))) or "1"
        raise DataError(f"no training example has label {missing}", remedy="check the labels")
    if counts.min() < 2:
        raise DataError("a class has one training example only", remedy="give it two or more")
    folds = min(most, int(counts.min()))
    split = scikit("model_selection").StratifiedKFold
    return split(folds, shuffle=True, random_state=0)


def _best(
    model: Callable[[float], Any],
    measure: str,
    examples: Examples,
    folds: Any,
    strengths: Iterable[float] = STRENGTHS,
) -> float:
    """The strength with the best mean measure; of equal ones the simplest classifier."""
    evaluate = scikit("model_selection").cross_val_score
    x, y = examples.features, examples.labels
    means = {
        strength: evaluate(_pipeline(model(strength)), x, y, scoring=measure, cv=folds).mean()
        for strength in strengths
    }
    return max(means, key=means.__getitem__)


def _unfolded(pipeline: Any) -> LinearClassifier:
    """The pipeline as one linear function; a score for each of two classes, where it has one."""
    scaler, model = (step for _, step in pipeline.steps)
    weight, bias = _symmetric(model.coef_), _symmetric(model.intercept_[:, None])[:, 0]
    weight = weight / scaler.scale_
    return LinearClassifier(weight, bias - weight @ scaler.mean_)


def _symmetric(rows: Floats) -> Floats:
    """Half for the one class and half against the other: the softmax is then the sigmoid."""
    return np.concatenate((-rows / 2, rows / 2)) if len(rows) == 1 else rows


def _temperature(pipeline: Any, examples: Examples, folds: Any) -> float:
    predict = scikit("model_selection").cross_val_predict
    x, y = examples.features, examples.labels
    margins = predict(pipeline, x, y, cv=folds, method="decision_function")
    scores = _symmetric(margins[None]).T if margins.ndim == 1 else margins
    return fit_temperature(scores, y)


def last_layer(net: Net, blob: str = "") -> Node:
    """The InnerProduct layer that reads a blob, or the last one of the net.

    Raises CatdogError where there is no such layer.
    """
    nodes = [node for node in net if node.type == "InnerProduct"]
    found = [node for node in nodes if not blob or node.bottoms[0] == blob]
    if not found:
        known = ", ".join(f'"{node.bottoms[0]}"' for node in nodes)
        raise CatdogError(
            f'no InnerProduct layer reads the blob "{blob}"' if blob else "has no InnerProduct",
            where=f"net {net.name}",
            remedy=f"some read {known}" if known else "name a blob",
        )
    return found[-1]


def put(linear: LinearClassifier, node: Node) -> None:
    """Copy a classifier into the parameters of an InnerProduct layer.

    The layer reads the values of its bottom in their order, as the features have them. Raises
    LayerError where the shapes do not fit.
    """
    layer, param = node.layer, node.layer.param.inner_product_param
    weight = linear.weight.T if param.transpose else linear.weight
    if not param.bias_term:
        raise layer.error("has no bias for the classifier", field="bias_term", remedy="set it true")
    if layer.blobs.shape(0) != weight.shape:
        raise layer.error(
            f"has a weight of {list(layer.blobs.shape(0))}, the classifier one of "
            f"{list(weight.shape)}",
            field="inner_product_param",
            remedy=f"set num_output to {len(linear.bias)}, the number of classes",
        )
    with torch.no_grad():
        for index, array in enumerate((weight, linear.bias)):
            layer.blobs.parameter(index).copy_(torch.from_numpy(array.astype(np.float32)))
