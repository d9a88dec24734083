import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("operation", ["SUM", "PROD", "MAX"])
def test_eltwise(operation, count):
    bottoms = [numbers(3, 4, seed=seed, grad=True) for seed in range(count)]
    layer = build(f'type: "Eltwise" eltwise_param {{ operation: {operation} }}', *[(3, 4)] * count)
    ufunc = {"SUM": np.add, "PROD": np.multiply, "MAX": np.maximum}[operation]
    expected = ufunc.reduce([bottom.detach().numpy() for bottom in bottoms])
    np.testing.assert_allclose(layer(*bottoms).detach(), expected)
    assert torch.autograd.gradcheck(layer, bottoms)


def test_eltwise_weighted_sum():
    a, b, c = (numbers(3, 4, seed=seed) for seed in range(3))
    text = 'type: "Eltwise" eltwise_param { coeff: 1 coeff: -0.5 coeff: 2 }'
    torch.testing.assert_close(run(text, a, b, c), a - 0.5 * b + 2 * c)


def test_eltwise_leaves_its_bottoms_alone():
    a, b = numbers(3, 4), numbers(3, 4, seed=1)
    before = a.clone()
    for operation in ("SUM", "PROD", "MAX"):
        top = run(f'type: "Eltwise" eltwise_param {{ operation: {operation} }}', a, b)
        top.zero_()
        assert torch.equal(a, before)


def test_ties_of_a_maximum():
    """Of the first two the second; a later one only if it is larger."""
    bottoms = [torch.tensor([1.0, 1, 2, 0], requires_grad=True) for _ in range(3)]
    bottoms[2].data[3] = 5
    run('type: "Eltwise" eltwise_param { operation: MAX }', *bottoms).sum().backward()
    gradients = [[0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]]
    assert [bottom.grad.tolist() for bottom in bottoms] == gradients


def test_unstable_product_divides():
    a = torch.tensor([2.0, 0.0], requires_grad=True)
    b = torch.tensor([3.0, 3.0], requires_grad=True)
    text = 'type: "Eltwise" eltwise_param { operation: PROD stable_prod_grad: false }'
    top = run(text, a, b)
    top.sum().backward()
    assert top.tolist() == [6, 0]
    assert a.grad[0] == 3 and a.grad[1].isnan()
    assert b.grad.tolist() == [2, 0]


@given(st.data())
def test_reduction(data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    operation = data.draw(st.sampled_from(["SUM", "ASUM", "SUMSQ", "MEAN"]))
    x = numbers(*shape)
    text = f"reduction_param {{ operation: {operation} axis: {axis} coeff: -2.5 }}"
    rows = x.numpy().reshape(*shape[: axis % len(shape)], -1)
    expected = {
        "SUM": rows.sum(-1),
        "ASUM": np.abs(rows).sum(-1),
        "SUMSQ": (rows**2).sum(-1),
        "MEAN": rows.mean(-1),
    }[operation]
    np.testing.assert_allclose(run(f'type: "Reduction" {text}', x), -2.5 * expected, atol=1e-12)


@pytest.mark.parametrize("operation", ["SUM", "ASUM", "SUMSQ", "MEAN"])
def test_reduction_gradient(operation):
    text = f'type: "Reduction" reduction_param {{ operation: {operation} axis: 1 coeff: 3 }}'
    assert torch.autograd.gradcheck(build(text, (2, 3, 2)), numbers(2, 3, 2, grad=True))


def test_absolute_sum_has_no_slope_at_zero():
    x = torch.zeros(3, requires_grad=True)
    run('type: "Reduction" reduction_param { operation: ASUM }', x).backward()
    assert x.grad.tolist() == [0, 0, 0]


few = st.integers(0, 3).map(float)


@given(st.lists(st.lists(few, min_size=6, max_size=6), min_size=1, max_size=3), st.integers(1, 6))
def test_argmax_puts_the_last_of_equals_first(rows, top_k):
    x = torch.tensor(rows)
    order = [sorted(range(6), key=lambda i: (-row[i], -i))[:top_k] for row in rows]
    values = [[row[i] for i in best] for row, best in zip(rows, order, strict=True)]
    text = f'type: "ArgMax" argmax_param {{ top_k: {top_k} '
    assert run(text + "}", x).tolist() == [[best] for best in order]
    assert run(text + "out_max_val: true }", x).tolist() == [
        [best, value] for best, value in zip(order, values, strict=True)
    ]
    assert run(text + "axis: 1 }", x).tolist() == order
    assert run(text + "axis: -1 out_max_val: true }", x).tolist() == values


def test_argmax_has_as_many_axes_as_its_bottom():
    layer = build('type: "ArgMax" argmax_param { top_k: 2 }', (2, 3, 2, 2, 2))
    assert layer.top_shapes((2, 3, 2, 2, 2)) == [(2, 1, 2, 1, 1)]


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax(axis):
    x = numbers(2, 3, 4, grad=True)
    layer = build(f'type: "Softmax" softmax_param {{ axis: {axis} }}', (2, 3, 4))
    powers = np.exp(x.detach().numpy())
    np.testing.assert_allclose(layer(x).detach(), powers / powers.sum(axis, keepdims=True))
    assert torch.autograd.gradcheck(layer, x)


@pytest.mark.parametrize(
    ("text", "given", "message", "field"),
    [
        ('type: "Eltwise"', [(2, 3), (3, 2)], "one shape", "bottom"),
        (
            'type: "Eltwise" eltwise_param { coeff: 1 }',
            [(2, 3), (2, 3)],
            "1 coeff values for 2",
            "eltwise_param.coeff",
        ),
        (
            'type: "Eltwise" eltwise_param { operation: MAX coeff: 1 coeff: 1 }',
            [(2, 3), (2, 3)],
            "only to sum up",
            "eltwise_param.coeff",
        ),
        (
            'type: "Reduction" reduction_param { axis: 2 }',
            [(2, 3)],
            "axis 2",
            "reduction_param.axis",
        ),
        ('type: "ArgMax" argmax_param { top_k: 0 }', [(2, 3)], "top_k 0", "argmax_param.top_k"),
        ('type: "ArgMax" argmax_param { top_k: 4 }', [(2, 3)], "top_k 4", "argmax_param.top_k"),
        (
            'type: "ArgMax" argmax_param { top_k: 3 axis: 0 }',
            [(2, 3)],
            "for 2 numbers",
            "argmax_param.top_k",
        ),
        ('type: "Softmax" softmax_param { axis: -3 }', [(2, 3)], "axis -3", "softmax_param.axis"),
    ],
)
def test_faults(text, given, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given)
    assert caught.value.field == field
    assert caught.value.remedy
