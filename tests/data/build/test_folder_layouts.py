"""Labels from names and folders, and files that have none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.build.folder_layouts import (
    add_test,
    class_in_name,
    find_photos,
    has_photos,
    natural,
    photos_in,
)
from catdog.errors import DataError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def labels(listing):
    return {photo.name: listing.classes[photo.label] for photo in listing.train}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat.0.jpg", "cat"),
        ("dog.12499.jpg", "dog"),
        ("Cat_12.PNG", "cat"),
        ("great_dane_3.jpg", "great_dane"),
        ("cat (3).jpg", "cat"),
        ("dog-007.jpeg", "dog"),
        ("cat12.jpg", "cat"),
        ("cat.7.copy.jpg", "cat"),
        ("dogs.and.cats.3.jpg", "dogs.and.cats"),
        ("IMG_0001.jpg", ""),
        ("12.jpg", ""),
        ("flower.jpg", ""),
        ("a1.jpg", ""),
    ],
)
def test_class_in_name(name, expected):
    assert class_in_name(name) == expected


@given(st.sampled_from(["cat", "dog", "Border_Collie"]), st.integers(0, 10**6))
def test_any_number_gives_the_same_class(name, number):
    for between in (".", "_", "-", " ", ""):
        assert class_in_name(f"{name}{between}{number}.jpg") == name.lower()


def test_kaggle_layout_in_a_folder_that_is_called_catdog(tmp_path):
    root = touch(tmp_path / "catdog", *(f"train/{c}.{i}.jpg" for c in ("dog", "cat") for i in "01"))
    touch(root, "train/.DS_Store", "train/Thumbs.db", "train/notes.txt", "train/odd.jpg")
    touch(root, "test1/1.jpg")
    listing = find_photos(root)
    assert listing.layout == "photos named for their class"
    assert listing.classes == ["cat", "dog"]
    assert labels(listing) == {f"{c}.{i}.jpg": c for c in ("cat", "dog") for i in "01"}
    assert listing.validation is None
    assert {file.name: file.reason.split()[0] for file in listing.skipped} == {
        "notes.txt": "not",
        "odd.jpg": "no",
    }


def test_folders_for_classes_say_more_than_names(tmp_path):
    root = touch(tmp_path, "Dog/cat.1.jpg", "Cat/IMG_1.jpg", "Cat/deep/2.jpg", "stray.jpg")
    listing = find_photos(root)
    assert listing.layout == "a folder for each class"
    assert labels(listing) == {
        "Dog/cat.1.jpg": "Dog",
        "Cat/IMG_1.jpg": "Cat",
        "Cat/deep/2.jpg": "Cat",
    }
    assert [file.name for file in listing.skipped] == ["stray.jpg"]


def test_folders_of_parts_are_no_classes(tmp_path):
    names = [f"train/part{p}/{c}.{p}.jpg" for p in (1, 2) for c in ("cat", "dog")]
    listing = find_photos(touch(tmp_path, *names))
    assert listing.classes == ["cat", "dog"]
    assert labels(listing)["part2/dog.2.jpg"] == "dog"


def test_classes_that_are_numbers_count_as_numbers(tmp_path):
    listing = find_photos(touch(tmp_path, *(f"train/{n}/x.png" for n in range(11))))
    assert listing.classes == [str(n) for n in range(11)]


def test_train_and_val_side_by_side(tmp_path):
    root = touch(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "val/dog/1.jpg", "val/cat/9.jpg")
    listing = find_photos(root)
    assert listing.layout == "train/ and val/ side by side, a folder for each class"
    assert [(p.name, p.label) for p in listing.validation] == [
        ("val/cat/9.jpg", 0),
        ("val/dog/1.jpg", 1),
    ]
    touch(root, "val/cow/1.jpg")
    with pytest.raises(DataError, match="classes that train/ has not: cow"):
        find_photos(root)


def test_a_loop_of_links_is_walked_once(tmp_path):
    root = touch(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (root / "cat" / "again").symlink_to(root)
    assert len(find_photos(root).train) >= 2
    assert len({photo.path.resolve() for photo in find_photos(root).train}) == 2
    assert len(find_photos(root).train) == 2


def test_another_data_set_and_an_lmdb_are_no_classes(tmp_path):
    touch(tmp_path, "sample/train/cat.1.jpg", "train_lmdb/data.mdb", "train_lmdb/x.jpg")
    assert not has_photos(tmp_path)
    assert has_photos(tmp_path / "sample")


def test_no_photos_and_no_labels(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        find_photos(tmp_path / "missing")
    with pytest.raises(DataError, match="no photos in this folder"):
        find_photos(touch(tmp_path / "a", "readme.txt"))
    with pytest.raises(DataError, match="no labels: 2 photos, classes in their names: none"):
        find_photos(touch(tmp_path / "b", "1.jpg", "2.jpg"))
    with pytest.raises(DataError, match="no labels"):
        find_photos(touch(tmp_path / "c", *(f"{chr(97 + i)}x{i}.jpg" for i in range(26))))


def test_test_photos_beside_the_others(tmp_path):
    root = touch(tmp_path, *(f"train/{c}/{n}.jpg" for c in ("cat", "dog") for n in "12"))
    assert find_photos(root).test is None
    touch(root, "test/7.jpg", "test/8.jpg")
    assert find_photos(root).test is None  # to be predicted
    touch(root, "test/dog/3.jpg", "test/cat/4.jpg", "test/notes.txt")
    listing = find_photos(root)
    assert listing.layout == "a folder for each class, test/ apart"
    assert [(p.name, p.label) for p in listing.test] == [
        ("test/cat/4.jpg", 0),
        ("test/dog/3.jpg", 1),
    ]
    assert {file.name for file in listing.skipped} == {"test/7.jpg", "test/8.jpg", "test/notes.txt"}
    touch(root, "val/cat/1.jpg", "val/dog/1.jpg", "test/cow/1.jpg")
    listing = find_photos(root)
    assert listing.test is None  # not of these classes
    assert len(listing.validation) == 2


def test_a_test_folder_that_is_named(tmp_path):
    root = touch(tmp_path, *(f"a/train/{c}.{n}.jpg" for c in ("cat", "dog") for n in "12"))
    listing = find_photos(root / "a")
    with pytest.raises(DataError, match="no such folder"):
        add_test(listing, root / "b")
    touch(root, "b/dog/1.jpg", "b/cat/1.jpg")
    add_test(listing, root / "b")
    assert [(p.name, p.label) for p in listing.test] == [("b/cat/1.jpg", 0), ("b/dog/1.jpg", 1)]
    touch(root, "b/cow/1.jpg")
    with pytest.raises(DataError, match="b/ has classes that train/ has not: cow"):
        add_test(listing, root / "b")


def test_natural_order_and_folders(tmp_path):
    assert sorted(["b10", "b9", "a1", "10", "9"], key=natural) == ["9", "10", "a1", "b9", "b10"]
    with pytest.raises(DataError, match="no such folder"):
        photos_in(tmp_path / "nowhere")
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.jpg").touch()
    with pytest.raises(DataError, match="no photos"):
        photos_in(tmp_path)
