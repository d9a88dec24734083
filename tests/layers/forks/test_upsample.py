import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from catdog.layers.forks.upsample import _placed
from tests.layers.single import build, numbers, run


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("scale", [1, 2, 3, 5])
def test_nearest(scale, layout):
    x = numbers(2, 3, 2, 4, grad=True)
    layer = build(f'type: "Upsample" upsample_param {{ scale: {scale} }}', x.shape)
    top = layer(x.to(memory_format=layout))
    expected = x.detach().numpy().repeat(scale, 2).repeat(scale, 3)
    np.testing.assert_array_equal(top.detach(), expected)
    assert layer.top_shapes(tuple(x.shape)) == [expected.shape]
    assert torch.autograd.gradcheck(layer, x)


def test_one_is_the_usual_scale_without_a_mask_and_two_with_one():
    x, mask = numbers(1, 1, 2, 3), torch.arange(6.0).view(1, 1, 2, 3)
    assert run('type: "Upsample"', x).shape == (1, 1, 2, 3)
    assert run('type: "Upsample"', x, mask).shape == (1, 1, 4, 6)


def unpooled(x, mask, shape):
    """One number after the other."""
    top = np.zeros((*x.shape[:2], shape[0] * shape[1]))
    for n, c in np.ndindex(x.shape[:2]):
        for number, place in zip(x[n, c].ravel(), mask[n, c].ravel(), strict=True):
            top[n, c, int(place)] = number
    return top.reshape(*x.shape[:2], *shape)


@pytest.mark.parametrize(
    ("fields", "shape"),
    [
        ("", (6, 8)),
        ("scale: 3", (9, 12)),
        ("scale_h: 2 scale_w: 4", (6, 16)),
        ("pad_out_h: true pad_out_w: true", (5, 7)),
        ("scale: 2 pad_out_w: true", (6, 7)),
        ("scale_h: 3 scale_w: 2 pad_out_w: true", (9, 7)),
        ("upsample_h: 5 upsample_w: 11", (5, 11)),
        ("scale: 2 upsample_h: 2 upsample_w: 2 pad_out_h: true", (2, 2)),
    ],
)
@given(seed=st.integers(0, 5))
def test_by_a_mask(fields, shape, seed):
    x = numbers(2, 3, 3, 4, seed=seed, grad=True)
    generator = torch.Generator().manual_seed(seed)
    # places stand there twice and more
    mask = torch.randint(shape[0] * shape[1], (2, 3, 3, 4), generator=generator).double()
    layer = build(f'type: "Upsample" upsample_param {{ {fields} }}', x.shape, mask.shape)
    expected = unpooled(x.detach().numpy(), mask.numpy(), shape)
    with torch.no_grad():
        np.testing.assert_array_equal(layer(x, mask), expected)
    top = layer(x, mask)
    np.testing.assert_array_equal(top.detach(), expected)
    assert layer.top_shapes(tuple(x.shape), tuple(mask.shape)) == [expected.shape]
    diff = numbers(*top.shape, seed=seed + 9)
    top.backward(diff)
    wanted = diff.flatten(2).gather(2, mask.long().flatten(2)).view_as(x)
    assert torch.equal(x.grad, wanted)


def test_the_last_one_stays_in_large_planes():
    """On the CPU by the order of scatter_, elsewhere by the largest index."""
    x = torch.randn(8, 64, 3000)
    places = torch.randint(500, (8, 64, 3000))
    expected = unpooled(x.numpy(), places.numpy(), (1, 500))[:, :, 0]
    np.testing.assert_array_equal(_placed(x, places, 500), expected.astype(np.float32))


def test_the_mask_of_a_pooling_layer_takes_numbers_back():
    x = numbers(2, 3, 6, 8).float()
    text = 'type: "Pooling" pooling_param { kernel_size: 2 stride: 2 }'
    pooled, mask = run(text, x, tops=2)
    top = run('type: "Upsample"', pooled, mask)
    assert torch.equal(top, x.where(top != 0, 0)) and (top != 0).sum() == pooled.numel()
    assert torch.equal(run(text, top), pooled.where(pooled > 0, 0))


@pytest.mark.parametrize(
    ("fields", "masked", "says"),
    [
        ("scale: 0", False, "has scale 0"),
        ("upsample_h: 4 upsample_w: 4", False, "has upsample_h, which goes with a mask"),
        ("pad_out_h: true", False, "has pad_out_h, which goes with a mask"),
        ("upsample_h: 4", True, "has upsample_h alone"),
        ("upsample_h: 1 upsample_w: 4", True, "has upsample_h 1"),
        ("scale_w: 4", True, "has scale_w alone"),
        ("scale_h: 1 scale_w: 4", True, "has scale_h 1"),
        ("scale: 2 scale_h: 2 scale_w: 2", True, "has scale and scale_h"),
        ("scale: 1", True, "has scale 1"),
        ("scale: 3 pad_out_h: true", True, "has pad_out_h with a scale of 3"),
    ],
)
def test_sizes_that_cannot_be(fields, masked, says):
    shapes = [(1, 2, 3, 3)] * (1 + masked)
    with pytest.raises(LayerError, match=says):
        build(f'type: "Upsample" upsample_param {{ {fields} }}', *shapes)


def test_masks_that_do_not_fit():
    with pytest.raises(LayerError, match=r"has a mask \[1, 2, 3, 4\]"):
        build('type: "Upsample"', (1, 2, 3, 3), (1, 2, 3, 4))
    with pytest.raises(LayerError, match="4 axes"):
        build('type: "Upsample"', (1, 2, 3))
    x = numbers(1, 1, 2, 2)
    for place, said in ((16, "has place 16"), (-1, "has place -1")):
        with pytest.raises(LayerError, match=said):
            run('type: "Upsample"', x, torch.full((1, 1, 2, 2), float(place)))
