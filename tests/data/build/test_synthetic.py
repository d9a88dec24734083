"""The drawn cats and dogs: names, sizes, the same again from the same seed."""

import cv2
import numpy as np
import pytest

from catdog.data.build.synthetic import draw, draw_sample
from catdog.errors import CatdogError, DataError
from tools import draw_sample as tool


def test_names_as_on_kaggle_and_the_same_again(tmp_path, capsys):
    tool.main([str(tmp_path / "a"), "--train", "20", "--test", "5", "--seed", "4"])
    draw_sample(tmp_path / "b", train=20, test=5, seed=4)
    draw_sample(tmp_path / "c", train=20, test=5, seed=5)
    found = {part: contents(tmp_path / part) for part in "abc"}
    assert {name.rpartition(".")[0] for name in found["a"]} == {
        *(f"train/{c}.{i}" for c in ("cat", "dog") for i in range(10)),
        *(f"test1/{i}" for i in range(1, 6)),
    }
    assert {name.rpartition(".")[2] for name in found["a"]} <= {"jpg", "png"}
    assert found["a"] == found["b"]
    assert found["a"] != found["c"]
    assert "20 drawings in" in capsys.readouterr().out


def test_as_many_of_each_class_that_is_named(tmp_path):
    words = ["--train", "9", "--test", "4", "--classes", "dog,rabbit,cat"]
    tool.main([str(tmp_path), *words])
    assert {name.partition(".")[0] for name in contents(tmp_path) if "train" in name} == {
        f"train/{c}" for c in ("cat", "dog", "rabbit")
    }
    with pytest.raises(CatdogError, match=r'no drawings of "rabit"; did you mean "rabbit"'):
        tool.main([str(tmp_path / "other"), "--classes", "cat,rabit"])
    with pytest.raises(CatdogError, match="two classes or more"):
        tool.main([str(tmp_path / "other"), "--classes", "cat"])


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_never_draws_over_photos(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="exists already"):
        draw_sample(tmp_path, train=2, test=1)
    assert [path.name for path in tmp_path.iterdir()] == ["train"]


def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("catdog.data.build.synthetic.draw", stop)
    with pytest.raises(KeyboardInterrupt):
        draw_sample(tmp_path, train=4, test=1)
    assert not list(tmp_path.iterdir())


def test_sizes_and_colours_say_nothing_of_the_class():
    numbers = {"cat": [], "dog": []}
    for name, found in numbers.items():
        for seed in range(150):
            picture = draw(name, np.random.default_rng(seed))
            assert picture.dtype == np.uint8
            assert 60 <= min(picture.shape[:2]) <= max(picture.shape[:2]) <= 400
            found.append((*picture.mean((0, 1)), *picture.shape[:2]))
    cats, dogs = np.array(numbers["cat"]), np.array(numbers["dog"])
    assert len(np.unique(cats[:, 3])) > 50
    assert (cats[:, 3:] == dogs[:, 3:]).all()
    for channel in range(3):  # how often a cat is brighter than a dog
        brighter = np.mean(cats[:, None, channel] > dogs[None, :, channel])
        assert 0.4 < brighter < 0.6


def test_cats_differ_from_dogs():
    for seed in range(20):
        cat, dog = (draw(name, np.random.default_rng(seed)) for name in ("cat", "dog"))
        assert cat.shape == dog.shape
        assert np.mean(cv2.absdiff(cat, dog)) > 1
