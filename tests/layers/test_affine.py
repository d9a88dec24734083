import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run

MSRA = 'weight_filler { type: "msra" } bias_filler { type: "uniform" }'


@pytest.mark.parametrize("transpose", ["false", "true"])
@pytest.mark.parametrize("bias", ["false", "true"])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_inner_product(axis, bias, transpose):
    x = numbers(2, 3, 4, grad=True)
    layer = build(
        'type: "InnerProduct" inner_product_param { num_output: 5 '
        f"axis: {axis} bias_term: {bias} transpose: {transpose} {MSRA} }}",
        (2, 3, 4),
    ).double()
    outer = x.shape[: axis % 3]
    weight = layer.blobs[0].detach().numpy()
    inner = x.detach().numpy().reshape(*outer, -1)
    expected = inner @ (weight if transpose == "true" else weight.T)
    if bias == "true":
        expected = expected + layer.blobs[1].detach().numpy()
    assert len(layer.blobs) == (2 if bias == "true" else 1)
    np.testing.assert_allclose(layer(x).detach(), expected, rtol=1e-9)
    assert layer.top_shapes((2, 3, 4)) == [expected.shape]
    assert torch.autograd.gradcheck(layer, x)


def test_inner_product_sees_caffes_order_in_channels_last():
    x = numbers(2, 3, 4, 5)
    text = f'type: "InnerProduct" inner_product_param {{ num_output: 5 {MSRA} }}'
    layer = build(text, tuple(x.shape)).double()
    torch.testing.assert_close(layer(x.to(memory_format=torch.channels_last)), layer(x))


def test_embed():
    text = f'type: "Embed" embed_param {{ num_output: 3 input_dim: 4 {MSRA} }}'
    layer = build(text, (2, 3))
    index = torch.tensor([[0.0, 3, 3], [1, 2, 3]])
    top = layer(index)
    torch.testing.assert_close(top, layer.blobs[0][index.long()] + layer.blobs[1])
    assert layer.top_shapes((2, 3)) == [(2, 3, 3)]
    top.sum().backward()
    assert layer.blobs[0].grad.tolist() == [[1] * 3, [1] * 3, [1] * 3, [3] * 3]
    assert layer.blobs[1].grad.tolist() == [6] * 3


@pytest.mark.parametrize("wrong", [-1.0, 4.0, 1.5, float("nan")])
def test_embed_takes_what_it_has_rows_for(wrong):
    with pytest.raises(LayerError, match=f"got {wrong:g}.*from 0 to 3"):
        run(
            'type: "Embed" embed_param { num_output: 3 input_dim: 4 }',
            torch.tensor([0.0, wrong]),
        )


CASES = [(1, 1), (0, 1), (-1, 1), (1, 2), (1, -1), (0, -1), (-2, 2), (1, 0), (0, 3)]


def covered(shape, axis, number):
    start = axis % len(shape)
    return shape[start:] if number == -1 else shape[start : start + number]


def spread(blob, axis, shape):
    """The blob repeated along the axes that it does not run along."""
    start = axis % len(shape) if blob.ndim else 0
    rest = len(shape) - start - blob.ndim
    return np.broadcast_to(blob.reshape(*[1] * start, *blob.shape, *[1] * rest), shape)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("bias", ["false", "true"])
@pytest.mark.parametrize(("axis", "number"), CASES)
@pytest.mark.parametrize("own", [True, False])
def test_scale(own, axis, number, bias, channels_last):
    shape = (2, 3, 4, 2) if channels_last else (2, 3, 4)
    axis = axis - 1 if channels_last and axis < 0 else axis
    x, factor = numbers(*shape, grad=True), numbers(*covered(shape, axis, number), seed=1)
    if channels_last:
        x = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    layer = build(
        f'type: "Scale" scale_param {{ axis: {axis} num_axes: {number} bias_term: {bias} '
        'filler { type: "uniform" } bias_filler { type: "uniform" } }',
        *((shape,) if own else (shape, tuple(factor.shape))),
    ).double()
    blobs = [blob.detach().numpy() for blob in layer.blobs]
    scale = blobs.pop(0) if own else factor.numpy()
    assert scale.shape == covered(shape, axis, number)
    expected = x.detach().numpy() * spread(scale, axis, shape)
    if bias == "true":
        expected = expected + spread(blobs.pop(), axis, shape)
    assert not blobs
    bottoms = (x,) if own else (x, factor.requires_grad_())
    top = layer(*bottoms)
    np.testing.assert_allclose(top.detach(), expected)
    assert layer.top_shapes(*(tuple(bottom.shape) for bottom in bottoms)) == [shape]
    assert torch.autograd.gradcheck(layer, bottoms)
    if channels_last and number == 1:
        assert top.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("axis", "number"), CASES)
@pytest.mark.parametrize("own", [True, False])
def test_bias(own, axis, number):
    shape = (2, 3, 4)
    x, term = numbers(*shape, grad=True), numbers(*covered(shape, axis, number), seed=1)
    layer = build(
        f'type: "Bias" bias_param {{ axis: {axis} num_axes: {number} '
        'filler { type: "uniform" } }',
        *((shape,) if own else (shape, tuple(term.shape))),
    ).double()
    added = layer.blobs[0].detach().numpy() if own else term.numpy()
    bottoms = (x,) if own else (x, term.requires_grad_())
    expected = x.detach().numpy() + spread(added, axis, shape)
    np.testing.assert_allclose(layer(*bottoms).detach(), expected)
    assert torch.autograd.gradcheck(layer, bottoms)


@pytest.mark.parametrize("kind", ["Scale", "Bias"])
def test_one_number_needs_no_axis(kind):
    x, other = numbers(3), numbers()
    expected = x * other if kind == "Scale" else x + other
    assert torch.equal(run(f'type: "{kind}"', x, other), expected)


def test_first_numbers():
    assert (
        build('type: "Scale" scale_param { bias_term: true }', (2, 3)).blobs[0].tolist() == [1] * 3
    )
    assert build('type: "Scale" scale_param { filler {} }', (2, 3)).blobs[0].tolist() == [0] * 3
    assert build('type: "Bias"', (2, 3)).blobs[0].tolist() == [0] * 3


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ('type: "InnerProduct"', [(2, 3)], "no num_output"),
        ('type: "InnerProduct" inner_product_param { num_output: 1 axis: 2 }', [(2, 3)], "axis 2"),
        ('type: "Embed" embed_param { input_dim: 1 }', [(2,)], "no num_output"),
        ('type: "Embed" embed_param { num_output: 1 }', [(2,)], "no input_dim"),
        ('type: "Scale" scale_param { axis: 2 }', [(2, 3)], "axis 2"),
        ('type: "Scale" scale_param { num_axes: 2 }', [(2, 3)], "num_axes 2"),
        ('type: "Scale" scale_param { num_axes: -2 }', [(2, 3)], "num_axes -2"),
        ('type: "Scale"', [(2, 3, 4), (4,)], "bottom 1"),
        ('type: "Scale"', [(2, 3), (3, 4)], "bottom 1"),
        ('type: "Bias" bias_param { num_axes: 2 }', [(2, 3)], "num_axes 2"),
        ('type: "Bias" bias_param { axis: 0 }', [(2, 3), (3,)], "bottom 1"),
        ('type: "Bias" bias_param { axis: -3 }', [(2, 3)], "axis -3"),
    ],
)
def test_faults(text, given, message):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given)
    assert caught.value.remedy
