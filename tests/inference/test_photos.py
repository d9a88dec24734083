"""Photos by files, folders and zips, and the names that tell them apart."""

import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest

from catdog.data import archives as module
from catdog.data.images import Unreadable, read_file
from catdog.errors import DataError
from catdog.inference.photos import given_photos, ids_of


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def packed(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, name)
    return path


def ids(*words: Path | str) -> list[str]:
    return ids_of(given_photos(words))


def test_a_flat_folder_goes_by_the_names_of_its_files(tmp_path):
    assert ids(files(tmp_path, "10.jpg", "2.png", "note.txt")) == ["2", "10"]


def test_names_that_are_there_twice_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(files(tmp_path, "t/a/1.jpg", "t/b/1.jpg", "t/b/2.jpg", "u/1.jpg", "u/1.png"))
    assert ids("t/a", "t/b/2.jpg") == ["1", "2"]
    assert ids("t") == ["a/1", "b/1", "b/2"]
    assert ids("t/a", "t/b") == ["t/a/1", "t/b/1", "t/b/2"]
    assert ids("t/b/1.jpg", "t/a/1.jpg") == ["t/b/1", "t/a/1"]
    assert ids("u") == ["1.jpg", "1.png"]
    assert ids("t", "u") == ["a/1.jpg", "b/1.jpg", "b/2.jpg", "1.jpg", "1.png"]
    files(tmp_path, "v/1.jpg")
    assert ids("u", "v") == ["u/1.jpg", "u/1.png", "v/1.jpg"]


def test_a_photo_that_is_named_twice_is_one_and_a_link_is_a_photo(tmp_path, monkeypatch):
    monkeypatch.chdir(files(tmp_path, "t/1.jpg"))
    (tmp_path / "t/2.jpg").symlink_to("1.jpg")
    assert ids("t", "t/1.jpg", tmp_path / "t/1.jpg") == ["1", "2"]


def test_a_tar_is_read_where_it_is(tmp_path):
    files(tmp_path, "t/10.jpg", "t/2.jpg", "t/x.txt")
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(tmp_path / "t", "t")
    found = given_photos([tmp_path / "photos.tar"])
    assert ids_of(found) == ["2", "10"]
    assert [read_file(photo.file) for photo in pickle.loads(pickle.dumps(list(found)))] == [
        b"t/2.jpg",
        b"t/10.jpg",
    ]


def test_a_zip_is_read_where_it_is(tmp_path):
    names = "t/10.jpg", "t/2.jpg", "__MACOSX/t/._2.jpg", "../../3.jpg", "t/x.txt", "w\\5.jpg"
    path = packed(tmp_path / "photos.zip", *names)
    found = given_photos([path])
    assert ids_of(found) == ["2", "10", "5"]
    assert [read_file(photo.file) for photo in found] == [b"t/2.jpg", b"t/10.jpg", b"w\\5.jpg"]
    assert [str(photo.file) for photo in found][-1] == f"{path}/w/5.jpg"
    # another process opens it again
    assert read_file(pickle.loads(pickle.dumps(found[0].file))) == b"t/2.jpg"
    assert list(tmp_path.iterdir()) == [path]
    again = packed(tmp_path / "again.zip", "a/1.jpg", "b/1.jpg")
    assert ids(again) == ["a/1", "b/1"]


def test_what_is_damaged_encrypted_or_too_large_has_a_reason(tmp_path, monkeypatch):
    path = packed(tmp_path / "p.zip", "1.jpg", "2.jpg", "3.jpg" * 9 + ".jpg")
    data = bytearray(path.read_bytes())
    # the first byte of the first photo; the second one is marked as encrypted
    data[30 + len("1.jpg")] ^= 255
    data[data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1) + 8] |= 1
    path.write_bytes(data)
    monkeypatch.setattr(module, "LARGEST", 20)
    reasons = []
    for photo in given_photos([path]):
        with pytest.raises(Unreadable) as caught:
            read_file(photo.file)
        reasons.append(caught.value.what)
    assert "cannot be unpacked" in reasons[0]
    assert "encrypted" in reasons[1]
    assert reasons[2].startswith("unpacks to 49 bytes; photos of up to")


def test_a_zip_that_unpacks_to_far_more_is_not_opened(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("1.bmp", bytes(1 << 20))
    assert len(given_photos([tmp_path / "bomb.zip"])) == 1
    monkeypatch.setattr(module, "_SMALL", 1000)
    with pytest.raises(DataError, match=r"bomb\.zip: .* unpack to 1,048,576, more than 100 times"):
        given_photos([tmp_path / "bomb.zip"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.jpg", "nowhere.jpg: no such file or folder; name photos, a folder of them"),
        ("empty.zip", "empty.zip: no photos in this archive"),
        ("fake.zip", "fake.zip: is no zip, or a damaged one"),
        ("photos.tar", "photos.tar: is no tar, or it is damaged"),
        ("none", "none: no photos in this folder"),
    ],
)
def test_what_is_no_place_of_photos_is_one_line(tmp_path, name, words):
    packed(tmp_path / "empty.zip", "x.txt")
    files(tmp_path, "fake.zip", "photos.tar", "none/x.txt")
    with pytest.raises(DataError, match=words):
        given_photos([tmp_path / name])


def test_a_file_after_an_at_sign_lists_photos(tmp_path, monkeypatch):
    monkeypatch.chdir(files(tmp_path, "a/1.jpg", "a/2.jpg", "b 3.jpg", "@4.jpg", "4.jpg"))
    Path("list.txt").write_text("a/2.jpg\nb 3.jpg\n\n")
    assert [str(photo.file) for photo in given_photos(["@list.txt", "a/1.jpg", "@4.jpg"])] == [
        "a/2.jpg",
        "b 3.jpg",
        "a/1.jpg",
        "@4.jpg",
    ]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("@none", "^@none: cannot be read: no such file or directory; @FILE means a list, with"),
        ("@", "^@: cannot be read: is a directory; @FILE means a list"),
        ("@empty.txt", "^@empty.txt: names no photos; write one on each line$"),
        ("@gone.txt", "^gone.txt:3: b.jpg: no such file or folder; name photos"),
        ("@bare.txt", "^bare.txt:1: bare: no photos"),
    ],
)
def test_mistakes_of_lists_name_the_list_and_the_line(word, told, tmp_path, monkeypatch):
    monkeypatch.chdir(files(tmp_path, "a.jpg", "bare/x.txt"))
    Path("empty.txt").write_text("\n \n")
    Path("gone.txt").write_text("a.jpg\n\nb.jpg\n")
    Path("bare.txt").write_text("bare\n")
    with pytest.raises(DataError, match=told):
        given_photos([word])
