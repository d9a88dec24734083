"""Several nets: the mean of what each says of a photo in its own preparation."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from catdog.data.images import Unreadable
from catdog.errors import CatdogError, WeightsError
from catdog.inference.ensemble import Ensemble
from catdog.inference.open_nets import NetOptions, digest_of_weights, named_weights
from catdog.inference.predictor import Predictor
from catdog.runtime.checksum import sha256_of
from catdog.weights import read_weights, write_weights
from tests.data.sources.build import pictures
from tests.tools.test_predict import write_net


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(67)]
    for path, picture in zip(paths, pictures(67, (12, 9, 3)), strict=True):
        cv2.imwrite(str(path), picture)
    paths[3].write_bytes(b"no picture")
    return paths


def write(path: Path, *, seed: int = 1, **changes) -> Path:
    """A net with weights of its own, and what is changed of how its photos are prepared."""
    write_net(path, ("prob", "Softmax", 2), names=("cat", "dog"))
    weights = read_weights(path)
    chance = np.random.default_rng(seed)
    for blob in weights.blobs["prob_score"]:
        blob[:] = (chance.standard_normal(blob.shape) * 2e-3).astype(np.float32)
    weights.net.temperature = 1 + seed / 4
    for name, value in changes.items():
        setattr(weights.net.dataset, name, value)
    write_weights(path, weights)
    return path


def test_the_mean_of_what_each_says_of_its_own_preparation(photos, tmp_path):
    paths = [
        write(tmp_path / "a.caffemodel", seed=1, equalize=True),
        write(tmp_path / "b.caffemodel", seed=2, channel_order=1, resize=1),
        write(tmp_path / "c.caffemodel", seed=3, equalize=True),
    ]
    ensemble = NetOptions().open_all(paths)
    assert isinstance(ensemble, Ensemble)
    found = [each for batch in ensemble.batches(photos) for each in batch]
    assert [isinstance(each, Unreadable) for each in found] == [at == 3 for at in range(67)]
    good = [each for each in found if not isinstance(each, Unreadable)]
    alone = [
        [each.probabilities for each in Predictor(read_weights(path)).predict(photos)]
        for path in paths
    ]
    assert not np.allclose(alone[0], alone[2], atol=1e-3)
    assert not np.allclose(alone[0], alone[1], atol=1e-3)
    for each, *rows in zip(good, *alone, strict=True):
        np.testing.assert_allclose(each.probabilities, np.mean(rows, axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("heads", "names", "told"),
    [
        ([("prob", "Softmax", 2)], ("dog", "cat"), "are dog, cat, those of .* are cat, dog"),
        ([("prob", "Softmax", 3)], ("cat", "dog"), "its classes are cat, dog, 2, those of"),
        ([("prob", "Sigmoid", 2)], ("cat", "dog"), "gives several labels where"),
    ],
)  # fmt: skip
def test_other_classes_are_one_line(heads, names, told, tmp_path):
    write(tmp_path / "a.caffemodel")
    write_net(tmp_path / "b.caffemodel", *heads, names=names)
    with pytest.raises(CatdogError, match=told) as error:
        NetOptions().open_all([tmp_path / "a.caffemodel", tmp_path / "b.caffemodel"])
    assert str(error.value).startswith(f"{tmp_path}/b.caffemodel: ")
    assert "\n" not in str(error.value)


def test_names_with_commas_between_them_and_a_digest_of_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [write(Path(name)) for name in ("a.caffemodel", "b.caffemodel", "a,b.caffemodel")]
    assert named_weights("a.caffemodel,b.caffemodel") == paths[:2]
    assert named_weights("a,b.caffemodel") == paths[2:]
    assert digest_of_weights(paths[:1]) == sha256_of(paths[0]).hex()
    assert digest_of_weights(paths[:2]) != digest_of_weights(paths[:1])


def test_a_run_and_a_folder_mean_its_best(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    names = ("run/a_iter_4.caffemodel", "run/a_best.caffemodel", "other.caffemodel")
    last, best, other = [write(Path(name)) for name in names]
    assert named_weights("run/a") == named_weights("run") == [best]
    assert named_weights("run,other.caffemodel") == [best, other]
    assert named_weights(str(last)) == [last]
    Path("store").mkdir()
    Path("store/data.mdb").touch()
    assert named_weights("store") == [Path("store")]
    Path("empty").mkdir()
    with pytest.raises(WeightsError, match=r"^empty: no snapshot here"):
        named_weights("empty")
