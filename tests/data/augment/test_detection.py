"""SSD's augmentations: boxes follow the pixels, constraints hold, numbers are OpenCV's formulas."""

import cv2
import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.data.augment.canvas import (
    crop,
    draw_expansion,
    draw_interpolation,
    expand,
    resize,
    resized_shape,
)
from catdog.data.augment.detection import BoxRecipe, Drawn
from catdog.data.augment.distortion import Distortion, distort, draw_distortion
from catdog.data.augment.objects import coverages, follow_resize, mirror, overlaps, project
from catdog.data.augment.samplers import _draw, _sample, draw_window
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import (
    BatchSampler,
    DistortionParameter,
    EmitConstraint,
    ExpansionParameter,
    LayerParameter,
    ResizeParameter,
)

seeds = st.integers(0, 2**32 - 1)


def drawn_scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A black picture with a bright rectangle, and its row."""
    height, width = rng.integers(60, 160, 2).tolist()
    x, y = int(rng.integers(0, width - 40)), int(rng.integers(0, height - 40))
    wide, high = int(rng.integers(24, width - x)), int(rng.integers(24, height - y))
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y : y + high, x : x + wide] = (250, 250, 250)
    corners = x / width, y / height, (x + wide) / width, (y + high) / height
    return picture, np.array([[3, 1, *corners, 1]], np.float32)


def found_again(picture: np.ndarray) -> np.ndarray:
    """The corners, in pixels, of what is bright."""
    rows, columns = np.nonzero(picture[..., 1] > 125)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)


def in_pixels(rows: np.ndarray, picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return rows[0, 2:6] * (width, height, width, height)


RECIPES = [
    "expand_param { prob: 1 max_expand_ratio: 3 }",
    "resize_param { height: 90 width: 120 }",
    "resize_param { height: 90 width: 120 resize_mode: FIT_LARGE_SIZE_AND_PAD }",
    "resize_param { height: 90 width: 120 resize_mode: FIT_SMALL_SIZE interp_mode: AREA }",
    "expand_param { max_expand_ratio: 2 } resize_param { height: 200 width: 150 "
    "interp_mode: LINEAR interp_mode: CUBIC }",
]
SAMPLER = (
    "batch_sampler { sampler { min_scale: 0.5 min_aspect_ratio: 0.5 max_aspect_ratio: 2 } "
    "sample_constraint { min_object_coverage: 0.5 } max_sample: 1 max_trials: 50 }"
)


@given(seed=seeds, text=st.sampled_from(RECIPES), samples=st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_box_follows_its_pixels(seed: int, text: str, samples: bool) -> None:
    rng = np.random.default_rng(seed)
    picture, rows = drawn_scene(rng)
    layer = LayerParameter(type="AnnotatedData")
    text_format.Parse(
        f"transform_param {{ {text} }} annotated_data_param {{ {SAMPLER if samples else ''} }}",
        layer,
    )
    recipe = BoxRecipe(layer)
    assert not list(recipe.faults())
    changed, moved = recipe.apply(picture, rows, recipe.draw(picture.shape[:2], rows, rng))
    assert moved.shape == (1, 7)
    assert moved[0, [0, 1, 6]].tolist() == [3, 1, 1]
    # whole pixels are cut, up to one at a side, which a resize makes larger
    slack = 1.5 * max(1, max(changed.shape[:2]) / 30)
    np.testing.assert_allclose(in_pixels(moved, changed), found_again(changed), atol=slack)
    turned = mirror(moved)
    flipped = np.ascontiguousarray(changed[:, ::-1])
    np.testing.assert_allclose(in_pixels(turned, flipped), found_again(flipped), atol=slack)


@given(seeds)
def test_overlaps_and_coverages_are_those_of_masks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = np.sort(rng.integers(0, 30, (2, 2, 2)), axis=1).reshape(2, 4)
    masks = np.zeros((2, 30, 30), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    shared, union = (masks[0] & masks[1]).sum(), (masks[0] | masks[1]).sum()
    one, other = (boxes / 30).astype(np.float32)
    assert overlaps(one, other) == pytest.approx(shared / union if union else 0, abs=1e-5)
    whole = masks[0].sum()
    assert coverages(one, other) == pytest.approx(shared / whole if whole else 0, abs=1e-5)


def test_a_box_outside_a_window_is_left_out_and_others_are_clipped() -> None:
    rows = np.array(
        [[1, 0, 0.1, 0.1, 0.3, 0.3, 0], [2, 0, 0.4, 0.4, 0.8, 0.9, 0], [3, 0, 0, 0, 0.5, 1, 1]],
        np.float32,
    )
    seen = project(rows, (0.3, 0.5, 0.7, 1.0))
    np.testing.assert_allclose(
        seen, [[2, 0, 0.25, 0, 1, 0.8, 0], [3, 0, 0, 0, 0.5, 1, 1]], atol=1e-6
    )
    by_centre = project(rows, (0.3, 0.5, 0.7, 1.0), EmitConstraint())
    assert by_centre[:, 0].tolist() == [2]
    most = EmitConstraint(emit_type=EmitConstraint.MIN_OVERLAP, emit_overlap=0.15)
    # 0.3 * 0.4 of 0.4 * 0.5 are 60 %, 0.2 * 0.5 of 0.5 are 20 %
    assert project(rows, (0.3, 0.5, 0.7, 1.0), most)[:, 0].tolist() == [2, 3]
    most.emit_overlap = 0.3
    assert project(rows, (0.3, 0.5, 0.7, 1.0), most)[:, 0].tolist() == [2]
    assert project(rows[:0], (0, 0, 1, 1)).shape == (0, 7)


LIMITS = {
    "jaccard_overlap": lambda w, b: overlaps(w, b),
    "sample_coverage": lambda w, b: coverages(w, b),
    "object_coverage": lambda w, b: coverages(b, w),
}


@given(seeds, st.sampled_from(sorted(LIMITS)), st.sampled_from([0.1, 0.3, 0.6]), st.booleans())
@settings(deadline=None)
def test_every_sample_satisfies_its_constraint(
    seed: int, name: str, limit: float, at_most: bool
) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.6, (3, 2))
    corners = np.concatenate((low, low + rng.uniform(0.1, 0.4, (3, 2))), 1).astype(np.float32)
    sampler = BatchSampler(max_trials=60)
    sampler.sampler.min_scale, sampler.sampler.min_aspect_ratio = 0.3, 0.5
    sampler.sampler.max_aspect_ratio = 2
    side = "max" if at_most else "min"
    setattr(sampler.sample_constraint, f"{side}_{name}", limit)
    found = _sample(sampler, corners, rng)
    for window in found:
        values = [float(LIMITS[name](window, box)) for box in corners]
        assert (min(values) <= limit + 1e-6) if at_most else (max(values) >= limit - 1e-6)
    sampler.max_sample = 2
    assert len(_sample(sampler, corners, np.random.default_rng(seed))) <= 2


@given(seeds)
@settings(deadline=None)
def test_windows_have_the_scale_and_aspect_asked_for(seed: int) -> None:
    sampler = BatchSampler(max_trials=200)
    sampler.sampler.min_scale, sampler.sampler.max_scale = 0.3, 0.7
    sampler.sampler.min_aspect_ratio, sampler.sampler.max_aspect_ratio = 0.5, 2
    windows = _draw(sampler, np.random.default_rng(seed)).astype(float)
    width, height = windows[:, 2] - windows[:, 0], windows[:, 3] - windows[:, 1]
    assert windows.min() >= 0 and windows.max() <= 1
    scale, aspect = np.sqrt(width * height), width / height
    assert scale.min() >= 0.299 and scale.max() <= 0.701
    assert aspect.min() >= 0.49 and aspect.max() <= 2.01
    assert scale.max() - scale.min() > 0.3


def test_no_window_without_a_sampler_and_none_where_no_box_satisfies() -> None:
    rng = np.random.default_rng(0)
    box = np.array([[0, 0, 0.01, 0.01]], np.float32)
    assert draw_window([], box, rng) is None
    whole = BatchSampler(max_sample=1, max_trials=1)
    assert draw_window([whole], box, rng) == (0, 0, 1, 1)
    strict = BatchSampler(max_trials=10)
    strict.sample_constraint.min_jaccard_overlap = 0.9
    assert draw_window([strict], box, rng) is None
    assert draw_window([strict], box[:0], rng) is None
    assert draw_window([BatchSampler(use_original_image=False)], box, rng) is None


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_brightness_and_contrast_are_rounded_and_cut(seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (7, 9, 3), np.uint8)
    delta, factor = float(rng.uniform(-60, 60)), float(rng.uniform(0.3, 1.8))

    def step(values: np.ndarray, times: float, plus: float) -> np.ndarray:
        return np.clip(np.rint(values.astype(float) * times + plus), 0, 255)

    first = step(step(picture, 1, delta), factor, 0)
    found = distort(picture, Distortion(brightness=delta, contrast=factor, late_contrast=True))
    # a half may fall to either side in float32
    assert np.abs(found - first).max() <= 1
    assert (found != first).mean() < 0.05


@given(seeds, st.floats(-18, 18), st.floats(0.5, 1.5))
@settings(max_examples=40, deadline=None)
def test_hue_and_saturation_are_those_of_opencvs_hsv(seed: int, turn: float, factor: float) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), np.uint8)
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv[..., 1] = np.clip(np.rint(hsv[..., 1] * np.float32(factor)), 0, 255)
    between = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
    if factor == 1:
        between = picture
    np.testing.assert_array_equal(distort(picture, Distortion(saturation=factor)), between)
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv[..., 0] = np.clip(np.rint(hsv[..., 0] + np.float32(turn)), 0, 255)
    want = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
    if turn == 0:
        want = picture
    np.testing.assert_array_equal(distort(picture, Distortion(hue=turn)), want)


def test_the_two_orders_of_a_distortion() -> None:
    picture = np.full((2, 2, 3), (200, 120, 40), np.uint8)
    early, late = (
        distort(picture, Distortion(contrast=1.5, saturation=0.5, late_contrast=each))
        for each in (False, True)
    )
    assert (early != late).any()
    channels = distort(picture, Distortion(channels=(2, 0, 1)))
    assert channels[0, 0].tolist() == [40, 200, 120]
    assert distort(picture, Distortion(contrast=1.0005)).tolist() == picture.tolist()


def test_distortions_are_drawn_as_often_as_asked() -> None:
    param = DistortionParameter(
        brightness_prob=0.5, brightness_delta=32, contrast_prob=0.25, contrast_lower=0.5,
        contrast_upper=1.5, hue_prob=1, hue_delta=18, saturation_prob=0, random_order_prob=0.5,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    drawn = [draw_distortion(param, rng) for _ in range(4000)]
    assert np.mean([d.brightness != 0 for d in drawn]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([d.contrast != 1 for d in drawn]) == pytest.approx(0.25, abs=0.04)
    assert np.mean([d.hue != 0 for d in drawn]) == pytest.approx(1, abs=0.001)
    assert {d.saturation for d in drawn} == {1.0}
    assert np.mean([d.late_contrast for d in drawn]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([d.channels != (0, 1, 2) for d in drawn]) == pytest.approx(5 / 12, abs=0.04)
    assert max(abs(d.brightness) for d in drawn) <= 32
    assert all(0.5 <= d.contrast <= 1.5 for d in drawn)
    assert np.mean([d.hue for d in drawn]) == pytest.approx(0, abs=1)


def test_an_expansion_fills_with_the_mean() -> None:
    param = ExpansionParameter(prob=1, max_expand_ratio=4)
    rng = np.random.default_rng(3)
    sizes = []
    for _ in range(300):
        drawn = draw_expansion(param, 20, 30, rng)
        assert drawn is not None
        assert 0 <= drawn.top <= drawn.height - 20 and 0 <= drawn.left <= drawn.width - 30
        sizes.append(drawn.height / 20)
    assert min(sizes) >= 1 and max(sizes) < 4
    assert np.mean(sizes) == pytest.approx(2.5, abs=0.2)
    picture = np.full((20, 30, 3), 7, np.uint8)
    canvas = expand(picture, drawn, [104, 117, 123])
    assert canvas.shape == (drawn.height, drawn.width, 3)
    assert (canvas == 7).all(2).sum() == 600
    assert canvas[0 if drawn.top else -1, 0].tolist() == [104, 117, 123]
    assert draw_expansion(ExpansionParameter(prob=0, max_expand_ratio=4), 9, 9, rng) is None
    assert draw_expansion(ExpansionParameter(max_expand_ratio=1.005), 9, 9, rng) is None


def test_a_crop_has_whole_pixels() -> None:
    picture = np.arange(100).reshape(10, 10, 1)
    part = crop(picture, (0.25, 0.11, 0.76, 0.99))
    assert part.shape == (8, 5, 1)
    assert part[0, 0, 0] == 12
    assert crop(picture, (0.5, 0.5, 0.51, 0.51)).shape == (1, 1, 1)


@pytest.mark.parametrize(("high", "wide", "small"), [(40, 80, (50, 100)), (80, 40, (120, 60))])
def test_the_small_side_is_fitted(high: int, wide: int, small: tuple[int, int]) -> None:
    param = ResizeParameter(height=50, width=60, resize_mode=ResizeParameter.FIT_SMALL_SIZE)
    assert resized_shape(param, high, wide) == small


@pytest.mark.parametrize("mode", ["CONSTANT", "MIRRORED", "REPEAT_NEAREST"])
def test_padding_is_what_pad_mode_says(mode: str) -> None:
    param = ResizeParameter(height=40, width=40, pad_value=[1, 2, 3])
    param.resize_mode = ResizeParameter.FIT_LARGE_SIZE_AND_PAD
    param.pad_mode = ResizeParameter.Pad_mode.Value(mode)
    picture = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    padded = resize(picture, param, cv2.INTER_LINEAR)
    np.testing.assert_array_equal(padded[10:30], picture)
    edge = {"CONSTANT": np.array([1, 2, 3]), "MIRRORED": picture[1], "REPEAT_NEAREST": picture[0]}
    np.testing.assert_array_equal(padded[9], np.broadcast_to(edge[mode], (40, 3)))
    rows = np.array([[0, 0, 0.25, 0.5, 0.75, 1, 0]], np.float32)
    moved = follow_resize(rows, (20, 40), param)
    np.testing.assert_allclose(moved[0, 2:6], [0.25, 0.5, 0.75, 0.75])


def test_interpolations_are_drawn_alike() -> None:
    rng = np.random.default_rng(0)
    assert draw_interpolation(ResizeParameter(), rng) == cv2.INTER_LINEAR
    several = ResizeParameter(interp_mode=[1, 2, 3, 4, 5])
    drawn = [draw_interpolation(several, rng) for _ in range(2000)]
    assert sorted(set(drawn)) == [0, 1, 2, 3, 4]
    assert min(drawn.count(each) for each in range(5)) > 330


def test_colours_of_other_pictures_are_not_distorted() -> None:
    recipe = BoxRecipe(LayerParameter())
    rows = np.empty((0, 7), np.float32)
    for picture in (np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(DataError, match="distort_param changes bytes"):
            recipe.apply(picture, rows, Drawn(Distortion()))
