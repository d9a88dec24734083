"""What is wrong with photos on purpose comes first, each with its reason."""

import csv

import cv2
import numpy as np
import pytest

from catdog.analysis.findings import Evidence, findings, kinds_of, write_findings
from catdog.analysis.labelled import LabelledPredictions
from catdog.analysis.photo_quality import measure
from catdog.analysis.review_candidates import DOUBLE, MISLABELLED, OUTLIER, read_note
from catdog.analysis.survey import survey
from catdog.data.build.folder_layouts import find_photos
from tests.analysis.test_photo_quality import sharp
from tests.pictures import save_all

COUNT = 30
TURNED, FAR, DARK = "cat.3.png", "dog.7.png", "cat.5.png"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory) -> Evidence:
    """Cats and dogs: one turned, one far from all, one dark, and a dog that is a cat's double."""
    files = {f"{'cat' if i < COUNT else 'dog'}.{i % COUNT}.png": sharp(i) for i in range(2 * COUNT)}
    files[DARK] = (sharp(99) * 0.1).astype(np.uint8)
    files["dog.9.png"] = cv2.convertScaleAbs(files["cat.9.png"], alpha=0.9)
    folder = save_all(tmp_path_factory.mktemp("odd"), files)
    listing = find_photos(folder)
    seen = list(survey(listing.train, measure))
    labels = np.array([info.photo.label for info in seen])
    names = [info.photo.name for info in seen]
    dogs = np.where(labels == 1, 0.9, 0.1)
    dogs[names.index(TURNED)] = 0.97
    chance = np.random.default_rng(0)
    features = chance.uniform(4, 5, size=(len(seen), 64)).astype(np.float32)
    features[names.index(FAR), :32] = 0
    predictions = LabelledPredictions(
        np.arange(len(seen)), labels, np.stack((1 - dogs, dogs), axis=1)
    )
    return Evidence(seen, listing.classes, predictions, features)


def test_each_comes_with_its_reason_and_no_other_is_there(evidence):
    found = {each.photo: each for each in findings(evidence)}
    kinds = {name: [reason.kind for reason in each.reasons] for name, each in found.items()}
    assert kinds.pop(TURNED) == [MISLABELLED]
    assert kinds.pop(FAR) == [OUTLIER]
    assert kinds.pop(DARK) == ["dark"]
    assert kinds == {"cat.9.png": [DOUBLE], "dog.9.png": [DOUBLE]}
    assert (found[TURNED].label, found[TURNED].suggested) == ("cat", "dog")
    assert found[TURNED].badness == pytest.approx(0.97)
    assert found[FAR].suggested == ""
    assert read_note(found[TURNED].row.note) == (MISLABELLED, "dog", 0.97)
    assert read_note(found[FAR].row.note).reason == OUTLIER
    assert "nearly cat.9.png, cat" in found["dog.9.png"].row.note


def test_a_wrong_label_goes_before_an_odd_picture(evidence):
    order = [each.photo for each in findings(evidence)]
    assert order[:3] == ["cat.9.png", "dog.9.png", TURNED]
    assert set(order[3:]) == {FAR, DARK}
    assert list(kinds_of(findings(evidence)).values()) == [2, 1, 1, 1]


def test_the_distance_is_that_to_the_ten_nearest(evidence):
    features = evidence.features.astype(np.float64)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    nearest = np.sort(1 - unit @ unit.T, axis=1)[:, 1:11].mean(axis=1)
    (found,) = [each for each in findings(evidence) if each.photo == FAR]
    wanted = nearest[found.at] / np.median(nearest)
    assert f"{wanted:.1f} times as far" in found.row.note


def test_without_a_judgement_of_labels_the_others_stay(evidence):
    some = Evidence(evidence.seen, evidence.classes, None, None)
    assert {each.photo for each in findings(some)} == {DARK, "cat.9.png", "dog.9.png"}


def test_the_table_has_them_in_their_order(evidence, tmp_path):
    found = findings(evidence)
    with write_findings(found, tmp_path / "f.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["photo"] for row in rows] == [each.photo for each in found]
    assert [int(row["rank"]) for row in rows] == list(range(1, len(found) + 1))
    assert rows[2]["suggested"] == "dog" and "may be mislabelled" in rows[2]["reasons"]
