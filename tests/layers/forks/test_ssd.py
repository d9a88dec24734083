import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run


@pytest.mark.parametrize(
    ("order", "whole"),
    [((), (0, 1, 2, 3)), ((2,), (2, 0, 1, 3)), ((0, 3), (0, 3, 1, 2)), ((3, 1, 0, 2),) * 2],
)
def test_permute_moves_the_axes(order, whole):
    text = 'type: "Permute" permute_param { ' + " ".join(f"order: {i}" for i in order) + " }"
    x = numbers(2, 3, 4, 5, grad=True)
    top = run(text, x)
    np.testing.assert_array_equal(top.detach(), x.detach().numpy().transpose(whole))
    diff = numbers(*top.shape, seed=1)
    top.backward(diff)
    np.testing.assert_array_equal(x.grad, diff.numpy().transpose(np.argsort(whole)))
    layer = build(text, (2, 3, 4, 5))
    assert layer.top_shapes((2, 3, 4, 5)) == [tuple(top.shape)]
    assert layer.per_example() is (whole[0] == 0)


@pytest.mark.parametrize(
    ("text", "shape", "what"),
    [
        ("order: 0 order: 4", (2, 3, 4, 5), "axis 4 in its order"),
        ("order: 1 order: 0 order: 1", (2, 3), "axis 1 more than once"),
    ],
)
def test_permute_refuses(text, shape, what):
    with pytest.raises(LayerError, match=what) as caught:
        build(f'type: "Permute" permute_param {{ {text} }}', shape)
    assert caught.value.field == "permute_param.order" and caught.value.remedy


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("shape", [(2, 3), (3, 5, 4), (2, 4, 3, 5)])
def test_normalize_is_the_formula(across, shared, shape):
    text = (
        f'type: "Normalize" norm_param {{ across_spatial: {str(across).lower()} '
        f"channel_shared: {str(shared).lower()} eps: 0.03 }}"
    )
    layer = build(text, shape).double()
    scale = layer.blobs.parameter(0)
    scale.data.copy_(numbers(*scale.shape, seed=3) + 3)
    x, diff = numbers(*shape, grad=True), numbers(*shape, seed=1)
    top = layer(x)
    top.backward(diff)
    data, dy = x.detach().numpy(), diff.numpy()
    axes = tuple(range(1, len(shape))) if across else (1,)
    wide = scale.detach().numpy().reshape(-1, *[1] * (len(shape) - 2))
    n = np.sqrt((data**2).sum(axes, keepdims=True) + np.float32(0.03))
    np.testing.assert_allclose(top.detach(), wide * data / n)
    dot = (data * dy).sum(axes, keepdims=True)
    np.testing.assert_allclose(x.grad, wide * (dy - data * dot / n**2) / n)
    others = None if shared else tuple(axis for axis in range(len(shape)) if axis != 1)
    np.testing.assert_allclose(scale.grad, (dy * data / n).sum(others))
    if shared:
        # with one scale this is the true gradient
        assert torch.autograd.gradcheck(layer, numbers(*shape, grad=True))


def test_normalize_begins_with_scale_1_and_a_scale_of_0_has_no_gradient():
    x = numbers(1, 2, 2, 2).float()
    unit = run('type: "Normalize"', x)
    torch.testing.assert_close(unit.square().sum(), torch.tensor(1.0))
    layer = build('type: "Normalize" norm_param { scale_filler { value: 0 } }', (1, 2, 2, 2))
    layer(x).sum().backward()
    assert layer.blobs.parameter(0).grad.isnan()


def test_normalize_keeps_half_precision_in_range():
    top = run('type: "Normalize"', torch.full((1, 4, 8, 8), 300.0, dtype=torch.float16))
    assert top.dtype == torch.float16 and top.isfinite().all() and (top > 0).all()


@pytest.mark.parametrize(
    ("text", "shape", "what"),
    [("", (4,), "at least 2 axes"), ("norm_param { eps: -1 }", (4, 3), "eps -1")],
)
def test_normalize_refuses(text, shape, what):
    with pytest.raises(LayerError, match=what) as caught:
        build(f'type: "Normalize" {text}', shape)
    assert caught.value.field and caught.value.remedy
