import math

import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run

FORMULAS = {
    'type: "ReLU"': lambda x: np.maximum(x, 0),
    'type: "ReLU" relu_param { negative_slope: 0.25 }': lambda x: np.where(x > 0, x, 0.25 * x),
    'type: "ReLU" relu_param { negative_slope: -0.5 }': lambda x: np.where(x > 0, x, -0.5 * x),
    'type: "PReLU"': lambda x: np.where(x > 0, x, 0.25 * x),
    'type: "ELU" elu_param { alpha: 1.5 }': lambda x: np.where(x > 0, x, 1.5 * np.expm1(x)),
    'type: "ELU" elu_param { alpha: -2 }': lambda x: np.where(x > 0, x, -2 * np.expm1(x)),
    'type: "Sigmoid"': lambda x: 1 / (1 + np.exp(-x)),
    'type: "Sigmoid" sigmoid_param { engine: CUDNN }': lambda x: 1 / (1 + np.exp(-x)),
    'type: "TanH"': np.tanh,
    'type: "AbsVal"': np.abs,
    'type: "Power"': lambda x: x,
    'type: "Power" power_param { power: 2 scale: 0.5 shift: 3 }': lambda x: (3 + 0.5 * x) ** 2,
    'type: "Power" power_param { power: -1 shift: 9 }': lambda x: 1 / (9 + x),
    'type: "Exp"': np.exp,
    'type: "Exp" exp_param { base: 2 scale: 0.5 shift: -1 }': lambda x: 2 ** (0.5 * x - 1),
    'type: "Log" log_param { shift: 9 }': lambda x: np.log(x + 9),
    'type: "Log" log_param { base: 0.5 scale: 2 shift: 9 }': lambda x: -np.log2(2 * x + 9),
    'type: "BNLL"': lambda x: np.log1p(np.exp(x)),
    'type: "Swish"': lambda x: x / (1 + np.exp(-x)),
    'type: "Swish" swish_param { beta: -2 }': lambda x: x / (1 + np.exp(2 * x)),
    'type: "Clip" clip_param { min: -0.5 max: 1 }': lambda x: np.clip(x, -0.5, 1),
    'type: "Dropout"': lambda x: x,
}


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 3)])
def test_formula_and_gradient(text, shape):
    x = numbers(*shape, grad=True)
    layer = build(text, shape).double()
    np.testing.assert_allclose(layer(x).detach(), FORMULAS[text](x.detach().numpy()), rtol=1e-12)
    assert torch.autograd.gradcheck(layer, x)


@pytest.mark.parametrize("text", FORMULAS)
def test_shape_stays(text):
    assert build(text, (2, 3, 4)).to("meta").top_shapes((2, 3, 4)) == [(2, 3, 4)]


@pytest.mark.parametrize("text", FORMULAS)
def test_channels_last_stays(text):
    x = numbers(2, 3, 4, 5).to(memory_format=torch.channels_last)
    y = build(text, (2, 3, 4, 5)).double()(x)
    assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("text", "at", "slope"),
    [
        ('type: "ReLU"', 0, 0),
        ('type: "ReLU" relu_param { negative_slope: 0.25 }', 0, 0.25),
        ('type: "PReLU"', 0, 0.25),
        ('type: "ELU" elu_param { alpha: 0.5 }', 0, 0.5),
        ('type: "AbsVal"', 0, 0),
        ('type: "Clip" clip_param { min: -1 max: 2 }', -1, 1),
        ('type: "Clip" clip_param { min: -1 max: 2 }', 2, 1),
    ],
)
def test_gradient_at_a_corner(text, at, slope):
    x = torch.full((1, 1), float(at), requires_grad=True)
    run(text, x).backward()
    assert x.grad.item() == slope


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ("power: 0 scale: 2 shift: 0.5", 1),
        ("power: 3 scale: 0 shift: 2", 8),
        ("power: -1 scale: 0", math.inf),
    ],
)
def test_constant_power_has_a_gradient_of_zeros(fields, value):
    x = torch.tensor([1.0, 0.0, math.inf], requires_grad=True)
    y = run(f'type: "Power" power_param {{ {fields} }}', x)
    y.sum().backward()
    assert y.tolist() == [value] * 3
    assert x.grad.tolist() == [0, 0, 0]


def test_threshold():
    y = run('type: "Threshold" threshold_param { threshold: 1 }', torch.tensor([0.5, 1, 1.5]))
    assert y.tolist() == [0, 0, 1]


def test_prelu_has_a_slope_for_each_channel():
    x = numbers(2, 3, 4, grad=True)
    layer = build('type: "PReLU" prelu_param { filler { type: "constant" value: 0.5 } }', x.shape)
    assert [tuple(blob.shape) for blob in layer.blobs] == [(3,)]
    slopes = torch.tensor([0.1, 0.5, -2.0], dtype=torch.float64)
    layer.double().blobs.parameter(0).data.copy_(slopes)
    expected = np.where(x.detach() > 0, x.detach(), slopes[:, None] * x.detach())
    np.testing.assert_allclose(layer(x).detach(), expected)
    layer(x).sum().backward()
    negative = x.detach().clamp(max=0).sum((0, 2))
    torch.testing.assert_close(layer.blobs[0].grad, negative)


def test_prelu_shares_one_slope():
    layer = build('type: "PReLU" prelu_param { channel_shared: true }', (2, 3, 4))
    assert layer.blobs[0].shape == () and layer.blobs[0].item() == 0.25


class TestDropout:
    def test_scales_what_it_keeps(self):
        y = run(
            'type: "Dropout" dropout_param { dropout_ratio: 0.2 }',
            torch.ones(100, 1000),
            training=True,
        )
        assert set(y.unique().tolist()) == {0, 1.25}
        # five standard deviations
        assert abs((y != 0).float().mean().item() - 0.8) < 5 * math.sqrt(0.16 / 1e5)

    def test_gradient_has_the_same_mask(self):
        x = torch.ones(50, 50, requires_grad=True)
        y = run('type: "Dropout"', x, training=True)
        y.sum().backward()
        assert torch.equal(x.grad, y)

    def test_draws_from_its_own_generator(self):
        state = torch.get_rng_state()
        layer = build('type: "Dropout"', (8, 8), training=True)
        first, second = layer(torch.ones(8, 8)), layer(torch.ones(8, 8))
        assert torch.equal(torch.get_rng_state(), state)
        assert not torch.equal(first, second)
        again = build('type: "Dropout"', (8, 8), training=True)
        assert torch.equal(again(torch.ones(8, 8)), first)

    def test_ratio_zero_keeps_all(self):
        x = numbers(3, 4)
        text = 'type: "Dropout" dropout_param { dropout_ratio: 0 }'
        assert torch.equal(run(text, x, training=True), x)

    def test_without_scaling_in_training_it_scales_when_tested(self):
        text = 'type: "Dropout" %s dropout_param { dropout_ratio: 0.2 scale_train: false }'
        for tops in ("", 'bottom: "a" top: "a"'):
            x = torch.ones(50, 50)
            assert set(run(text % tops, x.clone(), training=True).unique().tolist()) == {0, 1}
            torch.testing.assert_close(run(text % tops, x), torch.full((50, 50), 0.8))
        assert not build(text % "", (2, 3)).is_random()

    def test_weights_may_be_sampled_in_the_test_phase(self):
        text = 'type: "Dropout" dropout_param { dropout_ratio: 0.5 sample_weights_test: true }'
        for training in (False, True):
            y = run(text, torch.ones(50, 50), training=training)
            assert set(y.unique().tolist()) == {0, 2}
        assert build(text, (2, 3)).is_random()

    def test_shapes_need_no_random_numbers(self):
        assert build('type: "Dropout"', (2, 3), training=True).top_shapes((2, 3)) == [(2, 3)]


@pytest.mark.parametrize(
    ("text", "shape", "message", "field"),
    [
        ('type: "PReLU"', (3,), "two axes", "bottom"),
        ('type: "Exp" exp_param { base: 0 }', (3,), "base 0", "exp_param.base"),
        ('type: "Exp" exp_param { base: -2 }', (3,), "base -2", "exp_param.base"),
        ('type: "Log" log_param { base: -3 }', (3,), "base -3", "log_param.base"),
        ('type: "Log" log_param { base: 1 }', (3,), "base 1", "log_param.base"),
        ('type: "Clip" clip_param { min: 2 max: 1 }', (3,), "min 2 above", "clip_param.min"),
        ('type: "Clip"', (3,), "no min", "clip_param"),
        (
            'type: "Dropout" dropout_param { dropout_ratio: 1 }',
            (3,),
            "dropout_ratio 1",
            "dropout_param.dropout_ratio",
        ),
        (
            'type: "Dropout" dropout_param { scale_train: false sample_weights_test: true }',
            (3,),
            "scale_train: false of Fast R-CNN's fork and sample_weights_test",
            "dropout_param",
        ),
    ],
)
def test_faults(text, shape, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, shape)
    assert caught.value.field == field
    assert caught.value.remedy
