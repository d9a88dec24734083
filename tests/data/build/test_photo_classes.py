"""Labels from names and folders, and photos that have none."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.build.photo_classes import class_in_name, photo_classes
from catdog.errors import DataError


def refused(folder, *names):
    with pytest.raises(DataError) as caught:
        photo_classes(names, folder)
    return str(caught.value)


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


def test_names_that_are_checksums_are_no_classes(tmp_path):
    names = [f"{hashlib.md5(bytes([i])).hexdigest()}.jpg" for i in range(256)]
    assert len({class_in_name(name) for name in names}) > 20
    assert "most photos have no class: 159 of 256" in refused(tmp_path, *names)
    # without digits at their beginning all have one
    ids = [f"{hashlib.md5(bytes([i])).hexdigest().translate(LETTERS)}1.jpg" for i in range(256)]
    assert "no labels: 256 photos" in refused(tmp_path, *ids)


LETTERS = str.maketrans("0123456789", "ghijklmnop")


def test_most_photos_in_no_folder_have_no_class(tmp_path):
    names = ["cat/1.jpg", "dog/1.jpg", *(f"{n}.jpg" for n in range(3))]
    assert "most photos have no class: 3 of 5, such as 0.jpg" in refused(tmp_path, *names)
    photo_classes(names[:4], tmp_path)


def test_many_classes_by_name_are_classes_where_each_has_photos(tmp_path):
    found = [f"{chr(97 + n)}x.{i}.jpg" for n in range(26) for i in range(2)]
    assert len(set(photo_classes(found, tmp_path).of_each)) == 26


@pytest.mark.parametrize("names", [["cat/1.jpg", "cat/2.jpg"], ["cat.1.jpg", "cat.2.jpg"]])
def test_one_class_only(tmp_path, names):
    assert "one class only, cat: there is nothing to tell it from" in refused(tmp_path, *names)
    assert set(photo_classes(names, tmp_path, ["cat"]).of_each) == {"cat"}


def test_classes_one_folder_deeper(tmp_path):
    text = refused(tmp_path, "photos/cat/1.jpg", "photos/dog/1.jpg")
    assert "all photos are in photos/, which has folders of its own" in text
    assert text.endswith(f"name {tmp_path}/photos")


def test_folders_that_hold_folders_of_the_same_names_are_parts(tmp_path):
    text = refused(tmp_path, *(f"{p}/{c}/1.jpg" for p in ("one", "two") for c in ("cat", "dog")))
    assert "one/ and two/ both hold cat, dog: they seem to be parts of the data" in text
    images = [f"{name}/images/1.jpg" for name in ("cat", "dog")]
    assert photo_classes(images, tmp_path).of_each == ["cat", "dog"]


def classes_of(folder, *names):
    return photo_classes(sorted(names), folder)


@pytest.mark.parametrize("begin", ["pexels-photo-{}", "istock-{}", "felix_{}", "flickr {}"])
def test_the_folder_counts_however_the_photos_are_called(tmp_path, begin):
    names = [
        f"{c}/{name.format(n)}.jpg"
        for c in ("cats", "dogs")
        for n in range(4)
        for name in (begin, "tom_{}")
    ]
    classes = classes_of(tmp_path, *names)
    assert classes.of_each == ["cats"] * 8 + ["dogs"] * 8
    (note,) = classes.notes
    first = begin.split("{")[0].rstrip("-_ ")
    assert note == (
        "the folders are the classes (cats, dogs), not what the names of the photos begin with "
        f"({first}, tom)"
    )


def test_names_that_say_what_their_folders_say_are_not_told(tmp_path):
    for names in (["a/cat.1.jpg", "b/dog.1.jpg"], ["a/IMG_1.jpg", "b/IMG_2.jpg"]):
        classes = classes_of(tmp_path, *names)
        assert (classes.of_each, classes.notes) == (["a", "b"], [])


def test_names_that_are_the_classes_of_other_folders_are_told(tmp_path):
    classes = classes_of(tmp_path, "Cat/dog.1.jpg", "Dog/cat.1.jpg")
    assert classes.of_each == ["Cat", "Dog"]
    assert "not what the names of the photos begin with (cat, dog)" in classes.notes[0]


@pytest.mark.parametrize("part", ["part{}", "Fold_{}", "batch {}", "split-{}"])
def test_names_count_in_folders_of_parts(tmp_path, part):
    names = [f"{part.format(p)}/{c}.{p}.jpg" for p in (1, 2) for c in ("cat", "dog")]
    assert classes_of(tmp_path, *names).of_each == ["cat", "dog"] * 2


def test_names_count_where_most_photos_are_in_no_folder(tmp_path):
    names = [f"{c}.{n}.jpg" for c in ("cat", "dog") for n in range(9)]
    classes = classes_of(tmp_path, *names, "more/cat.91.jpg", "new/dog.92.jpg")
    assert not classes.by_folder
    assert set(classes.of_each) == {"cat", "dog"}
