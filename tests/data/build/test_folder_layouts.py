"""Labels from names and folders, and files that have none."""

import pytest

from catdog.data.build.folder_layouts import add_test, find_photos, has_photos, photo_path
from catdog.errors import DataError
from tests.pictures import picture, save_all


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def labels(listing):
    return {photo.name: listing.classes[photo.label] for photo in listing.train}


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
    with pytest.raises(DataError, match="classes that the training photos have not: cow"):
        find_photos(root)


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
    with pytest.raises(DataError, match="b/ has classes that the training photos have not: cow"):
        add_test(listing, root / "b")


@pytest.mark.parametrize(
    ("train", "later"),
    [("training", "validation"), ("Train", "Val"), ("training_set", "val_set"), ("train", "valid")],
)
def test_parts_are_known_by_their_names(tmp_path, train, later):
    root = touch(
        tmp_path, *(f"{p}/{c}/{n}.jpg" for p in (train, later) for c in "ab" for n in "12")
    )
    listing = find_photos(root)
    assert listing.classes == ["a", "b"]
    assert listing.layout.startswith(f"{train}/ and {later}/ side by side")
    assert listing.validation[0].name == f"{later}/a/1.jpg"


@pytest.mark.parametrize("name", ["test", "testing", "Test", "test_set"])
def test_test_photos_are_no_class(tmp_path, name):
    for train in ("", "training_set/"):
        root = touch(tmp_path / (train or "own"), *(f"{train}{c}/1.jpg" for c in "ab"))
        touch(root, *(f"{name}/{c}/{n}.jpg" for c in "ab" for n in "34"))
        listing = find_photos(root)
        assert listing.classes == ["a", "b"]
        assert len(listing.train) == 2
        assert [photo.label for photo in listing.test] == [0, 0, 1, 1]
        assert listing.layout.endswith(f", {name}/ apart")


def test_a_part_that_is_there_twice_or_alone(tmp_path):
    root = touch(tmp_path / "a", "train/cat/1.jpg", "training/dog/1.jpg")
    with pytest.raises(DataError, match="train/ and training/ are both named for training photos"):
        find_photos(root)
    root = touch(tmp_path / "b", "val/cat/1.jpg", "val/dog/1.jpg", "test/cat/1.jpg")
    with pytest.raises(DataError, match="no training photos beside test/ and val/"):
        find_photos(root)


def test_test_photos_to_predict_are_told(tmp_path):
    root = touch(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "test/1.jpg", "test/2.jpg")
    assert find_photos(root).notes == [
        "test/ is left to be predicted: no labels: 2 photos, classes in their names: none"
    ]


def test_a_later_part_may_have_one_class_only(tmp_path):
    root = touch(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "val/dog/1.jpg", "test/cat.3.jpg")
    listing = find_photos(root)
    assert [(photo.name, photo.label) for photo in listing.validation] == [("val/dog/1.jpg", 1)]
    assert [(photo.name, photo.label) for photo in listing.test] == [("test/cat.3.jpg", 0)]


def test_what_systems_and_tools_leave_is_no_class(tmp_path):
    root = touch(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg")
    touch(
        root,
        "train/__MACOSX/cat/._1.jpg",
        "train/.ipynb_checkpoints/cat.1.jpg",
        "train/cat/.ipynb_checkpoints/1.jpg",
        "train/cat/__MACOSX/1.jpg",
        "train/cat/._1.jpg",
        "train/cat/Thumbs.db",
        "train/.DS_Store",
    )
    listing = find_photos(root)
    assert labels(listing) == {"cat/1.jpg": "cat", "dog/1.jpg": "dog"}
    assert not listing.skipped
    assert not listing.notes


def test_folders_without_photos_are_no_classes_and_told(tmp_path):
    root = touch(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "train/elk/1.heic")
    (root / "train" / "bird").mkdir()
    assert find_photos(root).notes == [
        "bird/ has no photos of its own, so it is no class",
        "elk/ has no photos of its own, so it is no class",
    ]


def test_a_data_set_in_a_folder_of_its_own_is_named(tmp_path):
    root = touch(tmp_path, "unpacked/training_set/cat/1.jpg", "unpacked/training_set/dog/1.jpg")
    with pytest.raises(DataError, match=r"but those of the data set unpacked/; name .*/unpacked"):
        find_photos(root)


def test_class_folders_count_in_train_and_val_too(tmp_path):
    root = touch(
        tmp_path,
        *(
            f"{part}/{c}/{name}{n}.jpg"
            for part in ("train", "val")
            for c in ("cats", "dogs")
            for name in ("flickr ", "pexels-")
            for n in "12"
        ),
    )
    listing = find_photos(root)
    assert listing.classes == ["cats", "dogs"]
    for photos in (listing.train, listing.validation):
        assert [photo.label for photo in photos] == [0] * 4 + [1] * 4
    assert [note.split(",")[0] for note in listing.notes] == ["the folders are the classes (cats"]


def test_classes_that_are_called_like_parts(tmp_path):
    root = touch(tmp_path, *(f"{c}/{n}.jpg" for c in ("train", "bus", "plane") for n in "12"))
    with pytest.raises(DataError) as caught:
        find_photos(root)
    said = str(caught.value)
    assert "no labels: 2 photos" in said and "train/ is taken for a part of the data" in said
    assert said.endswith(f"put the folders of all classes into {root / 'train'}")
    touch(root / "train", *(f"{c}/{n}.jpg" for c in ("train", "bus") for n in "12"))
    assert find_photos(root).classes == ["bus", "train"]


def test_a_class_alone_names_the_folder_of_all(tmp_path):
    names = [f"{c}/{i}.png" for c in ("cat", "dog") for i in range(3)]
    save_all(tmp_path / "pets", {name: picture() for name in names})
    with pytest.raises(DataError, match=r"no labels") as caught:
        find_photos(tmp_path / "pets" / "cat")
    assert caught.value.remedy.startswith(f"name {tmp_path / 'pets'}, which has dog too; or name")


@pytest.mark.parametrize("parts", [("",), ("train", "val"), ("training_set", "validation")])
def test_a_photo_is_found_again_by_its_name(tmp_path, parts):
    for part in parts:
        for name in ("cats/1.jpg", "dogs/1.jpg"):
            touch(tmp_path, f"{part}/{name}" if part else name)
    touch(tmp_path.parent, "outside.jpg")
    listing = find_photos(tmp_path)
    for photo in [*listing.train, *(listing.validation or ())]:
        assert photo_path(tmp_path, photo.name) == photo.path
    for name in ("cats/2.jpg", "../outside.jpg", "/etc/passwd", "cats", "", "a\0.jpg"):
        assert photo_path(tmp_path, name) is None
