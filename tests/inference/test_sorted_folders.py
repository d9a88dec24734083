"""Photos into a folder for each class: nothing is lost, nothing leaves its folder."""

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from catdog.data.archives import Packed, Zip
from catdog.data.images import Unreadable
from catdog.errors import CatdogError
from catdog.inference.heads import Head
from catdog.inference.photo_job import PhotoJob
from catdog.inference.predictor import Prediction
from catdog.inference.sorted_folders import (
    check_apart,
    class_folders,
    names_of,
    sorted_folders,
)

TWO = Head("prob", ("cat", "dog"), "prob", several=False)
LABELS = Head("prob", ("young", "asleep"), "prob", several=True)


class Net:
    """Says what it is told to."""

    def __init__(self, head: Head = TWO) -> None:
        self.heads = [head]

    def batches(self, _):
        raise AssertionError


@pytest.fixture
def photos(tmp_path):
    """Photos in two folders and a zip, two of them of one name."""
    for name in ("a/1.jpg", "b/1.jpg", "b/2.jpg"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    with zipfile.ZipFile(tmp_path / "in/z.zip", "w") as file:
        file.writestr("x/../../1.jpg", b"packed")
    packed = Packed(Zip(str(tmp_path / "in/z.zip")), "x/../../1.jpg")
    files = [*(tmp_path / "in" / name for name in ("a/1.jpg", "b/1.jpg", "b/2.jpg")), packed]
    return dict(zip(("a/1", "b/1", "b/2", "x/../../1"), files, strict=True))


def sort(folder, photos, rows, *, head=TWO, **options) -> list[dict[str, str]]:
    """Sort photos by their rows of probabilities; gives the record."""
    job = PhotoJob(Net(head), list(photos.values()), list(photos))
    with sorted_folders(folder, job, lambda: {"x": "y"}, **options) as folders:
        found = [
            Unreadable("empty file", where=str(path))
            if row is None
            else Prediction(path, np.array(row, np.float32))
            for path, row in zip(photos.values(), rows, strict=True)
        ]
        folders.take(0, list(zip(photos, found, strict=True)))
    with (Path(folder) / "sorted.csv").open() as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("sorted.csv")
    }


CAT, DOG = (0.75, 0.25), (0.25, 0.75)


def test_photos_of_one_name_stay_apart_and_the_source_as_it_was(photos, tmp_path):
    before = files(tmp_path / "in")
    record = sort(tmp_path / "out", photos, [CAT, CAT, None, CAT])
    assert files(tmp_path / "out") == {
        "cat/a_1.jpg": b"a/1.jpg",
        "cat/b_1.jpg": b"b/1.jpg",
        "cat/x_.._.._1.jpg": b"packed",
    }
    assert files(tmp_path / "in") == before
    assert [row["file"] for row in record][:2] == ["cat/a_1.jpg", "cat/b_1.jpg"]
    assert (record[2]["photo"], record[2]["reason"], record[2]["file"]) == ("b/2", "empty file", "")
    assert record[0]["probability"] == "0.750000"


def test_once_more_copies_nothing_and_what_is_there_stays(photos, tmp_path):
    out = tmp_path / "out"
    (out / "dog").mkdir(parents=True)
    (out / "dog/2.jpg").write_bytes(b"another photo")
    for _ in range(2):
        record = sort(out, photos, [CAT, CAT, DOG, CAT])
        assert record[2]["file"] == "dog/2 (2).jpg"
        assert len(files(out)) == 5
    assert (out / "dog/2.jpg").read_bytes() == b"another photo"
    assert (out / "sorted.csv.1").exists()


def test_links_lead_to_the_photos_and_archives_are_unpacked(photos, tmp_path):
    for _ in range(2):
        sort(tmp_path / "out", photos, [CAT, CAT, DOG, DOG], link=True)
    link = tmp_path / "out/dog/2.jpg"
    assert link.is_symlink() and link.resolve() == photos["b/2"]
    assert not (tmp_path / "out/dog/x_.._.._1.jpg").is_symlink()
    assert len(files(tmp_path / "out")) == 4


def test_a_photo_that_went_away_is_recorded(photos, tmp_path):
    photos["b/2"].unlink()
    record = sort(tmp_path / "out", photos, [CAT, CAT, DOG, CAT])
    assert record[2]["reason"] == "no such file or directory"
    assert len(files(tmp_path / "out")) == 3


def test_one_that_was_interrupted_goes_on(photos, tmp_path):
    job = PhotoJob(Net(), list(photos.values()), list(photos))
    row = np.array(CAT, np.float32)
    first = [(name, Prediction(path, row)) for name, path in photos.items()][:2]
    with (
        pytest.raises(KeyboardInterrupt),
        sorted_folders(tmp_path / "out", job, lambda: {"x": "y"}) as folders,
    ):
        folders.take(0, first)
        raise KeyboardInterrupt
    with sorted_folders(tmp_path / "out", job, lambda: {"x": "y"}, resume=True) as folders:
        assert not folders.lacks(1) and folders.lacks(2)
        folders.take(0, [(name, Prediction(path, row)) for name, path in photos.items()])
    with (tmp_path / "out/sorted.csv").open() as file:
        assert [row["photo"] for row in csv.DictReader(file)] == list(photos)


def test_several_labels_and_a_folder_of_the_photos_are_refused(photos, tmp_path):
    with pytest.raises(CatdogError, match="--sort-into: the net gives several labels"):
        sort(tmp_path / "out", photos, [CAT] * 4, head=LABELS)
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    with pytest.raises(CatdogError, match="is no folder"):
        sort(tmp_path / "file", photos, [CAT] * 4)
    with pytest.raises(CatdogError, match=r"lies in .*, where the photos come from"):
        check_apart(tmp_path / "in/a/sorted", [str(tmp_path / "in")])
    check_apart(tmp_path / "sorted", [str(tmp_path / "in"), "nowhere.jpg"])


@pytest.mark.parametrize(
    ("classes", "folders"),
    [
        (["cat", "dog"], ["cat", "dog"]),
        (["../../etc", "..", "", "/"], ["_._.._etc", "_", "_ (2)", "_ (3)"]),
        (["Cat", "cat", "cat (2)"], ["Cat", "cat (3)", "cat (2)"]),
        (["n01440764 tench, Tinca tinca"], ["n01440764 tench, Tinca tinca"]),
        (["a\x00b\n<c>"], ["a_b__c_"]),
    ],
)
def test_folders_of_classes_lie_in_their_folder(classes, folders):
    assert class_folders(classes) == folders


def test_names_of_photos_are_names_on_every_system():
    paths = [Path(f"x/{name}") for name in ("A.jpg", "a.JPG", "é" * 120 + ".jpg", "caf\udce9.jpg")]
    names = names_of(paths, ["x/A", "y/a", "z", "w"])
    assert names[:2] == ["x_A.jpg", "y_a.JPG"]
    assert names[2].endswith("é.jpg") and len(names[2].encode()) <= 180
    assert names[3] == "caf\udce9.jpg"
