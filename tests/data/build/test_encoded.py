"""Stores of picture files: what a data layer and a prediction make of them is the same."""

import cv2
import numpy as np
import pytest

from catdog.data.build import dataset as datasets
from catdog.data.datum import parse_datum, read_example
from catdog.data.images import load
from catdog.data.mean import compute_mean, read_mean
from catdog.data.preprocessing import dataset_at
from catdog.data.shards import open_records
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter
from tests.pictures import picture, save_all
from tools import create_lmdb


def photos(*sizes):
    """Two classes of JPEGs of these sizes in turn, and a grey one among them."""
    found = {}
    for name in ("cat", "dog"):
        for number in range(12):
            pixels = cv2.resize(picture(6, 6, number), sizes[number % len(sizes)])
            found[f"train/{name}.{number}.jpg"] = cv2.imencode(".jpg", pixels)[1].tobytes()
    width, height = sizes[0]
    found["train/cat.50.jpg"] = cv2.imencode(".jpg", np.full((height, width), 99, np.uint8))[
        1
    ].tobytes()
    return found


def built(tmp_path, files, **recipe):
    data = save_all(tmp_path / "data", files)
    wanted = DatasetParameter(validation_every=6, **recipe)
    return datasets.create(data, tmp_path / "out", wanted), data


def records(tmp_path):
    """The photo of each record, its Datum and what a data layer reads."""
    for part in ("train_lmdb", "validation_lmdb"):
        with open_records(tmp_path / "out" / part) as found:
            for key, value in found.items():
                name = key.decode().partition("_")[2]
                yield name, parse_datum(value), read_example(value).array


@pytest.mark.parametrize(
    "recipe",
    [
        {"width": 20, "height": 16, "equalize": True, "encoding": "JPEG", "quality": 70},
        {"width": 20, "height": 16, "encoding": "JPEG", "quality": 95, "channel_order": "GRAY"},
        {"encoding": "KEEP"},
        {"encoding": "KEEP", "shards": 2},
    ],
)
def test_prediction_sees_what_training_saw(tmp_path, recipe):
    report, data = built(tmp_path, photos((30, 24)), **recipe)
    dataset = dataset_at(tmp_path / "out/train_lmdb")
    assert (dataset.width, dataset.height) == ((30, 24) if "width" not in recipe else (20, 16))
    count = 0
    for name, datum, array in records(tmp_path):
        assert datum.encoded
        assert np.array_equal(array, load(data / "train" / name, dataset))
        count += 1
    assert count == 25 == report.dataset.count.train + report.dataset.count.validation
    mean = read_mean(tmp_path / "out/mean.binaryproto")
    assert np.array_equal(mean, compute_mean(tmp_path / "out/train_lmdb"))


def test_files_are_kept_byte_for_byte(tmp_path):
    files = photos((30, 24), (40, 20))
    report, _ = built(tmp_path, files, encoding="KEEP")
    for name, datum, array in records(tmp_path):
        if name == "cat.50.jpg":
            assert array.shape == (3, 24, 30)
        else:
            assert datum.data == files[f"train/{name}"]
    assert any("several sizes" in line for line in report.remarks)
    assert not (tmp_path / "out/mean.binaryproto").exists()
    assert not report.dataset.HasField("width")
    assert "mean.binaryproto" not in str(report)


def test_a_lower_quality_takes_less(tmp_path):
    sizes = {}
    for quality in (20, 95):
        recipe = {"width": 40, "height": 40, "encoding": "JPEG", "quality": quality}
        built(tmp_path / str(quality), photos((60, 60)), **recipe)
        sizes[quality] = sum(len(datum.data) for _, datum, _ in records(tmp_path / str(quality)))
    assert sizes[20] < sizes[95] / 1.5


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("--quality 50", "--quality: is that of JPEGs"),
        ("--encoded jpeg --quality 101", "from 1 to 100"),
        ("--encoded keep --width 9", "leave --width out"),
        ("--encoded keep --resize pad", "leave --resize out"),
        ("--encoded keep --gray", "leave --gray out"),
        ("--rebuild a/b", "give --shards"),
        ("--shards 2 --resume --rebuild a/b", "without --resume"),
    ],
)
def test_what_does_not_go_together(words, what, tmp_path):
    with pytest.raises(CatdogError, match=what):
        create_lmdb.main(["--data", str(tmp_path), "--out", str(tmp_path), *words.split()])
