"""Predictions by what has not seen the photo: a linear classifier of features, or nets of folds."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from catdog.analysis.linear_probe import STRENGTHS
from catdog.analysis.photo_features import imagenet_net, photo_features
from catdog.analysis.survey import PhotoInfo
from catdog.analysis.unseen_predictions import by_folds, by_probe
from catdog.data.build.listing import Photo
from catdog.data.images import Unreadable
from catdog.errors import DataError
from catdog.training.out_of_fold import OutOfFold, OutOfFolds
from tests.pictures import picture, save_all


def clouds(count=60, classes=3):
    chance = np.random.default_rng(1)
    labels = np.arange(count) % classes
    centres = chance.normal(size=(classes, 6)) * 2
    return (centres[labels] + chance.normal(size=(count, 6))).astype(np.float32), labels


def test_each_photo_is_judged_by_the_others_as_scikit_learn_does():
    features, labels = clouds()
    found = by_probe(features, labels, 3, 4)
    x, wanted = features.astype(np.float64), {}
    for strength in STRENGTHS:
        rows = np.zeros((60, 3))
        for seen, unseen in StratifiedKFold(4, shuffle=True, random_state=0).split(x, labels):
            scaler = StandardScaler().fit(x[seen])
            model = LogisticRegression(C=strength, max_iter=10_000)
            model.fit(scaler.transform(x[seen]), labels[seen])
            rows[unseen] = model.predict_proba(scaler.transform(x[unseen]))
        wanted[strength] = rows
    near = [np.abs(rows - found.probabilities).max() for rows in wanted.values()]
    assert min(near) < 1e-9
    np.testing.assert_array_equal(found.label, labels)


def test_what_has_no_features_and_what_is_alone_in_its_class_is_not_judged():
    features, labels = clouds()
    features[5] = np.nan
    labels = np.where(labels == 2, 3, labels)
    labels[8] = 2
    found = by_probe(features, labels, 5, 3)
    assert sorted({*range(60)} - {*found.index.tolist()}) == [5, 8]
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    assert not found.probabilities[:, [2, 4]].any()
    assert by_probe(features[:3], np.array([0, 1, 1]), 2, 3) is None


def info(name, label):
    return PhotoInfo(Photo(Path(name), name, label), 9, 9, frozenset(), False, None, b"")


def of_folds(*rows):
    given = [OutOfFold(i, key, (0,), 1, np.array(row)) for i, (key, row) in enumerate(rows)]
    return OutOfFolds(["dog", "cat"], given, several=False)


def test_nets_of_folds_know_the_photos_by_their_keys():
    seen = [info("a/1.jpg", 0), info("a/2_x.jpg", 1), info("b/3.jpg", 1)]
    found = of_folds(("00000007_b/3.jpg", (0.25, 0.75)), ("00000001_a/2_x.jpg", (1.0, 0.0)))
    rows = by_folds(found, seen, ["cat", "dog"])
    assert rows.index.tolist() == [1, 2] and rows.label.tolist() == [1, 1]
    np.testing.assert_allclose(rows.probabilities, [[0, 1], [0.75, 0.25]])
    with pytest.raises(DataError, match="the folds are of dog, cat, the photos of cat, hen"):
        by_folds(found, seen, ["cat", "hen"])
    with pytest.raises(DataError, match=r"no photo called z.jpg or as another"):
        by_folds(found, [info("z.jpg", 0)], ["cat", "dog"])


def test_features_are_what_the_last_layer_reads(tmp_path):
    net = imagenet_net("cpu")
    files = {"a.png": picture(50, 40), "b.jpg": b"no picture", "c.png": picture(90, 200, seed=4)}
    folder = save_all(tmp_path, files)
    photos = [folder / name for name in files]
    first, fault, last = photo_features(net, photos)
    assert isinstance(fault, Unreadable)
    weight, bias = (each.numpy() for each in net.net.layer_blobs()["fc"])
    scores = np.stack((first, last)) @ weight.T + bias
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    said = [each.probabilities for each in net.predict([photos[0], photos[2]])]
    np.testing.assert_allclose(shares / shares.sum(axis=1, keepdims=True), said, atol=1e-5)
