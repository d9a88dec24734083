import numpy as np
import pytest
import torch
from scipy.special import expit

from catdog.errors import LayerError
from tests.layers.single import build, numbers

FILLERS = 'weight_filler { type: "uniform" min: -1 } bias_filler { type: "uniform" min: -1 }'
CONT = torch.tensor([[0.0, 1], [1, 1], [1, 0], [1, 1]], dtype=torch.float64)


def text(kind, extra=""):
    return f'type: "{kind}" recurrent_param {{ num_output: 3 {FILLERS} {extra} }}'


def rnn(blobs, x, cont, static, hidden):
    """Step by step, as the goldens' README says."""
    w_xh, b_h, *rest = blobs
    w_static = rest.pop(0) if static is not None else None
    w_hh, w_ho, b_o = rest
    tops = []
    for step in range(len(x)):
        given = x[step].reshape(len(hidden), -1) @ w_xh.T + b_h
        if static is not None:
            given = given + static.reshape(len(hidden), -1) @ w_static.T
        hidden = np.tanh((cont[step][:, None] * hidden) @ w_hh.T + given)
        tops.append(np.tanh(hidden @ w_ho.T + b_o))
    return np.stack(tops), (hidden,)


def lstm(blobs, x, cont, static, hidden, cell):
    """Step by step, as the goldens' README says."""
    w_xc, b_c, *rest = blobs
    tops = []
    for step in range(len(x)):
        gates = x[step].reshape(len(hidden), -1) @ w_xc.T + b_c
        if static is not None:
            gates = gates + static.reshape(len(hidden), -1) @ rest[0].T
        gates = gates + (cont[step][:, None] * hidden) @ rest[-1].T
        into, keep, out, new = np.split(gates, 4, 1)
        cell = cont[step][:, None] * expit(keep) * cell + expit(into) * np.tanh(new)
        hidden = expit(out) * np.tanh(cell)
        tops.append(hidden)
    return np.stack(tops), (hidden, cell)


STEPS = {"RNN": (rnn, 1), "LSTM": (lstm, 2)}


@pytest.mark.parametrize("static", [None, (2, 4), (2, 2, 2)])
@pytest.mark.parametrize("shape", [(4, 2, 5), (4, 2, 2, 3)])
@pytest.mark.parametrize("kind", STEPS)
def test_goes_on_where_it_stopped(kind, shape, static):
    steps, states = STEPS[kind]
    fixed = [] if static is None else [numbers(*static)]
    layer = build(text(kind), shape, (4, 2), *(f.shape for f in fixed)).double()
    blobs = [blob.detach().numpy() for blob in layer.blobs]
    state = (np.zeros((2, 3)),) * states
    for seed in range(3):
        x = numbers(*shape, seed=seed)
        expected, state = steps(
            blobs, x.numpy(), CONT.numpy(), fixed[0].numpy() if fixed else None, *state
        )
        np.testing.assert_allclose(layer(x, CONT, *fixed).detach(), expected, rtol=1e-9)
    assert layer.top_shapes(shape, (4, 2), *(f.shape for f in fixed)) == [(4, 2, 3)]
    np.testing.assert_allclose(layer.state, np.stack(state), rtol=1e-9)


@pytest.mark.parametrize("kind", STEPS)
def test_state_can_be_kept_and_put_back(kind):
    layer, other = (build(text(kind), (4, 2, 5), (4, 2)).double() for _ in range(2))
    x, ones = numbers(4, 2, 5), torch.ones(4, 2)
    first = layer(x, ones)
    other.state = dict(layer.named_buffers())["state"].clone()
    again = layer(x, ones)
    assert not torch.allclose(first, again)
    assert torch.equal(other(x, ones), again)
    assert "state" not in layer.state_dict()


@pytest.mark.parametrize("kind", STEPS)
def test_another_number_of_streams_begins_anew(kind):
    layer, other = (build(text(kind), (4, 2, 5), (4, 2)).double() for _ in range(2))
    layer(numbers(4, 2, 5), torch.ones(4, 2))
    x = numbers(4, 1, 5)
    assert torch.equal(layer(x, torch.ones(4, 1)), other(x, torch.ones(4, 1)))


@pytest.mark.parametrize("kind", STEPS)
def test_gradient(kind):
    x, static = numbers(4, 2, 5, grad=True), numbers(2, 4, grad=True)
    layer = build(text(kind), x.shape, (4, 2), static.shape).double()
    parameters = [layer.blobs.parameter(i) for i in range(len(layer.blobs))]

    def fresh(x, static, *_):
        layer.state = None
        return layer(x, CONT, static)

    assert torch.autograd.gradcheck(fresh, (x, static, *parameters))


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("kind", STEPS)
def test_exposed_state(kind, static):
    steps, states = STEPS[kind]
    x, fixed = numbers(4, 2, 5), [numbers(2, 4)] * static
    given = [numbers(1, 2, 3, seed=seed, grad=True) for seed in range(states)]
    bottoms = [x, CONT, *fixed, *given]
    shapes = [tuple(bottom.shape) for bottom in bottoms]
    layer = build(text(kind, "expose_hidden: true"), *shapes, tops=1 + states).double()
    top, *last = layer(*bottoms)
    blobs = [blob.detach().numpy() for blob in layer.blobs]
    expected, state = steps(
        blobs,
        x.numpy(),
        CONT.numpy(),
        fixed[0].numpy() if static else None,
        *(blob.detach().numpy()[0] for blob in given),
    )
    np.testing.assert_allclose(top.detach(), expected, rtol=1e-9)
    for blob, wanted in zip(last, state, strict=True):
        np.testing.assert_allclose(blob[0], wanted, rtol=1e-9)
    assert layer.top_shapes(*shapes) == [(4, 2, 3)] + [(1, 2, 3)] * states
    top.sum().backward()
    assert all(blob.grad is None for blob in given)
    assert not any(blob.requires_grad for blob in last)
    assert torch.equal(layer(*bottoms)[0], top)


def test_lstm_unit_gradient():
    shapes = (1, 2, 3), (1, 2, 12), (1, 2)
    layer = build('type: "LSTMUnit"', *shapes, tops=2)
    cont = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    cell, gates = numbers(*shapes[0], grad=True), numbers(*shapes[1], grad=True)
    assert torch.autograd.gradcheck(lambda c, g: layer(c, g, cont), (cell, gates))
    assert layer.top_shapes(*shapes) == [(1, 2, 3)] * 2


@pytest.mark.parametrize("kind", STEPS)
def test_debug_info_changes_no_number(kind):
    x = numbers(4, 2, 5).float()
    plain, debug = (build(text(kind, extra), x.shape, (4, 2)) for extra in ("", "debug_info: true"))
    assert torch.equal(plain(x, CONT.float()), debug(x, CONT.float()))


@pytest.mark.parametrize(
    ("text", "given", "tops", "message"),
    [
        ('type: "RNN"', [(4, 2, 5), (4, 2)], 1, "no num_output"),
        (text("RNN"), [(4, 2, 5)], 1, "1 bottoms"),
        (text("RNN"), [(4, 2, 5), (4, 2), (2, 1), (2, 1)], 1, "4 bottoms"),
        (text("RNN"), [(4, 2, 5), (4, 2)], 2, "2 tops and makes 1"),
        (text("RNN"), [(4, 2), (4, 2)], 1, "bottom 0"),
        (text("RNN"), [(4, 2, 5), (4, 3)], 1, "bottom 1"),
        (text("RNN"), [(4, 2, 5), (4, 2, 1)], 1, "bottom 1"),
        (text("LSTM"), [(4, 2, 5), (4, 2), (3, 1)], 1, "bottom 2"),
        (text("LSTM"), [(4, 2, 5), (4, 2), (2,)], 1, "bottom 2"),
        (text("LSTM", "expose_hidden: true"), [(4, 2, 5), (4, 2)], 3, "takes 4 to 5"),
        (
            text("LSTM", "expose_hidden: true"),
            [(4, 2, 5), (4, 2), (1, 2, 3), (1, 2, 4)],
            3,
            "bottom 3",
        ),
        ('type: "LSTMUnit"', [(2, 2, 3), (1, 2, 12), (1, 2)], 2, "bottom 0"),
        ('type: "LSTMUnit"', [(1, 2, 3), (1, 2, 11), (1, 2)], 2, "bottom 1"),
        ('type: "LSTMUnit"', [(1, 2, 3), (1, 2, 12), (1, 3)], 2, "bottom 2"),
    ],
)
def test_faults(text, given, tops, message):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given, tops=tops)
    assert caught.value.remedy
