import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run

LOWEST = -float(np.finfo("f4").max)


def pooled_size(size, kernel, stride, pad, any_pad, up):
    room = (size + 2 * pad - kernel) / stride
    number = (math.ceil(room) if up else math.floor(room)) + 1
    if any_pad and (number - 1) * stride >= size + pad:
        number -= 1
    return number


def naive(x, kernel, stride, pad, method, up=True):
    """Pooling of a (height, width) plane as the goldens' README says; tops, and places for MAX."""
    outs = [pooled_size(x.shape[i], kernel[i], stride[i], pad[i], any(pad), up) for i in (0, 1)]
    top, places = np.zeros(outs), np.full(outs, -1)
    for at in np.ndindex(*outs):
        start = [at[i] * stride[i] - pad[i] for i in (0, 1)]
        end = [min(start[i] + kernel[i], x.shape[i] + pad[i]) for i in (0, 1)]
        area = (end[0] - start[0]) * (end[1] - start[1])
        seen = [
            (h, w)
            for h in range(max(start[0], 0), min(end[0], x.shape[0]))
            for w in range(max(start[1], 0), min(end[1], x.shape[1]))
        ]
        if method == "AVE":
            total = sum(x[place] for place in seen)
            top[at] = total / area if area else math.nan
        else:
            best = max(seen, key=lambda place: x[place], default=None)
            top[at] = LOWEST if best is None else x[best]
            places[at] = -1 if best is None else best[0] * x.shape[1] + best[1]
    return top, places


@st.composite
def poolings(draw):
    pair = st.tuples(st.integers(1, 5), st.integers(1, 5))
    kernel = draw(pair)
    stride = draw(pair)
    pad = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    up = draw(st.booleans())
    outs = [pooled_size(size[i], kernel[i], stride[i], pad[i], any(pad), up) for i in (0, 1)]
    assume(min(outs) > 0)
    return kernel, stride, pad, size, up


def text(kernel, stride, pad, up, method):
    fields = {"kernel": kernel, "stride": stride, "pad": pad}
    pairs = " ".join(f"{name}_h: {h} {name}_w: {w}" for name, (h, w) in fields.items())
    rounding = "CEIL" if up else "FLOOR"
    return f'type: "Pooling" pooling_param {{ pool: {method} {pairs} round_mode: {rounding} }}'


@pytest.mark.parametrize("channels_last", [False, True])
@given(drawn=poolings(), data=st.data())
def test_max(channels_last, drawn, data):
    kernel, stride, pad, size, up = drawn
    values = data.draw(st.lists(st.integers(-3, 3), min_size=size[0] * size[1] * 4, max_size=324))
    x = torch.tensor(values[: size[0] * size[1] * 4], dtype=torch.float64).reshape(2, 2, *size)
    if channels_last:
        x = x.to(memory_format=torch.channels_last)
    x.requires_grad_()
    layer = build(text(kernel, stride, pad, up, "MAX"), tuple(x.shape), tops=2)
    top, places = layer(x)
    alone = run(text(kernel, stride, pad, up, "MAX"), x)
    assert torch.equal(alone, top)
    alone.sum().backward()
    for image in np.ndindex(2, 2):
        expected, at = naive(x.detach().numpy()[image], kernel, stride, pad, "MAX", up)
        np.testing.assert_array_equal(top.detach()[image], expected)
        np.testing.assert_array_equal(places[image], at)
        # the first maximum of each window gets the gradient
        gradient = np.bincount(at[at >= 0], minlength=size[0] * size[1]).reshape(size)
        np.testing.assert_array_equal(x.grad[image], gradient)
    assert layer.top_shapes(tuple(x.shape)) == [tuple(top.shape)] * 2


@given(poolings())
def test_average(drawn):
    kernel, stride, pad, size, up = drawn
    x = numbers(1, 2, *size, grad=True)
    layer = build(text(kernel, stride, pad, up, "AVE"), tuple(x.shape))
    top = layer(x)
    for channel in range(2):
        plane = x.detach().numpy()[0, channel]
        expected = naive(plane, kernel, stride, pad, "AVE", up)[0]
        np.testing.assert_allclose(top.detach()[0, channel], expected, rtol=1e-9, atol=1e-12)
    assert layer.top_shapes(tuple(x.shape)) == [tuple(top.shape)]
    # the sum is linear, so its gradient gives it back
    if top.isfinite().all():
        top.sum().backward()
        assert (x.grad * x).sum().item() == pytest.approx(top.sum().item(), abs=1e-9)


@pytest.mark.parametrize("size", [(5, 7), (4, 4), (1, 3)])
@pytest.mark.parametrize("method", ["MAX", "AVE"])
def test_global(method, size):
    x = numbers(2, 3, *size)
    top = run(f'type: "Pooling" pooling_param {{ pool: {method} global_pooling: true }}', x)
    expected = x.amax((2, 3)) if method == "MAX" else x.mean((2, 3))
    torch.testing.assert_close(top, expected[..., None, None])


def test_square_fields_serve_both_axes():
    x = numbers(1, 1, 7, 6)
    short = run('type: "Pooling" pooling_param { kernel_size: 3 stride: 2 pad: 1 }', x)
    assert torch.equal(short, run(text((3, 3), (2, 2), (1, 1), True, "MAX"), x))


def test_places_of_half_precision():
    x = torch.zeros(1, 1, 80, 80, dtype=torch.float16)
    x[0, 0, 79, 78] = 1
    _, places = run('type: "Pooling" pooling_param { kernel_size: 80 }', x, tops=2)
    assert places.item() == 79 * 80 + 78


class TestStochastic:
    TEXT = 'type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }'

    def test_expected_value(self):
        x = numbers(1, 2, 5, 4).abs().requires_grad_()
        x.data[0, 0, :2, :2] = 0
        layer = build(self.TEXT, tuple(x.shape))
        top = layer(x)
        assert top[0, 0, 0, 0] == 0
        window = x.detach()[0, 1, 2:4, 2:4]
        assert top[0, 1, 1, 1].item() == pytest.approx((window**2).sum() / window.sum())
        edge = x.detach()[0, 1, 4:, :2]
        assert top[0, 1, 2, 0].item() == pytest.approx((edge**2).sum() / edge.sum())
        assert layer.top_shapes(tuple(x.shape)) == [tuple(top.shape)]

    def test_draws_by_share(self):
        x = torch.tensor([[1.0, 2.0], [0.0, 5.0]]).expand(100, 100, 2, 2)
        top = run(self.TEXT, x, training=True)
        for value, share in ((1, 1 / 8), (2, 1 / 4), (5, 5 / 8)):
            found = (top == value).double().mean().item()
            assert abs(found - share) < 5 * math.sqrt(share * (1 - share) / 1e4)

    def test_gradient_goes_to_the_drawn(self):
        x = torch.rand(3, 2, 5, 6).requires_grad_()
        layer = build(self.TEXT, tuple(x.shape), training=True)
        layer.top_shapes(tuple(x.shape))
        top = layer(x)
        top.sum().backward()
        assert set(x.grad.unique().tolist()) == {0, 1}
        torch.testing.assert_close((x.grad * x).sum(), top.sum())
        assert x.grad.sum() == top.numel()

    def test_draws_from_its_own_generator(self):
        x, state = torch.rand(8, 8, 6, 6), torch.get_rng_state()
        first, second = (build(self.TEXT, tuple(x.shape), training=True) for _ in range(2))
        tops = first(x)
        assert torch.equal(tops, second(x)) and not torch.equal(tops, second(x))
        assert torch.equal(state, torch.get_rng_state())


@given(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.sampled_from(["MAX", "AVE"]))
def test_spp(height, rows, columns, method):
    x = numbers(2, 2, rows, columns)
    spec = f'type: "SPP" spp_param {{ pyramid_height: {height} pool: {method} }}'
    levels = []
    for bins in (2**level for level in range(height)):
        kernel = [math.ceil(size / bins) for size in (rows, columns)]
        pad = [(k * bins - n + 1) // 2 for k, n in zip(kernel, (rows, columns), strict=True)]
        if any(p >= k for p, k in zip(pad, kernel, strict=True)):
            with pytest.raises(LayerError, match="too small"):
                build(spec, tuple(x.shape))
            return
        planes = x.numpy().reshape(-1, rows, columns)
        tops = np.stack([naive(plane, kernel, kernel, pad, method)[0] for plane in planes])
        assert tops.shape[1:] == (bins, bins)
        levels.append(tops.reshape(2, -1))
    expected = np.concatenate(levels, 1).reshape((2, 2, 1, 1) if height == 1 else (2, -1))
    layer = build(spec, tuple(x.shape))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-9, atol=1e-12)
    assert layer.top_shapes(tuple(x.shape)) == [expected.shape]


def test_spp_draws():
    x = torch.rand(2, 3, 8, 8)
    top = run('type: "SPP" spp_param { pyramid_height: 2 pool: STOCHASTIC }', x, training=True)
    assert top.shape == (2, 15) and torch.isin(top, x).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("", "no kernel_size"),
        ("kernel_size: 0", "kernel or a stride of 0"),
        ("kernel_size: 2 stride: 0", "kernel or a stride of 0"),
        ("kernel_size: 2 stride: 4294967295", "stride or pad above 2147483647"),
        ("kernel_h: 2", "kernel_h alone"),
        ("kernel_size: 2 kernel_h: 2 kernel_w: 2", "kernel_size and kernel_h"),
        ("kernel_size: 2 stride_w: 2", "stride_w alone"),
        ("kernel_size: 2 stride: 1 stride_h: 2 stride_w: 2", "stride and stride_h"),
        ("kernel_size: 3 pad: 1 pad_h: 1 pad_w: 1", "pad and pad_h"),
        ("kernel_size: 2 pad: 2", "not smaller"),
        ("kernel_size: 7 round_mode: FLOOR", "no room"),
        ("global_pooling: true kernel_size: 2", "global_pooling and kernel_size"),
        ("global_pooling: true pad: 1", "global_pooling and a stride or a pad"),
        ("global_pooling: true stride: 2", "global_pooling and a stride or a pad"),
        ("pool: STOCHASTIC kernel_size: 3 pad: 1", "STOCHASTIC pooling and a pad"),
    ],
)
def test_faults(fields, message):
    with pytest.raises(LayerError, match=message) as caught:
        build(f'type: "Pooling" pooling_param {{ {fields} }}', (1, 2, 4, 4))
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "shape", "tops", "message"),
    [
        ('type: "Pooling" pooling_param { kernel_size: 1 }', (2, 3, 4), 1, "4 axes"),
        ('type: "Pooling" pooling_param { kernel_size: 1 pool: AVE }', (1, 1, 2, 2), 2, "second"),
        ('type: "SPP"', (1, 1, 2, 2), 1, "no pyramid_height"),
        ('type: "SPP" spp_param { pyramid_height: 2 }', (1, 1, 2), 1, "4 axes"),
        (
            'type: "SPP" spp_param { pyramid_height: 2 pool: STOCHASTIC }',
            (1, 1, 5, 5),
            1,
            "STOCHASTIC",
        ),
    ],
)
def test_other_faults(text, shape, tops, message):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, shape, tops=tops)
    assert caught.value.remedy
