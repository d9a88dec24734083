"""Looking at a folder of photos: what is odd is found, shown and listed."""

import csv
import shutil

import numpy as np
import pytest

from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.review import ReviewRow, decide, read_review
from catdog.inference.predictor import Predictor
from catdog.weights import read_weights
from tests.analysis.test_html import Reader
from tests.analysis.test_report import job  # noqa: F401 - a fixture
from tests.pictures import encoded, picture, save_all
from tests.tool_run import run_tool
from tools import explore as tool

EVIL = "dog.9<script>.jpg"


@pytest.fixture
def photos(tmp_path):
    """Cats and dogs: doubles, a long one, a tiny one, a grey one, two that cannot be read."""
    files = {f"cat.{i}.jpg": picture(100 + i, 80, seed=i) for i in range(4)}
    files |= {f"dog.{i}.png": picture(60 + 9 * i, 90, seed=20 + i) for i in range(3)}
    files["cat.4.jpg"] = encoded(files["cat.0.jpg"])
    files["cat.0.jpg"] = files["cat.4.jpg"]
    files["dog.7.png"] = picture(101, 80, seed=1)
    files["cat.8.jpg"] = picture(400, 70, seed=40)
    files["cat.9.jpg"] = picture(30, 31, seed=41)
    files["dog.8.png"] = np.repeat(picture(90, 90, seed=42)[..., :1], 3, axis=2)
    files |= {EVIL: b"no picture", "cat.11.jpg": b"", "notes.txt": b"x"}
    return save_all(tmp_path / "photos", files)


def run(capsys, *words):
    return run_tool(tool.main, capsys, *words)


def sections(path):
    """The text below each heading of the page."""
    found, heading = {}, ""
    read = Reader(path.read_text())
    assert "script" not in {tag for tag, _ in read.tags}
    headings = ("What", "In numbers", "Sizes", "Classes", "Furthest", "Nearly", "Tiny", "Without",
                "Not usable", "Mislabelled", "Hardest", "Undecided")  # fmt: skip
    for text in filter(None, map(str.strip, read.text)):
        heading = text if text.startswith(headings) else heading
        found.setdefault(heading, []).append(text)
    return found


def test_what_is_odd_is_found(photos, tmp_path, capsys):
    lines = run(capsys, photos, "--out", tmp_path / "out", "--tiny", "40")
    told = dict(line.rsplit(maxsplit=1) for line in lines[1:8])
    assert told == {
        "photos": "12",
        "classes": "2",
        "cannot be read": "2",
        "not used": "1",
        "groups of doubles": "2",
        "without colour": "1",
        "tiny, a side below 40 pixels": "1",
    }
    page = sections(tmp_path / "out/index.html")
    assert page["Furthest from a square"][2:4] == ["cat.8.jpg", "cat, 400 x 70"]
    near = page["Nearly the same"]
    assert near[2:6] == [
        "cat.0.jpg", "cat, 100 x 80, the same file", "cat.4.jpg", "cat, 100 x 80, the same file",
    ]  # fmt: skip
    assert near[6:10] == ["cat.1.jpg", "cat, 101 x 80", "dog.7.png", "dog, 101 x 80"]
    assert page["Tiny: a side below 40 pixels"][1:] == ["1 photo.", "cat.9.jpg", "cat, 30 x 31"]
    assert page["Without colour"][2] == "dog.8.png"
    unused = page["Not usable"]
    assert unused[unused.index(EVIL) + 1] == "not a picture that can be decoded"
    assert unused[unused.index("cat.11.jpg") + 1] == "empty file"
    assert unused[unused.index("notes.txt") + 1] == "not a picture by its name"


def test_the_drawings_and_the_table(photos, tmp_path, capsys):
    run(capsys, photos, "--out", tmp_path / "out")
    for name in ("widths", "heights", "aspect", "classes"):
        assert (tmp_path / f"out/{name}.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "out/photos.csv").open(newline="") as file:
        table = {row["photo"]: row for row in csv.DictReader(file)}
    assert set(table) == {path.name for path in photos.iterdir()} - {"notes.txt"}
    assert table["cat.8.jpg"]["width"] == "400"
    assert table["cat.0.jpg"]["doubles"] == table["cat.4.jpg"]["doubles"] == "0"
    assert table["dog.7.png"]["doubles"] == "1"
    assert table["dog.0.png"]["doubles"] == table["dog.0.png"]["fault"] == ""
    assert table[EVIL]["fault"] == "not a picture that can be decoded"


def test_a_trained_net_names_the_photos_it_stumbles_over(job, tmp_path, capsys):  # noqa: F811
    weights, out = job / "two.caffemodel", tmp_path / "out"
    lines = run(capsys, job / "input", "--out", out, "--model", weights, "--device", "cpu")
    photos = find_photos(job / "input").train
    predictions = list(Predictor(read_weights(weights)).predict([p.path for p in photos]))
    losses = {
        photo.name: -np.log(float(prediction.probabilities[photo.label]))
        for photo, prediction in zip(photos, predictions, strict=True)
    }
    with (out / "photos.csv").open(newline="") as file:
        found = {row["photo"]: row for row in csv.DictReader(file)}
    assert {name: float(row["loss"]) for name, row in found.items()} == pytest.approx(
        losses, rel=1e-4, abs=1e-5
    )
    taken = {
        photo.name: ("cat", "dog")[p.label] for photo, p in zip(photos, predictions, strict=True)
    }
    assert {name: row["taken_for"] for name, row in found.items()} == taken
    right = np.mean([p.label == photo.label for photo, p in zip(photos, predictions, strict=True)])
    assert f"told right by the net {right:.1%}" in [" ".join(line.split()) for line in lines]
    page = sections(out / "index.html")
    assert max(losses, key=losses.get) == page["Mislabelled?"][2]
    assert "Hardest of the others" in page


def test_a_net_for_other_classes_is_found_out_first(job, tmp_path, capsys):  # noqa: F811
    for name in ("owl.1.jpg", "hen.1.jpg", "owl.2.jpg", "hen.2.jpg"):
        shutil.copy(next((job / "input/train").glob("*.jpg")), tmp_path / name)
    (error,) = run(capsys, tmp_path, "--weights", job / "two.caffemodel", "--device", "cpu")
    assert "the photos are of hen, owl, the net knows cat, dog" in error


@pytest.fixture
def turned(tmp_path):
    """Red cats and blue dogs, a cat that is called a dog, and a dark one."""
    files = {}
    for i in range(24):
        pixels = picture(90, 80, seed=i) // 3
        pixels[..., 2 if i < 12 else 0] += 160
        files[f"{'cat' if i < 12 else 'dog'}.{i}.png"] = pixels
    files["dog.99.png"] = files.pop("cat.4.png")
    files["cat.5.png"] = files["cat.5.png"] // 9
    files["cat.98.png"] = b"no picture"
    return save_all(tmp_path / "photos", files)


def test_errors_are_found_written_and_decided_on(turned, tmp_path, capsys):
    words = (turned, "--out", tmp_path / "out", "--find-errors", "--device", "cpu")
    lines = run(capsys, *words)
    table = {row.split()[1]: row.split() for row in lines if row.strip()[:1].isdecimal()}
    assert int(table["dog.99.png"][0]) <= 2 and table["dog.99.png"][2:4] == ["dog", "cat"]
    assert "dark" in table["cat.5.png"]
    with (tmp_path / "out/findings.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert {row["photo"]: row["suggested"] for row in found}["dog.99.png"] == "cat"
    agreed = 1 - sum(bool(row["suggested"]) for row in found) / 24
    assert any(line.startswith(f"{agreed:.2%} of the labels") for line in lines)
    review = tmp_path / "out/review.csv"
    assert [row.photo for row in read_review(review)] == [row["photo"] for row in found]
    assert not any(row.decision for row in read_review(review))
    decide(review, [ReviewRow("dog.99.png", "dog", "relabel", "cat")])
    run(capsys, *words, "--folds", "3")
    assert [row[2:4] for row in read_review(review) if row.decision] == [("relabel", "cat")]
    assert '"decision":"relabel","new":"cat"' in (tmp_path / "out/findings.html").read_text()


def test_folds_are_those_of_a_search(turned, capsys):
    for flag in ("--folds", "--folds-of"):
        (error,) = run(capsys, turned, flag, "3")
        assert error == f"error: {flag}: is of --find-errors; give it too"


def test_a_review_that_is_none_is_told_before_the_photos_are_looked_at(turned, tmp_path, capsys):
    review = tmp_path / "out/review.csv"
    save_all(tmp_path, {"out/review.csv": b"photo,label,decision,new_label\na.jpg,cat,burn,\n"})
    lines = run(capsys, turned, "--out", tmp_path / "out", "--find-errors", "--device", "cpu")
    assert [line.split(":")[:3] for line in lines] == [["error", f" {review}", "2"]]
    assert [path.name for path in review.parent.iterdir()] == ["review.csv"]


def test_a_training_with_folds_that_is_not_there(turned, capsys):
    (error,) = run(capsys, turned, "--find-errors", "--folds-of", "nothing", "--device", "cpu")
    assert "nothing: has no folds" in error


def test_a_folder_in_which_nothing_can_be_read(tmp_path, capsys):
    save_all(tmp_path / "photos", {"cat.1.jpg": b"x", "dog.1.jpg": b""})
    lines = run(capsys, tmp_path / "photos", "--out", tmp_path / "out")
    assert lines[1].split() == ["photos", "0"]
    assert "Not usable" in sections(tmp_path / "out/index.html")


def test_photos_of_a_zip_are_looked_at_where_they_are(photos, tmp_path, capsys):
    shutil.make_archive(str(tmp_path / "packed"), "zip", photos)
    words = ("--out", tmp_path / "out", "--tiny", "40")
    assert run(capsys, tmp_path / "packed.zip", *words)[1:8] == run(capsys, photos, *words)[1:8]
