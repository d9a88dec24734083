"""augment_param as a whole: what it refuses, what it draws, the order in which it is applied."""

import numpy as np
import pytest
import torch
from google.protobuf import text_format

from catdog.data.augment import Recipe
from catdog.data.augment.geometry import CropWindow
from catdog.errors import LayerError
from catdog.proto.caffe_pb2 import LayerParameter

SIZE = (12, 16)
ALL = (
    "rotate: 10 shift: 0.1 zoom: 0.2 shear: 0.1 brightness: 0.3 contrast: 0.3 saturation: 0.3 "
    "hue: 0.1 rand_augment: 1 erase: 0.5 mixup: 0.2 cutmix: 1 num_classes: 3"
)


def recipe(text, mean=None, tops=("data", "label")):
    layer = LayerParameter(name="photos", type="Data", top=tops)
    text_format.Parse(text, layer.transform_param.augment_param)
    return Recipe(layer, mean)


def draw(made, count=6, seed=0):
    windows = [CropWindow(SIZE[1] / 2, SIZE[0] / 2, SIZE[1], SIZE[0])] * count
    return made.draw(windows, SIZE, SIZE, torch.Generator().manual_seed(seed))


def pictures(count=6, channels=3, seed=0):
    chance = np.random.default_rng(seed)
    return torch.from_numpy(chance.integers(0, 256, (count, channels, *SIZE), np.uint8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotate: -1", "has rotate -1; give 0 to 180"),
        ("rotate: nan", "has rotate nan; give 0 to 180"),
        ("zoom: 1", "has zoom 1; give 0 to 0.9"),
        ("hue: 0.6", "has hue 0.6; give 0 to 0.5"),
        ("erase: 1.5", "has erase 1.5; give 0 to 1"),
        ("crop_area: 2", "has crop_area 2; give 0 to 1"),
        ("mixup: inf num_classes: 2", "has mixup inf; give 0 or more"),
        ("rand_augment: 1 magnitude: 31", "has magnitude 31; give 0 to 30"),
        ("magnitude: 3", "has magnitude, which says nothing without rand_augment"),
        ("num_classes: 3", "has num_classes, which says nothing without mixup or cutmix"),
        ("erase: 1 fill: MEAN", "has fill, which says nothing without rotate or shift or zoom"),
        ("mixup: 1", "mixes labels and does not know how many classes there are; give the number"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(LayerError, match=f'layer "photos": augment_param {message}') as caught:
        recipe(text)
    assert caught.value.field in text or caught.value.field == "num_classes"


@pytest.mark.parametrize(
    ("text", "channels"), [("hue: 0.1", 1), ("saturation: 1", 4), ("rand_augment: 1", 2)]
)
def test_channels_that_a_change_cannot_do(text, channels):
    made = recipe(text)
    with pytest.raises(LayerError, match=f"these have {channels}; leave it out"):
        made.check_channels(channels)
    made.check_channels(3)
    recipe("brightness: 1 contrast: 1 rotate: 3 erase: 1").check_channels(channels)


def test_zeros_ask_for_nothing():
    assert not recipe("").active
    made = recipe("rotate: 0 fill: MEAN mixup: 0 num_classes: 2 rand_augment: 0 magnitude: 9")
    assert not made.active
    assert made.label_shape(5) == (5,)


def test_one_seed_one_result_and_another_another():
    made = recipe(ALL)
    first, again, other = (made.apply(pictures(), draw(made, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == torch.float32
    assert first.min() >= 0
    assert first.max() <= 255


def test_pictures_of_a_batch_do_not_change_each_other():
    made = recipe(ALL.split(" mixup")[0] + " fill: MEAN")
    changes, given = draw(made), pictures()
    changed = given.clone()
    changed[2] = 255 - changed[2]
    before, after = made.apply(given, changes), made.apply(changed, changes)
    same = [bool(torch.equal(a, b)) for a, b in zip(before, after, strict=True)]
    assert same == [True, True, False, True, True, True]


def test_the_given_batch_stays_as_it_is():
    given = pictures().float()
    before = given.clone()
    for text in ("brightness: 0.5", "erase: 1", "mixup: 1 num_classes: 2", "rotate: 5", ALL):
        made = recipe(text)
        assert not torch.equal(made.apply(given, draw(made)), before)
        assert torch.equal(given, before)


@pytest.mark.parametrize("mean", [None, [30.0, 60.0, 90.0], [44.0]])
def test_what_is_erased_gets_the_mean_color(mean):
    made = recipe("erase: 1", None if mean is None else torch.tensor(mean))
    given = pictures()
    changes = draw(made)
    erased = made.apply(given, changes)
    for index, (top, left, bottom, right) in enumerate(changes.erased):
        color = given[index].float().mean((1, 2)) if mean is None else torch.tensor(mean).expand(3)
        part = erased[index, :, top:bottom, left:right]
        torch.testing.assert_close(part, color[:, None, None].expand_as(part))
        rest = torch.ones(SIZE, dtype=torch.bool)
        rest[top:bottom, left:right] = False
        assert torch.equal(erased[index][:, rest], given[index][:, rest].float())


def test_labels_follow_the_pictures():
    made = recipe("cutmix: 1 num_classes: 3")
    given = torch.stack(
        [torch.full((3, *SIZE), value, dtype=torch.uint8) for value in (0, 100, 200)]
    )
    changes = draw(made, 3)
    mixed, labels = made.apply(given, changes), made.labels([0, 1, 2], changes)
    assert labels.shape == made.label_shape(3) == (3, 3)
    for picture, label in zip(mixed, labels, strict=True):
        shares = [(picture == value).float().mean() for value in (0, 100, 200)]
        torch.testing.assert_close(label, torch.stack(shares))


def test_labels_that_nothing_mixes_stay_numbers():
    made = recipe("rotate: 5")
    labels = made.labels([3, 1], draw(made, 2))
    assert labels.dtype == torch.float32
    assert labels.tolist() == [3, 1]


def test_one_class_is_a_number_and_no_label_top_needs_no_classes():
    made = recipe("mixup: 1 num_classes: 1")
    assert made.label_shape(4) == (4,)
    assert made.labels([0, 1, 1, 0], draw(made, 4)).shape == (4,)
    assert recipe("mixup: 1", tops=("data",)).active
