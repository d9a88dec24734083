"""Cut, mirror, mean and scale against the formula written out pixel by pixel."""

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.datum import array_to_blob, array_to_legacy_blob
from catdog.data.transform import Cut, Transform, mean_windows
from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import TEST, TRAIN, LayerParameter


def transform(text, phase=TEST, folder=None):
    layer = LayerParameter(name="data", type="Data")
    text_format.Parse(text, layer.transform_param)
    return Transform(layer, phase, (lambda name: folder / name) if folder else lambda name: name)


def pictures(count, channels=3, height=7, width=9, seed=0):
    chance = np.random.default_rng(seed)
    return list(chance.integers(0, 256, (count, channels, height, width), np.uint8))


def run(made, images, seed=0):
    draw = made.draw([image.shape for image in images], torch.Generator().manual_seed(seed))
    return draw, made.apply(made.gather(images, draw), draw).numpy()


def by_hand(image, cut, size, mean, scale):
    """Caffe's loops: mean at the place in the picture, mirroring only on the way out."""
    channels, height, width = image.shape
    height, width = (size, size) if size else (height, width)
    out = np.zeros((channels, height, width), np.float32)
    for c in range(channels):
        for h in range(height):
            for w in range(width):
                at = width - 1 - w if cut.mirrored else w
                place = (c, cut.top + h, cut.left + w)
                out[c, h, at] = (np.float32(image[place]) - mean[place]) * np.float32(scale)
    return out


@pytest.fixture(name="mean")
def mean_file(tmp_path):
    values = np.random.default_rng(5).uniform(0, 255, (1, 3, 7, 9)).astype(np.float32)
    (tmp_path / "mean.binaryproto").write_bytes(array_to_legacy_blob(values).SerializeToString())
    return values[0]


@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize("size", [0, 4, 5, 7])
@pytest.mark.parametrize("mirror", ["true", "false"])
def test_a_mean_file_is_cut_and_mirrored_with_the_picture(tmp_path, mean, phase, size, mirror):
    made = transform(
        f'mean_file: "mean.binaryproto" crop_size: {size} mirror: {mirror} scale: 0.3',
        phase,
        tmp_path,
    )
    images = pictures(12)
    draw, batch = run(made, images)
    for image, cut, numbers in zip(images, draw, batch, strict=True):
        np.testing.assert_array_equal(numbers, by_hand(image, cut, size, mean, 0.3))


@given(st.integers(1, 3), st.integers(3, 8), st.integers(3, 8), st.integers(0, 3), st.booleans())
def test_mean_values_and_scale(channels, height, width, size, one_value):
    values = [103.94, 116.78, 123.68][: 1 if one_value else channels]
    text = " ".join(f"mean_value: {value}" for value in values)
    made = transform(f"{text} scale: 0.017 crop_size: {size} mirror: true", TRAIN)
    images = pictures(4, channels, height, width)
    draw, batch = run(made, images)
    mean = np.broadcast_to(
        np.array(values, np.float32).reshape(-1, 1, 1), (channels, height, width)
    )
    for image, cut, numbers in zip(images, draw, batch, strict=True):
        np.testing.assert_array_equal(numbers, by_hand(image, cut, size, mean, 0.017))


def test_without_fields_a_picture_stays_as_it_is():
    images = pictures(2)
    _, batch = run(transform("", TRAIN), images)
    np.testing.assert_array_equal(batch, np.stack(images).astype(np.float32))


def test_floats_are_transformed_too_and_the_batch_is_left_alone():
    made = transform("scale: 2 mean_value: 1")
    images = [np.full((3, 2, 2), 1.5, np.float32)]
    draw = made.draw([(3, 2, 2)], torch.Generator())
    batch = made.gather(images, draw)
    assert made.apply(batch, draw).unique().tolist() == [1.0]
    assert batch.unique().tolist() == [1.5]


def test_train_cuts_everywhere_and_test_in_the_middle():
    shapes = [(3, 7, 9)] * 300
    draw = transform("crop_size: 5", TRAIN).draw(shapes, torch.Generator().manual_seed(1))
    assert {cut.top for cut in draw} == {0, 1, 2}
    assert {cut.left for cut in draw} == {0, 1, 2, 3, 4}
    draw = transform("crop_size: 4").draw(shapes, torch.Generator())
    assert set(draw) == {Cut(1, 2, False)}


@pytest.mark.parametrize("phase", [TRAIN, TEST])
def test_about_half_are_mirrored_in_both_phases(phase):
    draw = transform("mirror: true", phase).draw([(3, 7, 9)] * 1000, torch.Generator())
    assert 430 < sum(cut.mirrored for cut in draw) < 570


def test_the_same_generator_draws_the_same():
    made, shapes = transform("crop_size: 2 mirror: true", TRAIN), [(3, 70, 90)] * 9
    first, second = (made.draw(shapes, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first == second != made.draw(shapes, torch.Generator().manual_seed(4))


def test_pictures_of_different_sizes_are_cut_to_one():
    images = [pictures(1, 3, 6, 11)[0], pictures(1, 3, 9, 5)[0]]
    _, batch = run(transform("crop_size: 5"), images)
    np.testing.assert_array_equal(batch[0], images[0][:, 0:5, 3:8])
    np.testing.assert_array_equal(batch[1], images[1][:, 2:7, 0:5])


def test_other_devices_gather_the_mean_at_the_same_places(tmp_path, mean):
    made = transform('mean_file: "mean.binaryproto" crop_size: 4 mirror: true', TRAIN, tmp_path)
    images = pictures(10)
    draw, expected = run(made, images)
    corners = [(int(c.mirrored), c.top, 9 - 4 - c.left if c.mirrored else c.left) for c in draw]
    means = torch.stack((torch.tensor(mean), torch.tensor(mean).flip(-1)))
    windows = mean_windows(means, corners, 4, 4)
    batch = made.gather(images, draw).float() - windows
    np.testing.assert_array_equal(batch.numpy(), expected)


@pytest.mark.usefixtures("mean")
def test_a_mean_of_another_size_names_both(tmp_path):
    made = transform('mean_file: "mean.binaryproto"', folder=tmp_path)
    with pytest.raises(DataError, match=r"3 x 7 x 9, the data are 3 x 8 x 9; compute the mean"):
        made.shape((3, 8, 9))


def test_a_mean_that_is_given_counts_as_one_of_a_file(tmp_path, mean):
    images = pictures(3)
    _, expected = run(transform('mean_file: "mean.binaryproto"', folder=tmp_path), images)
    layer = LayerParameter(name="data", type="Input")
    _, found = run(Transform(layer, TEST, mean=mean), images)
    np.testing.assert_array_equal(found, expected)
    layer.transform_param.mean_value.append(1)
    with pytest.raises(LayerError, match="has mean_file and mean_value"):
        Transform(layer, TEST, mean=mean)


def test_a_crop_larger_than_the_data():
    with pytest.raises(DataError, match=r"crop_size 8 is larger than the data, 3 x 7 x 9.*7 or"):
        transform("crop_size: 8").shape((3, 7, 9))


def test_a_wrong_number_of_mean_values():
    made = transform("mean_value: 1 mean_value: 2")
    assert made.shape((2, 7, 9)) == (2, 7, 9)
    with pytest.raises(DataError, match=r"2 values of mean_value for data of 3 channel.*one, or 3"):
        made.shape((3, 7, 9))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('mean_file: "x" mean_value: 1', "has mean_file and mean_value"),
        ("force_color: true force_gray: true", "has force_color and force_gray"),
    ],
)
def test_fields_that_contradict_each_other(text, words):
    with pytest.raises(LayerError, match=words) as caught:
        transform(text)
    assert caught.value.field


def test_a_mean_file_that_is_not_there_or_no_mean(tmp_path):
    with pytest.raises(DataError, match="cannot read the mean"):
        transform('mean_file: "x"', folder=tmp_path)
    (tmp_path / "x").write_bytes(b"no mean at all")
    with pytest.raises(DataError, match="not a mean file"):
        transform('mean_file: "x"', folder=tmp_path)
    (tmp_path / "x").write_bytes(array_to_blob(np.zeros((5, 4), np.float32)).SerializeToString())
    with pytest.raises(DataError, match="array of shape 5 x 4, no mean picture"):
        transform('mean_file: "x"', folder=tmp_path)


def augmented(text, phase=TRAIN, more="crop_size: 5"):
    return transform(f"{more} augment_param {{ {text} }}", phase)


def change(made, images, seed=0):
    shapes = [image.shape for image in images]
    generator = torch.Generator().manual_seed(seed)
    draw = made.draw(shapes, generator)
    changes = made.draw_changes(shapes, draw, generator)
    return draw, made.apply(made.gather(images, draw), draw, changes)


@pytest.mark.parametrize(("text", "phase"), [("rotate: 40 hue: 0.2", TEST), ("rotate: 0", TRAIN)])
def test_without_changes_all_is_as_it_was(text, phase):
    plain = transform("crop_size: 5 mirror: true scale: 0.3 mean_value: 7", phase)
    made = augmented(text, phase, "crop_size: 5 mirror: true scale: 0.3 mean_value: 7")
    assert made.recipe is None
    assert torch.equal(change(made, pictures(8))[1], torch.from_numpy(run(plain, pictures(8))[1]))
    assert made.label_shape(8) == (8,)


@pytest.mark.parametrize("text", ["rotate: 1e-6", "zoom: 1e-7 fill: MEAN", "brightness: 1e-7"])
def test_the_weakest_change_is_the_cut_and_the_mirror_image(text):
    rules = "crop_size: 5 mirror: true scale: 0.5 mean_value: 9"
    made, plain = augmented(text, TRAIN, rules), transform(rules, TRAIN)
    draw, ours = change(made, pictures(12))
    assert len({cut.mirrored for cut in draw}) == 2
    expected = plain.apply(plain.gather(pictures(12), draw), draw)
    torch.testing.assert_close(ours, expected, rtol=0, atol=0.01)


def test_moving_looks_beyond_the_cut():
    steps = np.arange(9, dtype=np.uint8) * 20
    image = np.broadcast_to(steps, (3, 7, 9)).copy()
    made = augmented("shift: 0.5", TRAIN, "crop_size: 3")
    draw, moved = change(made, [image] * 40)
    # the ramp goes on beyond the cut, so neighbours still differ by a step
    for cut, numbers in zip(draw, moved, strict=True):
        if cut.left == 3:
            rise = numbers[:, :, 1:] - numbers[:, :, :-1]
            torch.testing.assert_close(rise, torch.full_like(rise, 20), rtol=0, atol=0.01)


def test_crop_area_leaves_the_cut_in_the_middle_and_takes_its_own():
    made = augmented("crop_area: 0.3", TRAIN, "crop_size: 4 mean_value: 1")
    draw, cropped = change(made, pictures(30))
    assert {(cut.top, cut.left) for cut in draw} == {(1, 2)}
    assert cropped.shape == (30, 3, 4, 4)
    assert len({tuple(numbers.flatten().tolist()) for numbers in cropped}) == 30


def test_floats_have_no_colours():
    made = augmented("brightness: 0.5")
    floats = [image.astype(np.float32) for image in pictures(2)]
    with pytest.raises(DataError, match="changes colours from 0 to 255, the data are float32"):
        change(made, floats)
    assert change(augmented("rotate: 5 erase: 1"), floats)[1].shape == (2, 3, 5, 5)


def test_channels_are_looked_at():
    with pytest.raises(LayerError, match="hue is for pictures of 3 channels, these have 1"):
        augmented("hue: 0.1").shape((1, 9, 9))
    assert augmented("hue: 0.1", TEST).shape((1, 9, 9)) == (1, 5, 5)


@pytest.mark.usefixtures("mean")
@pytest.mark.parametrize("scale", [1, 0.0125])
def test_restore_gives_the_pixels_back(tmp_path, scale):
    made = transform(
        f'mean_file: "mean.binaryproto" crop_size: 4 mirror: true scale: {scale}', TRAIN, tmp_path
    )
    draw, numbers = run(made, pictures(6))
    restored = made.restore(torch.from_numpy(numbers), draw)
    torch.testing.assert_close(restored, made.gather(pictures(6), draw).float(), rtol=0, atol=1e-3)
