from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run

sizes = st.integers(1, 4)
shapes = st.lists(sizes, min_size=1, max_size=5).map(tuple)


@st.composite
def shape_and_axis(draw):
    shape = draw(shapes)
    return shape, draw(st.integers(-len(shape), len(shape) - 1))


def counted(*shape):
    return torch.arange(prod(shape), dtype=torch.float32).reshape(shape)


@given(shape_and_axis(), st.lists(sizes, min_size=1, max_size=4))
def test_concat_is_numpys_and_slice_undoes_it(shape_axis, parts):
    shape, axis = shape_axis
    pieces = []
    for seed, size in enumerate(parts):
        piece = list(shape)
        piece[axis] = size
        pieces.append(numbers(*piece, seed=seed))
    joined = run(f'type: "Concat" concat_param {{ axis: {axis} }}', *pieces)
    np.testing.assert_array_equal(joined, np.concatenate([p.numpy() for p in pieces], axis))
    points = " ".join(f"slice_point: {point}" for point in np.cumsum(parts)[:-1])
    text = f'type: "Slice" slice_param {{ axis: {axis} {points} }}'
    if points:
        back = run(text, joined, tops=len(parts))
        assert all(torch.equal(a, b) for a, b in zip(back, pieces, strict=True))


@given(shape_and_axis(), st.integers(1, 4))
def test_slice_into_equal_pieces(shape_axis, pieces):
    shape, axis = list(shape_axis[0]), shape_axis[1]
    shape[axis] *= pieces
    x = numbers(*shape)
    cut = run(f'type: "Slice" slice_param {{ axis: {axis} }}', x, tops=pieces)
    for piece, expected in zip(cut, np.split(x.numpy(), pieces, axis), strict=True):
        np.testing.assert_array_equal(piece, expected)


@given(st.data())
def test_flatten(data):
    shape = data.draw(shapes)
    start = data.draw(st.integers(0, len(shape) - 1))
    end = data.draw(st.integers(start, len(shape) - 1))
    wanted = (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])
    x = counted(*shape)
    for last in (end, end - len(shape)):
        text = f'type: "Flatten" flatten_param {{ axis: {start} end_axis: {last} }}'
        np.testing.assert_array_equal(run(text, x), x.numpy().reshape(wanted))


@given(st.data())
def test_reshape(data):
    """A middle part is replaced by another of the same count, some of it written as 0 or -1."""
    shape = data.draw(shapes)
    start = data.draw(st.integers(0, len(shape)))
    end = data.draw(st.integers(start, len(shape)))
    middle = data.draw(st.permutations([*shape[start:end], 1]))
    if len(middle) > 1 and data.draw(st.booleans()):
        middle = [middle[0] * middle[1], *middle[2:]]
    dims = list(middle)
    for i, size in enumerate(middle):
        if start + i < len(shape) and shape[start + i] == size and data.draw(st.booleans()):
            dims[i] = 0
    if data.draw(st.booleans()):
        dims[data.draw(st.integers(0, len(dims) - 1))] = -1
    axis = data.draw(st.sampled_from([start, start - len(shape) - 1]))
    rest = end == len(shape) and data.draw(st.booleans())
    written = " ".join(f"dim: {dim}" for dim in dims)
    text = (
        f'type: "Reshape" reshape_param {{ shape {{ {written} }} axis: {axis} '
        f"num_axes: {-1 if rest else end - start} }}"
    )
    x = counted(*shape)
    wanted = (*shape[:start], *middle, *shape[end:])
    layer = build(text, shape)
    np.testing.assert_array_equal(layer(x), x.numpy().reshape(wanted))
    assert layer.top_shapes(shape) == [wanted]


def test_reshape_follows_a_smaller_batch():
    layer = build('type: "Reshape" reshape_param { shape { dim: 0 dim: -1 } }', (8, 2, 3))
    assert layer(counted(5, 2, 3)).shape == (5, 6)


def test_channels_last_is_only_a_layout():
    x = counted(2, 3, 4, 5)
    last = x.to(memory_format=torch.channels_last)
    for text in (
        'type: "Flatten"',
        'type: "Reshape" reshape_param { shape { dim: 0 dim: 6 dim: -1 } }',
        'type: "Tile" tile_param { tiles: 2 }',
    ):
        assert torch.equal(run(text, last), run(text, x))
    joined = run('type: "Concat"', last, last)
    assert joined.is_contiguous(memory_format=torch.channels_last)


@given(st.data())
def test_crop(data):
    shape = data.draw(shapes)
    axis = data.draw(st.integers(0, len(shape) - 1))
    like = [data.draw(st.integers(1, size)) for size in shape]
    offset = [
        data.draw(st.integers(0, size - small))
        for size, small in list(zip(shape, like, strict=True))[axis:]
    ]
    if data.draw(st.booleans()):
        offset = [min(offset)]
    given_axis = data.draw(st.sampled_from([axis, axis - len(shape)]))
    written = " ".join(f"offset: {at}" for at in offset)
    text = f'type: "Crop" crop_param {{ axis: {given_axis} {written} }}'
    x = counted(*shape)
    at = [0] * axis + (offset if len(offset) > 1 else offset * (len(shape) - axis))
    end = [*shape[:axis], *(a + b for a, b in zip(at[axis:], like[axis:], strict=True))]
    expected = x.numpy()[tuple(map(slice, at, end))]
    np.testing.assert_array_equal(run(text, x, torch.empty(like)), expected)


@given(shape_and_axis(), st.integers(1, 3))
def test_tile(shape_axis, tiles):
    shape, axis = shape_axis
    x = numbers(*shape, grad=True)
    y = run(f'type: "Tile" tile_param {{ axis: {axis} tiles: {tiles} }}', x)
    np.testing.assert_array_equal(
        y.detach(), np.concatenate([x.detach().numpy()] * tiles, axis=axis)
    )
    y.sum().backward()
    assert (x.grad == tiles).all()


def test_split_adds_gradients():
    x = numbers(2, 3, grad=True)
    a, b, c = run('type: "Split"', x, tops=3)
    (a + 2 * b + 4 * c).sum().backward()
    assert (x.grad == 7).all()
    assert torch.equal(c, x)


def test_silence_has_no_tops():
    layer = build('type: "Silence"', (2, 3), (4,), tops=0)
    assert layer(counted(2, 3), counted(4)) == ()
    assert layer.top_shapes((2, 3), (4,)) == []


def test_parameter_is_its_blob():
    layer = build('type: "Parameter" parameter_param { shape { dim: 2 dim: 3 } }')
    assert layer.top_shapes() == [(2, 3)]
    layer().sum().backward()
    assert torch.equal(layer.blobs[0].grad, torch.ones(2, 3))


R = 'type: "Reshape" reshape_param '


@pytest.mark.parametrize(
    ("text", "given", "tops", "message", "field"),
    [
        ('type: "Concat"', [(2, 3), (2, 3, 1)], 1, "one shape", "bottom"),
        ('type: "Concat"', [(2, 3), (3, 3)], 1, "but for axis 1", "bottom"),
        ('type: "Concat" concat_param { axis: 2 }', [(2, 3)], 1, "no axis 2", "concat_param.axis"),
        (
            'type: "Concat" concat_param { axis: 0 concat_dim: 0 }',
            [(2, 3)],
            1,
            "axis and concat_dim",
            "concat_param.axis",
        ),
        (
            'type: "Slice" slice_param { slice_dim: 3 }',
            [(2, 3)],
            1,
            "no axis 3",
            "slice_param.slice_dim",
        ),
        ('type: "Slice"', [(2, 3)], 2, "size 3 into 2", "slice_param"),
        (
            'type: "Slice" slice_param { slice_point: 1 }',
            [(2, 3)],
            3,
            "1 slice_point values for 3",
            "slice_param.slice_point",
        ),
        (
            'type: "Slice" slice_param { slice_point: 2 slice_point: 2 }',
            [(2, 3)],
            3,
            r"\[2, 2\]",
            "slice_param.slice_point",
        ),
        (
            'type: "Slice" slice_param { slice_point: 4 }',
            [(2, 3)],
            2,
            r"\[4\]",
            "slice_param.slice_point",
        ),
        ('type: "Flatten" flatten_param { axis: 4 }', [(2, 3)], 1, "axis 4", "flatten_param.axis"),
        (
            'type: "Flatten" flatten_param { axis: 1 end_axis: 0 }',
            [(2, 3)],
            1,
            "after end_axis",
            "flatten_param.end_axis",
        ),
        ('type: "Flatten" bottom: "a" top: "a"', [(2, 3)], 1, 'its bottom "a"', "top"),
        (R + "{ shape { dim: -1 dim: -1 } }", [(2, 3)], 1, r"\[-1, -1\]", "reshape_param.shape"),
        (R + "{ shape { dim: -2 } }", [(2, 3)], 1, r"\[-2\]", "reshape_param.shape"),
        (R + "{ shape { dim: 4 dim: -1 } }", [(2, 3)], 1, "6 numbers", "reshape_param.shape"),
        (R + "{ shape { dim: 5 } }", [(2, 3)], 1, "6 numbers", "reshape_param.shape"),
        (
            R + "{ shape { dim: 2 dim: 3 dim: 0 } }",
            [(2, 3)],
            1,
            "no axis to copy",
            "reshape_param.shape",
        ),
        (R + "{ shape { dim: 1 } axis: 3 }", [(2, 3)], 1, "axis 3", "reshape_param.axis"),
        (R + "{ shape { dim: 1 } axis: -4 }", [(2, 3)], 1, "axis -4", "reshape_param.axis"),
        (
            R + "{ shape { dim: 1 } axis: 1 num_axes: 2 }",
            [(2, 3)],
            1,
            "num_axes 2",
            "reshape_param.num_axes",
        ),
        (
            'type: "Crop" crop_param { offset: 1 offset: 1 offset: 1 }',
            [(1, 1, 4, 4), (1, 1, 2, 2)],
            1,
            "3 offset values for 2",
            "crop_param.offset",
        ),
        (
            'type: "Crop" crop_param { offset: 3 }',
            [(1, 1, 4, 4), (1, 1, 2, 2)],
            1,
            "3 to 5 out of axis 2",
            "crop_param.offset",
        ),
        ('type: "Crop" crop_param { axis: 1 }', [(2, 4), (2,)], 1, "fewer axes", "bottom"),
        ('type: "Tile"', [(2, 3)], 1, "no tiles", "tile_param.tiles"),
        ('type: "Tile" tile_param { tiles: 0 }', [(2, 3)], 1, "0 tiles", "tile_param.tiles"),
        ('type: "Parameter"', [], 1, "no shape", "parameter_param"),
    ],
)
def test_faults(text, given, tops, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given, tops=tops)
    assert caught.value.field == field
    assert caught.value.remedy
