"""Drawn losses."""

from math import prod

import numpy as np

from tests.layers.drawn import Drawn, case, message, shape_of, softmaxed


def labelled(rng, kind, name, losses, extra=""):
    """A loss of class labels under loss_param: `losses` of (logs of) scores with classes last."""
    before, classes, after = shape_of(rng, 2), int(rng.integers(2, 5)), shape_of(rng, 1)
    axis = 2 if rng.integers(2) else -2
    mode = str(rng.choice(["FULL", "VALID", "BATCH_SIZE", "NONE"]))
    ignored = int(rng.integers(0, classes)) if rng.integers(2) else None
    labels = rng.integers(0, classes, (*before, *after))
    param = f"normalization: {mode}" + ("" if ignored is None else f" ignore_label: {ignored}")
    text = f'type: "{kind}" {name}_param {{ axis: {axis} }} loss_param {{ {param} }} {extra}'

    def formula(x, *others):
        scores = np.moveaxis(softmaxed(x, 2), 2, -1)
        counts = np.ones(labels.shape) if ignored is None else labels != ignored
        total = (losses(np.log(scores), labels, *others) * counts).sum()
        divisors = {"FULL": labels.size, "VALID": counts.sum(), "NONE": 1}
        return total / max(divisors.get(mode, prod(before)), 1)

    scores = rng.normal(size=(*before, classes, *after))
    return Drawn(text, [scores, labels.astype(float)], lambda x, _, *more: formula(x, *more))


@case
def softmax_with_loss(rng):
    def losses(logs, labels):
        return -np.take_along_axis(logs, labels[..., None], -1)[..., 0]

    return labelled(rng, "SoftmaxWithLoss", "softmax", losses)


@case
def infogain_loss(rng):
    drawn = labelled(
        rng, "InfogainLoss", "infogain_loss", lambda logs, at, h: -(h[at] * logs).sum(-1)
    )
    classes = drawn.bottoms[0].shape[2]
    drawn.bottoms.append(rng.uniform(size=(classes, classes)))
    return drawn


@case
def sigmoid_cross_entropy_loss(rng):
    shape = shape_of(rng, rng.integers(1, 4))
    mode = str(rng.choice(["FULL", "BATCH_SIZE", "NONE"]))

    def formula(x, target):
        p = 1 / (1 + np.exp(-x))
        total = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum()
        return total / {"FULL": x.size, "BATCH_SIZE": len(x), "NONE": 1}[mode]

    text = f'type: "SigmoidCrossEntropyLoss" loss_param {{ normalization: {mode} }}'
    return Drawn(text, [rng.normal(size=shape), rng.uniform(size=shape)], formula)


@case
def hinge_loss(rng):
    shape, norm = shape_of(rng, 4), str(rng.choice(["L1", "L2"]))
    count = prod(shape[1:])
    labels = rng.integers(0, count, len(np.zeros(shape)))

    def formula(x, _):
        sign = np.where(np.arange(count) == labels[:, None], -1, 1)
        margins = np.maximum(0, 1 + sign * x.reshape(len(x), -1))
        return (margins ** int(norm[1])).sum() / len(x)

    bottoms = [rng.normal(size=shape), labels.astype(float)]
    return Drawn(message("HingeLoss", "hinge_loss", norm=norm), bottoms, formula)


@case
def multinomial_logistic_loss(rng):
    shape = shape_of(rng, 2)
    labels = rng.integers(0, shape[1], shape[0])

    def formula(p, _):
        return -np.log(p[np.arange(len(p)), labels]).mean()

    bottoms = [rng.uniform(0.1, 1, shape), labels.astype(float)]
    return Drawn(message("MultinomialLogisticLoss"), bottoms, formula)


@case
def euclidean_loss(rng):
    shape = shape_of(rng, rng.integers(1, 5))
    bottoms = [rng.normal(size=shape) for _ in range(2)]
    return Drawn(
        message("EuclideanLoss"),
        bottoms,
        lambda a, b: ((a - b) ** 2).sum() / (2 * len(a)),
        smooth=[0, 1],
    )
