"""The predictor of a Python program: photos in all forms, names and probabilities."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from catdog.data.images import Unreadable
from catdog.errors import CatdogError, DataError, WeightsError
from catdog.inference.given_pictures import readable
from catdog.inference.heads import Head
from catdog.inference.photo_prediction import photo_predictions
from catdog.inference.predictor import Predictor
from catdog.weights import Weights, write_weights
from tests.inference.test_predictor import built, trained  # noqa: F401  a fixture


@pytest.fixture(scope="module")
def weights(built) -> Weights:  # noqa: F811
    found, _, feed = trained(built)
    feed.close()
    return found


@pytest.fixture(scope="module")
def predictor(weights) -> Predictor:
    return Predictor(weights)


@pytest.fixture(scope="module")
def photo(built) -> Path:  # noqa: F811
    return built / "input" / "test1" / "1.jpg"


def forms(path: Path, stack: list) -> dict[str, object]:
    """A lossless picture in each form."""
    pixels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    stack.append(path.open("rb"))
    return {
        "text": str(path),
        "path": path,
        "bytes": path.read_bytes(),
        "memory": io.BytesIO(path.read_bytes()),
        "file": stack[0],
        "array": pixels,
        "mirrored twice": pixels[:, ::-1][:, ::-1],
        "pillow": Image.open(path),
        "drawn": Image.fromarray(pixels),
    }


def test_every_form_of_a_photo_is_the_same_photo(predictor, photo, tmp_path):
    path, opened = tmp_path / "a.png", []
    cv2.imwrite(str(path), cv2.imread(str(photo)))
    (expected,) = predictor.predict([path])
    for name, given in forms(path, opened).items():
        assert np.array_equal(predictor(given).row, expected.probabilities), name
    several = predictor(list(forms(path, opened).values()))
    assert all(np.array_equal(each.row, expected.probabilities) for each in several[:3])
    for file in opened:
        file.close()


def test_a_photo_of_pillow_is_turned_as_its_file_is(predictor, photo, tmp_path):
    path = tmp_path / "turned.png"
    picture = Image.open(photo)
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    assert np.array_equal(predictor(Image.open(path)).row, predictor(path).row)
    assert not np.array_equal(predictor(path).row, predictor(photo).row)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "I;16"])
def test_other_pictures_of_pillow(predictor, mode):
    grey = np.arange(900, dtype=np.uint8).reshape(30, 30)
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    picture = wide if mode == "I;16" else Image.fromarray(grey).convert(mode)
    plain = predictor(picture.convert("RGB") if mode in ("1", "P") else grey)
    np.testing.assert_allclose(predictor(picture).row, plain.row, atol=1e-5)


def test_grey_and_several_arrays(predictor):
    grey = np.random.default_rng(0).integers(0, 256, (2, 30, 40), np.uint8)
    assert np.array_equal(predictor(grey[0]).row, predictor(np.dstack([grey[0]] * 3)).row)
    batch = np.stack([np.dstack([each] * 3) for each in grey])
    found = predictor(batch)
    assert len(found) == 2
    np.testing.assert_allclose(found[1].row, predictor(grey[1]).row, rtol=1e-5)
    assert predictor([]) == []


def test_names_and_probabilities(predictor, photo):
    found = predictor(photo)
    assert predictor.classes == ["cat", "dog"]
    assert list(found.probabilities) == ["cat", "dog"]
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.label == max(found.probabilities, key=found.probabilities.get)
    assert found.probability == found.probabilities[found.label]
    assert found.top(1) == [(found.label, found.probability)]
    assert [name for name, _ in found.top()] == sorted(
        found.probabilities, key=found.probabilities.get, reverse=True
    )
    assert found.labels == [found.label]
    assert found.label == predictor.classes[found.number]
    assert found.photo == str(photo)
    assert repr(found) == f"<{photo}: {found.label} {found.probability:.1%}>"


def test_an_unreadable_photo_is_an_error_or_stands_in_its_place(predictor, photo, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.jpg: not a picture"):
        predictor(broken)
    with pytest.raises(Unreadable, match="bytes 0: empty file"):
        predictor(b"")
    with pytest.raises(Unreadable, match="is open as text"), photo.open(encoding="latin-1") as file:
        predictor(file)
    cut = Image.open(io.BytesIO(photo.read_bytes()[:-2000]))
    good, *bad = predictor([photo, broken, tmp_path / "none.jpg", cut])
    assert good.label in predictor.classes
    assert all(isinstance(each, Unreadable) for each in bad)
    assert [each.where for each in bad[:2]] == [str(broken), str(tmp_path / "none.jpg")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            np.zeros((3, 8, 8), np.uint8),
            r"array 0: has 3 x 8 x 8 of uint8.*height x width x 3, RGB",
        ),
        (np.zeros((8, 8, 3), np.float32), "of float32, which is no picture"),
        (np.zeros((0, 8, 3), np.uint8), "has 0 x 8 x 3"),
        ([None], "photo 0: is NoneType, and no picture; give a path"),
        (["."], "is a folder; give a list of its photos"),
    ],
)
def test_what_can_be_no_picture(predictor, given, told):
    with pytest.raises(DataError, match=told):
        predictor(given)


def test_several_labels_and_several_heads():
    heads = [
        Head("prob", ("sofa", "cat", "cat"), "animals", several=True),
        Head("size", ("0", "1"), "size", several=False),
        Head("deep", ("0", "1"), "size", several=False),
    ]
    rows = [np.float32([0.2, 0.9, 0.7]), np.float32([0.4, 0.6]), np.float32([1, 0])]
    found = photo_predictions("<b>.jpg", rows, heads)
    assert found.labels == ["cat", "cat"]
    assert list(found.probabilities) == ["sofa", "cat", "cat (2)"]
    assert list(found.others) == ["size", "size (2)"]
    assert found.others["size"].label == "1"
    assert str(found) == "cat 90.0%, cat 70.0%; size: 1 60.0%; size (2): 0 100.0%"
    assert str(photo_predictions("a", [rows[0] * 0], heads[:1])) == "none of them"
    assert "&lt;b&gt;.jpg" in found._repr_html_()
    scores = photo_predictions(
        "a", [np.float32([-3, 5])], [Head("f", ("0", "1"), "f", False, True)]
    )
    assert str(scores) == "1 5"
    assert scores.probability == 5


def test_load_takes_a_file_a_run_and_a_folder(built, tmp_path):  # noqa: F811
    weights, _, feed = trained(built)
    feed.close()
    prefix = tmp_path / "quick" / "net"
    prefix.parent.mkdir()
    with pytest.raises(WeightsError, match="no such file"):
        Predictor.load(prefix)
    with pytest.raises(WeightsError, match="no snapshot here"):
        Predictor.load(tmp_path)
    grey = np.full((30, 30), 90, np.uint8)
    rows = {}
    for name in ("net_iter_2", "net_iter_10", "net_iter_10_ema", "net_best"):
        path = prefix.parent / f"{name}.caffemodel"
        weights.blobs["score"] = [None if b is None else b * 0.5 for b in weights.blobs["score"]]
        write_weights(path, weights)
        rows[name] = Predictor.load(path)(grey).row
        assert np.array_equal(Predictor.load(prefix)(grey).row, rows[name])
        assert np.array_equal(Predictor.load(str(tmp_path), views="flip")(grey).row.shape, (2,))
    assert len({each.tobytes() for each in rows.values()}) == 4


@pytest.mark.parametrize("source", [None, 5, ["a.caffemodel"]])
def test_load_of_what_has_no_weights(source):
    with pytest.raises(CatdogError, match="has no weights; give a weight file, a run, its prefix"):
        Predictor.load(source)


def test_a_predictor_is_not_made_of_a_name():
    with pytest.raises(CatdogError, match=r"not of str; use Predictor\.load"):
        Predictor("net.caffemodel")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"device": "bla"}, '^device: no device "bla"; cpu, cuda or cuda:1'),
        ({"device": "cuda:99"}, r"^device cuda:99: this machine has \d+ GPUs; "),
        ({"device": "vulkan"}, "^device vulkan: nothing can be computed on vulkan here; use cpu"),
        ({"device": []}, r'^device: no device "\[\]"; cpu'),
        ({"labels": "ab"}, "labels: 'ab' is no list of names"),
        ({"labels": [1, 2]}, r"labels: \[1, 2\] is no list of names"),
    ],
)
def test_options_of_a_predictor_that_are_none(weights, given, told):
    with pytest.raises(CatdogError, match=told):
        Predictor(weights, **given)


@pytest.mark.parametrize("given", [None, 5, 0.5])
def test_what_is_no_photo_is_told_with_what_is_one(predictor, given):
    with pytest.raises(DataError, match="and no picture; give a path, bytes, an array"):
        predictor(given)


def test_messages_name_the_place():
    with pytest.raises(DataError, match="photo 3"):
        readable(3.5, 3)
    assert str(readable(b"x", 2)) == "bytes 2"
