"""Which files of a folder are taken for photos."""

import os

import pytest

from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.photo_files import files_below, photos_in
from catdog.data.photo_names import natural
from catdog.errors import DataError
from tests.data.build.test_folder_layouts import touch


def test_natural_order_and_folders(tmp_path):
    assert sorted(["b10", "b9", "a1", "10", "9"], key=natural) == ["9", "10", "a1", "b9", "b10"]
    with pytest.raises(DataError, match="no such folder"):
        photos_in(tmp_path / "nowhere")
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.jpg").touch()
    with pytest.raises(DataError, match="no photos"):
        photos_in(tmp_path)
    checkpoints = touch(tmp_path, ".ipynb_checkpoints/1.jpg", "__MACOSX/1.jpg", "cat/Thumbs.db")
    with pytest.raises(DataError, match="no photos"):
        photos_in(checkpoints)
    touch(tmp_path, "cat/2.jpg")
    assert photos_in(tmp_path) == [tmp_path / "cat/2.jpg"]


def test_a_loop_of_links_is_walked_once(tmp_path):
    root = touch(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (root / "cat" / "again").symlink_to(root)
    assert len(find_photos(root).train) >= 2
    assert len({photo.path.resolve() for photo in find_photos(root).train}) == 2
    assert len(find_photos(root).train) == 2


def test_a_link_beside_what_it_means_takes_nothing_from_it(tmp_path):
    root = touch(tmp_path / "data", "cat/1.jpg", "dog/1.jpg")
    (root / "cat" / "others").symlink_to(root / "dog")
    (root / "ant").symlink_to(root / "dog")
    (root / "cat" / "up").symlink_to(tmp_path)
    assert list(files_below(root)) == [("cat", "1.jpg"), ("dog", "1.jpg")]
    elsewhere = touch(tmp_path / "elsewhere", "1.jpg")
    (root / "elk").symlink_to(elsewhere)
    assert list(files_below(root))[-1] == ("elk", "1.jpg")


def test_what_is_no_folder_of_photos(tmp_path):
    touch(tmp_path, "photos.zip", "list.txt", "packed/train.tar.gz")
    with pytest.raises(DataError, match=r"is a file, not a folder; unpack it"):
        photos_in(tmp_path / "photos.zip")
    with pytest.raises(DataError, match=r"is a file, not a folder; name a folder of photos"):
        photos_in(tmp_path / "list.txt")
    with pytest.raises(DataError, match=r"no photos in this folder; unpack train.tar.gz first"):
        photos_in(tmp_path / "packed")


def test_a_circle_of_links_ends_and_is_no_folder(tmp_path):
    root = touch(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (root / "cat" / "round").symlink_to("round")
    (root / "one").symlink_to("other")
    (root / "other").symlink_to("one")
    (root / "cat" / "2.jpg").symlink_to("2.jpg")
    listing = find_photos(root)
    assert [photo.name for photo in listing.train] == ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"]
    assert [skipped.name for skipped in listing.skipped] == ["one", "other", "cat/round"]


def test_no_file_is_asked_what_it_is(tmp_path, monkeypatch):
    root = touch(
        tmp_path, *(f"{c}/{n}.jpg" for c in ("cat", "dog") for n in range(9)), "cat/in/1.jpg"
    )
    asked, stat = [], os.stat
    monkeypatch.setattr(
        os, "stat", lambda path, *a, **k: asked.append(str(path)) or stat(path, *a, **k)
    )
    assert len(find_photos(root).train) == 19
    assert asked and not [path for path in asked if path.endswith(".jpg")]
