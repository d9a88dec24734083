"""WindowData: sampling, warping and padding against the rules of R-CNN, worked out by hand."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.datum import array_to_legacy_blob
from catdog.data.sources.window import expand, fit
from catdog.data.sources.window_list import LabelledWindow, read_windows
from catdog.errors import DataError, LayerError
from tests.data.sources.build import layer, pictures, source

LIST = """# 0
one.png
3 30 40
3
2 0.9 5 6 14 25
7 0.5 0 0 3 3
1 0.2 20 10 30 20
# 1
two.png
3 20 20
2
4 0.45 0 0 9 9
3 0.1 2 2 5 9
"""


@pytest.fixture
def folder(tmp_path):
    for name, size in (("one.png", (3, 30, 40)), ("two.png", (3, 20, 20))):
        image = pictures(1, size, len(name))[0].transpose(1, 2, 0)
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "windows.txt").write_text(LIST)
    return tmp_path


def window_data(more="", transform="crop_size: 8", batch=8):
    text = f'source: "windows.txt" batch_size: {batch} {more}'
    return layer(f"window_data_param {{ {text} }} transform_param {{ {transform} }}", "WindowData")


def test_the_list_is_read(folder):
    found = read_windows(folder / "windows.txt")
    assert found.channels == 3
    assert found.windows[0] == LabelledWindow("one.png", 2, pytest.approx(0.9), 5, 6, 14, 25)
    assert [window.label for window in found.windows] == [2, 7, 1, 4, 3]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("my photos/cat  1 (copy).png", "my photos/cat  1 (copy).png"),
        ("  ünï dog 1.png\r", "ünï dog 1.png"),
        # Caffe reads words: numbers may stand on the line of the path
        ("one.png 3 30", "one.png"),
    ],
)
def test_a_path_has_a_line_of_its_own(folder, path, found):
    numbers = "40" if found == "one.png" else "3 30 40"
    text = LIST.replace("one.png\n3 30 40", f"{path}\n{numbers}")
    (folder / "windows.txt").write_text(text, encoding="utf-8", newline="")
    windows = read_windows(folder / "windows.txt").windows
    assert [window.picture for window in windows] == [found] * 3 + ["two.png"] * 2


def test_background_first_then_a_fraction_of_objects(folder):
    opened = source(window_data("fg_fraction: 0.4 bg_threshold: 0.3"), folder)
    seen = set()
    for _ in range(30):
        labels = opened.next().blobs["label"].tolist()
        assert labels[:5] == [0] * 5
        seen.update(labels[5:])
    assert seen == {2, 7}


def test_windows_between_the_thresholds_are_not_used(folder):
    opened = source(window_data("bg_threshold: 0.15 fg_fraction: 0"), folder)
    image = cv2.imread(str(folder / "two.png"))[2:10, 2:6]
    expected = cv2.resize(image, (8, 8)).transpose(2, 0, 1).astype(np.float32)
    for picture in opened.next().blobs["data"]:
        np.testing.assert_array_equal(picture, expected)


def objects(folder, more="", transform="crop_size: 8"):
    """Batches of the one window 5 6 14 25 of one.png."""
    text = f"fg_threshold: 0.6 fg_fraction: 1 {more}"
    return source(window_data(text, transform), folder).next().blobs["data"].numpy()


def test_a_window_is_warped_to_the_crop_less_mean_times_scale(folder):
    batch = objects(
        folder, transform="crop_size: 8 mean_value: 10 mean_value: 20 mean_value: 30 scale: 0.5"
    )
    roi = cv2.imread(str(folder / "one.png"))[6:26, 5:15]
    expected = cv2.resize(roi, (8, 8)).transpose(2, 0, 1).astype(np.float32)
    expected = (expected - np.float32([10, 20, 30]).reshape(3, 1, 1)) * np.float32(0.5)
    np.testing.assert_array_equal(batch[0], expected)


def test_mirrored_or_not_at_random(folder):
    batch = objects(folder, transform="crop_size: 8 mirror: true")
    plain = objects(folder)[0]
    kinds = [np.array_equal(picture, plain) for picture in batch]
    assert {*kinds} == {True, False}
    for picture, same in zip(batch, kinds, strict=True):
        np.testing.assert_array_equal(picture, plain if same else plain[:, :, ::-1])


def test_a_mean_file_is_taken_from_its_middle(folder):
    mean = np.random.default_rng(1).uniform(0, 200, (1, 3, 12, 12)).astype(np.float32)
    (folder / "mean").write_bytes(array_to_legacy_blob(mean).SerializeToString())
    batch = objects(folder, transform='crop_size: 8 mean_file: "mean"')
    np.testing.assert_array_equal(batch[0], objects(folder)[0] - mean[0, :, 2:10, 2:10])


def test_what_is_outside_the_picture_is_zero_though_there_is_a_mean(folder):
    (folder / "windows.txt").write_text(LIST.replace("5 6 14 25", "0 0 9 19"))
    batch = objects(folder, "context_pad: 2", "crop_size: 8 mean_value: 300")
    # 10 x 20 pixels become 4 x 4, with 2 around them; left and above there is no picture
    assert not batch[:, :, :2].any() and not batch[:, :, :, :2].any()
    assert (batch[:, :, 2:, 2:] < 0).all()


def test_cached_pictures_are_the_same(folder):
    opened = source(window_data("cache_images: true"), folder)
    plain = source(window_data(), folder)
    for _ in range(3):
        assert torch.equal(opened.next().blobs["data"], plain.next().blobs["data"])
    (folder / "one.png").unlink()
    (folder / "two.png").unlink()
    opened.next()
    with pytest.raises(DataError, match="cannot be read"):
        plain.next()


def test_resume(folder):
    opened, resumed = (source(window_data(), folder) for _ in range(2))
    opened.next()
    resumed.load_state(opened.state())
    assert torch.equal(opened.next().blobs["data"], resumed.next().blobs["data"])


windows = st.builds(
    lambda x, y, w, h: LabelledWindow("", 1, 1.0, x, y, x + w, y + h),
    *(st.integers(0, 30), st.integers(0, 20)),
    *(st.integers(0, 30), st.integers(0, 20)),
)


@given(windows, st.integers(0, 10), st.booleans())
def test_expanding_by_the_formula(window, pad, square):
    """Half extents grow by crop / (crop - 2 pad) around the centre; C rounding."""
    x1, y1, x2, y2 = expand(window, 32, pad, square=square)
    half_x, half_y = (window.x2 - window.x1 + 1) / 2, (window.y2 - window.y1 + 1) / 2
    center_x, center_y = window.x1 + half_x, window.y1 + half_y
    if square:
        half_x = half_y = max(half_x, half_y)
    grow = 32 / (32 - 2 * pad)
    for found, exact in (
        (x1, center_x - half_x * grow),
        (x2, center_x + half_x * grow),
        (y1, center_y - half_y * grow),
        (y2, center_y + half_y * grow),
    ):
        assert abs(found - exact) <= 0.5 + 1e-4


@given(windows, st.integers(0, 10), st.booleans(), st.booleans())
def test_what_is_placed_lies_in_the_picture_and_in_the_crop(window, pad, square, mirror):
    at = fit(expand(window, 32, pad, square=square), (60, 70), 32, mirror=mirror)
    assert 0 <= at.x1 <= at.x2 < 70 and 0 <= at.y1 <= at.y2 < 60
    assert at.left + at.width <= 32 and at.top + at.height <= 32
    assert at.width > 0 and at.height > 0


def test_rounding_is_that_of_c():
    # the centre is 5.5, half the width becomes 1: 4.5 and 6.5, rounded away from zero
    assert expand(LabelledWindow("", 1, 1.0, 5, 5, 5, 5), 8, 2, square=False) == (5, 5, 7, 7)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("# 0", "0", r'windows.txt:1: expected "# number", not "0"'),
        ("2 0.9 5", "2 0.9 five", r'windows.txt:5: expected a whole number, not "five"'),
        ("0.45", "x", r'windows.txt:12: expected an overlap, not "x"'),
        ("3 0.1 2 2 5 9\n", "", "ends in the middle"),
        ("3 20 20", "1 20 20", "pictures of 1 channels"),
        ("2 0.9", "0 0.9", "label below 1"),
        ("0.9", "0.1", "has no object window"),
        (LIST, "", "names no windows"),
    ],
)
def test_lists_that_are_wrong(folder, old, new, words):
    (folder / "windows.txt").write_text(LIST.replace(old, new).replace("7 0.5", "7 0.1"))
    with pytest.raises(DataError, match=words):
        source(window_data(), folder)


def test_a_window_outside_its_picture(folder):
    (folder / "windows.txt").write_text(LIST.replace("5 6 14 25", "5 6 40 25"))
    with pytest.raises(DataError, match=r"5 6 40 25 is not inside one\.png, which is 40 wide"):
        objects(folder)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (window_data(transform="mirror: true"), "needs crop_size"),
        (window_data('crop_mode: "round"'), "crop_mode"),
        (window_data("context_pad: 4"), "leaves nothing of crop_size 8"),
        (window_data(batch=0), "batch_size"),
        (
            window_data(transform="crop_size: 8 augment_param { rotate: 9 }"),
            "does not augment its windows; leave it out",
        ),
    ],
)
def test_what_a_layer_cannot_be(folder, made, words):
    with pytest.raises(LayerError, match=words):
        source(made, folder)
