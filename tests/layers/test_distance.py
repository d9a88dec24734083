import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run


def test_euclidean():
    a, b = numbers(3, 4, 2, grad=True), numbers(3, 4, 2, seed=1, grad=True)
    layer = build('type: "EuclideanLoss"', (3, 4, 2), (3, 4, 2))
    difference = (a - b).detach().numpy()
    assert layer(a, b).item() == pytest.approx((difference**2).sum() / 6)
    assert torch.autograd.gradcheck(layer, (a, b))
    assert not layer.no_gradient


def test_euclidean_takes_one_target_each():
    x = numbers(3, 1)
    target = torch.tensor([1, 2, 3])
    loss = run('type: "EuclideanLoss"', x, target)
    assert loss.item() == pytest.approx(((x[:, 0] - target) ** 2).sum().item() / 6)


def contrast(a, b, similar, margin, legacy):
    """The loss and Caffe's gradient for a, pair by pair."""
    total, gradient = 0.0, np.zeros_like(a)
    for i, (difference, same) in enumerate(zip(a - b, similar, strict=True)):
        square = (difference**2).sum()
        distance = np.sqrt(square)
        if same:
            total, gradient[i] = total + square, difference
        elif legacy:
            total += max(margin - square, 0)
            gradient[i] = -difference if square < margin else 0
        else:
            room = max(margin - distance, 0)
            total += room**2
            gradient[i] = -room / (distance + 1e-4) * difference
    return total / (2 * len(a)), gradient / len(a)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("margin", [0.5, 2.0, 4.0])
def test_contrastive(margin, legacy):
    a, b = numbers(8, 3, grad=True), numbers(8, 3, seed=1, grad=True)
    b.data[0] = a.data[0]
    similar = np.array([0, 1] * 4)
    loss = run(
        f'type: "ContrastiveLoss" contrastive_loss_param {{ margin: {margin} '
        f"legacy_version: {str(legacy).lower()} }}",
        a,
        b,
        torch.tensor(similar, dtype=torch.float32),
    )
    (3 * loss).backward()
    expected, gradient = contrast(a.detach().numpy(), b.detach().numpy(), similar, margin, legacy)
    assert loss.item() == pytest.approx(expected)
    np.testing.assert_allclose(a.grad, 3 * gradient)
    np.testing.assert_allclose(b.grad, -3 * gradient)


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ('type: "EuclideanLoss"', [(3, 2), (3, 3)], "different sizes"),
        ('type: "EuclideanLoss"', [(3, 2), (2, 3)], "different sizes"),
        ('type: "ContrastiveLoss"', [(3, 2), (3, 3), (3,)], "different sizes"),
        ('type: "ContrastiveLoss"', [(3, 2, 2), (3, 2, 2), (3,)], "rows of numbers"),
        ('type: "ContrastiveLoss"', [(3, 2), (3, 2), (4,)], "4 labels"),
    ],
)
def test_faults(text, given, message):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given)
    assert caught.value.field == "bottom"
    assert caught.value.remedy
