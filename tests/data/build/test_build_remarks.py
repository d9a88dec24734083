"""What is told at the end of a build."""

import pytest

from catdog.data.build import dataset as datasets
from catdog.data.build.dataset import LabelFiles
from catdog.proto.caffe_pb2 import DatasetParameter
from tests.pictures import picture, save_all

RECIPE = DatasetParameter(width=8, height=8, validation_every=6)


@pytest.fixture
def build(tmp_path, capfd):
    def remarks(files, lists=None):
        data = save_all(tmp_path / "data", files)
        report = datasets.create(data, tmp_path / "out", RECIPE, files=lists)
        capfd.readouterr()
        assert str(report).endswith("\n".join(f"warning: {line}" for line in report.remarks))
        return report.remarks

    return remarks


def photos(classes, count, part="train"):
    """No two are alike."""
    return {
        (name := f"{part}/{c}/{i}.png"): picture(9, 9, int.from_bytes(name.encode()))
        for c in classes
        for i in range(count)
    }


def test_nothing_odd_is_no_word(build):
    assert build(photos(("cat", "dog"), 18)) == []


def test_a_class_of_which_nothing_can_be_read(build):
    files = photos(("cat", "dog"), 18) | {"train/ant/1.jpg": b"x", "train/ant/2.jpg": b"y"}
    assert build(files) == ["no photo of class 0 ant can be read; its number is kept for it"]


def test_classes_that_a_part_lacks(build):
    files = photos(("cat", "dog"), 18) | photos(("emu",), 1)
    (line,) = build(files)
    assert line in [
        f"no {part} photos of emu; --stratify gives each class its share"
        for part in ("training", "validation")
    ]
    files |= photos(("cat",), 2, "val") | photos(("dog", "emu"), 2, "test")
    assert build(files) == ["no validation photos of dog, emu", "no test photos of cat"]


def test_photos_that_stand_in_train_and_validation(build):
    files = photos(("cat", "dog"), 3) | photos(("cat", "dog"), 2, "val")
    files["val/dog/9.png"] = files["train/cat/0.png"]
    torn, line = build(files)
    assert torn.startswith("1 picture is there more than once, with different labels, such as cat")
    assert line.startswith(
        "1 picture stands in train and validation alike, such as cat/0.png and val/dog/9.png"
    )


def test_one_class_of_a_list(build, tmp_path):
    (tmp_path / "list.txt").write_text("".join(f"train/cat/{i}.png 0\n" for i in range(9)))
    (line,) = build(photos(("cat",), 9), LabelFiles(tmp_path / "list.txt"))
    assert line == "one class only, 0: there is nothing to tell it from"


def test_class_names_that_are_nearly_the_same(build):
    (line,) = build(photos(("Cat", "cats", "great_dane", "Great Dane", "1.0", "10"), 18))[1:]
    first = build(photos(("Cat", "cats", "great_dane", "Great Dane", "1.0", "10"), 18))[0]
    assert first.startswith('classes whose names are nearly the same: "Cat", "cats"; ')
    assert line.startswith('classes whose names are nearly the same: "Great Dane", "great_dane"; ')
