"""The first pictures of a training: pixels again, RGB, named; the feed stands where it stood."""

from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.data.feed import Feed
from catdog.data.preview import NamedPicture, first_pictures, sheet
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.spec import to_yaml
from tests.data.sources.build import layer, pictures, train_source, write_lmdb

PARAM = 'data_param { source: "lmdb" batch_size: 4 %s } transform_param { %s }'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_lmdb(tmp_path / "lmdb", pictures(6))
    return tmp_path


def feed_of(folder: Path, data: str = "", transform: str = "") -> Feed:
    return Feed([train_source(layer(PARAM % (data, transform)), folder)])


@pytest.mark.parametrize("transform", ["", "mean_value: 100 mean_value: 110 mean_value: 120"])
def test_pixels_are_those_of_the_store(folder: Path, transform: str) -> None:
    with feed_of(folder, transform=f"{transform} scale: 0.01") as feed:
        shown = first_pictures(feed, 3)
    assert [each.name for each in shown] == ["0", "1", "2"]
    for each, stored in zip(shown, pictures(6), strict=False):
        # the store has BGR
        np.testing.assert_array_equal(each.pixels, stored[::-1].transpose(1, 2, 0))


def test_the_data_say_their_names_and_colors(folder: Path) -> None:
    record = DatasetParameter(
        class_name=["cat", "dog", "hen", "owl"], channel_order=DatasetParameter.RGB
    )
    (folder / "lmdb" / "dataset.yaml").write_text(to_yaml(record, "made for a test"))
    with feed_of(folder) as feed:
        shown = first_pictures(feed, 9)
    assert [each.name for each in shown] == ["cat", "dog", "hen", "owl"]
    np.testing.assert_array_equal(shown[0].pixels, pictures(6)[0].transpose(1, 2, 0))


def test_mixed_pictures_are_marked(folder: Path) -> None:
    with feed_of(folder, transform="augment_param { cutmix: 1 num_classes: 9 }") as feed:
        shown = first_pictures(feed, 4)
    stored = [picture[::-1].transpose(1, 2, 0) for picture in pictures(6)]
    for own, each in zip(stored, shown, strict=False):
        assert each.name.startswith("mix ") == (not np.array_equal(own, each.pixels))
    assert any(each.name.startswith("mix ") for each in shown)


def test_the_feed_stays_where_it_is(folder: Path) -> None:
    with feed_of(folder, "shuffle: true", "mirror: true crop_size: 5") as feed:
        first_pictures(feed, 2)
        seen = [feed.next()["data"] for _ in range(4)]
    with feed_of(folder, "shuffle: true", "mirror: true crop_size: 5") as feed:
        for each in seen:
            torch.testing.assert_close(feed.next()["data"], each, rtol=0, atol=0)


def test_numbers_are_no_pictures(tmp_path: Path) -> None:
    dummy = layer("dummy_data_param { shape { dim: 4 dim: 3 } }", "DummyData", ["data"])
    with Feed([train_source(dummy, tmp_path)]) as feed:
        assert first_pictures(feed, 3) == []
    write_lmdb(tmp_path / "lmdb", pictures(6, (7, 8, 8)))
    with feed_of(tmp_path) as feed:
        assert first_pictures(feed, 3) == []


def test_a_sheet_has_all_pictures() -> None:
    shown = [NamedPicture(np.full((8, 10, 3), 20 * i, np.uint8), f"class {i}") for i in range(10)]
    made = sheet(shown)
    height, width = 96 + 18 + 4, 120 + 4
    assert made.shape == (2 * height, 8 * width, 3)
    assert made[height + 50, width + 50].tolist() == [180] * 3
    assert made[height + 50, 2 * width + 50].tolist() == [255] * 3
    # a name below each
    assert (made[100 : height - 2, :width] < 128).any()
