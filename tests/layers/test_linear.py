"""The product of a fully connected layer, large enough for oneDNN."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from catdog.layers import linear as module
from catdog.layers.linear import LEAST, linear

OUT, IN = 160, 450
assert OUT * IN >= LEAST


@pytest.fixture
def multiplied(monkeypatch):
    """How often oneDNN multiplied."""
    calls = []
    product = module._product
    monkeypatch.setattr(module, "_product", lambda *given: calls.append(1) or product(*given))
    return calls


def inputs(rows=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((rows, IN), (OUT, IN), (OUT,), (rows, OUT))
    return [torch.randn(shape, generator=generator) for shape in shapes]


def in_double(x, weights, bias, gradient):
    """NumPy's result and gradients."""
    x, weights, bias, gradient = (
        np.asarray(each, np.float64) for each in (x, weights, bias, gradient)
    )
    return x @ weights.T + bias, gradient @ weights, gradient.T @ x, gradient.sum(0)


@pytest.mark.parametrize("rows", [1, 2, 7, 64])
def test_result_and_gradients_are_those_of_the_formula(rows, multiplied):
    x, weights, bias, gradient = inputs(rows)
    learning = [each.clone().requires_grad_() for each in (x, weights, bias)]
    made = linear(*learning)
    made.backward(gradient)
    assert len(multiplied) == 3
    found = [made.detach(), *(each.grad for each in learning)]
    for mine, right in zip(found, in_double(x, weights, bias, gradient), strict=True):
        assert np.allclose(mine, right, rtol=1e-4, atol=1e-4 * np.sqrt(IN))


def test_weights_the_other_way_round_and_more_axes():
    x, weights, bias, _ = inputs(12)
    turned = weights.t().contiguous().t()
    assert torch.allclose(linear(x, turned, bias), F.linear(x, weights, bias), atol=1e-4)
    deep = linear(x.view(3, 4, IN), weights)
    assert deep.shape == (3, 4, OUT)
    assert torch.allclose(deep.view(12, OUT), F.linear(x, weights), atol=1e-4)


def test_numbers_that_do_not_stand_side_by_side():
    x, weights, bias, gradient = inputs(8)
    apart = [torch.stack([each, each], -1)[..., 0] for each in (x, weights, bias)]
    assert not any(each.is_contiguous() for each in apart)
    learning = [each.detach().requires_grad_() for each in apart]
    made = linear(*learning)
    made.backward(torch.stack([gradient, gradient], -1)[..., 0])
    found = [made.detach(), *(each.grad for each in learning)]
    for mine, right in zip(found, in_double(x, weights, bias, gradient), strict=True):
        assert np.allclose(mine, right, rtol=1e-4, atol=1e-4 * np.sqrt(IN))
    same = torch.tensor(0.5).expand(OUT)
    assert torch.allclose(linear(x, weights, same), F.linear(x, weights, same), atol=1e-4)


def test_gradients_of_gradients_and_of_each_example():
    x, weights, bias, _ = inputs(3)

    def sharpness(multiply):
        row = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(
            multiply(row, weights, bias).square().sum(), row, create_graph=True
        )
        return torch.autograd.grad(slope.square().sum(), row)[0]

    def score(row, multiply):
        return multiply(row, weights, bias).square().sum()

    def of_each(multiply):
        return torch.func.vmap(lambda row: torch.func.grad(score)(row, multiply))(x)

    for asked in (sharpness, of_each):
        mine, right = asked(linear), asked(F.linear)
        assert torch.allclose(mine, right, atol=1e-5 * right.abs().max().item())


@pytest.mark.filterwarnings("ignore")
def test_a_traced_net_takes_other_batches():
    x, weights, *_ = inputs(5)
    layer = torch.nn.Module()
    layer.weights = torch.nn.Parameter(weights)
    layer.forward = lambda rows: linear(rows, layer.weights)
    traced = torch.jit.trace(layer, x[:2])
    assert torch.allclose(traced(x), linear(x, weights), atol=1e-4)


def test_only_what_learns_gets_a_gradient():
    x, weights, bias, gradient = inputs()
    weights.requires_grad_()
    linear(x, weights, bias).backward(gradient)
    assert weights.grad is not None and x.grad is None and bias.grad is None


@pytest.mark.parametrize("change", ["small", "double", "empty", "autocast", "missing"])
def test_what_is_not_for_onednn_is_torchs_own(change, multiplied, monkeypatch):
    x, weights, bias, _ = inputs()
    if change == "small":
        x, weights, bias = x[:, :9], weights[:, :9], bias
    if change == "double":
        x, weights, bias = x.double(), weights.double(), bias.double()
    if change == "empty":
        x = x[:0]
    if change == "missing":
        monkeypatch.setattr(module, "_MULTIPLY", None)
    with torch.autocast("cpu", torch.bfloat16, enabled=change == "autocast"):
        assert torch.equal(linear(x, weights, bias), F.linear(x, weights, bias))
    assert not multiplied


def test_an_exported_net_has_torchs_own_operation():
    class Layer(torch.nn.Module):
        def forward(self, x, weights):
            return linear(x, weights)

    x, weights, *_ = inputs()
    exported = torch.export.export(Layer(), (x, weights))
    called = {str(node.target) for node in exported.graph.nodes if node.op == "call_function"}
    assert called == {"aten.linear.default"}
