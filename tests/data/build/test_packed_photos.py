"""Photos in zips and tars, on disk and at addresses: as if they were unpacked."""

import contextlib
import gzip
import io
import json
import tarfile
import zipfile

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.build import dataset as datasets
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.packed_photos import find_packed, packed_places
from catdog.data.images import Unreadable, read_file
from catdog.data.shards import open_records
from catdog.errors import CatdogError, DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from tests.pictures import encoded, picture, save_all
from tests.web import served

RECIPE = DatasetParameter(width=8, height=8, validation_every=4)
PHOTOS = {
    f"{part}/{name}/{n}.png": encoded(picture(9, 9, n), ".png")
    for part, count in (("train", 6), ("val", 2))
    for name in ("cat", "dog")
    for n in range(count)
} | {
    "train/dog/notes.txt": b"not a photo",
    "train/dog/broken.png": b"damaged",
    "train/.hidden/1.png": b"passed over",
    "train/cat/more/1.png": encoded(picture(9, 9, 40), ".png"),
}


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in reversed(files):
            file.writestr(name, files[name])
    return path


def tar_of(files, above=""):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(above + name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def tarred(path, files, above="./"):
    path.write_bytes(tar_of(files, above))
    return path


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The same photos as files, in archives, at addresses."""
    folder = tmp_path_factory.mktemp("packed")
    save_all(folder / "photos", PHOTOS)
    zipped(folder / "photos.zip", PHOTOS)
    tarred(folder / "photos.tar", PHOTOS)
    memory = fsspec.filesystem("memory")
    for name, data in PHOTOS.items():
        memory.pipe(f"/photos/{name}", data)
    memory.pipe("/photos.zip", (folder / "photos.zip").read_bytes())
    with served(folder) as address:
        yield {
            "photos": str(folder / "photos"),
            "zip": str(folder / "photos.zip"),
            "tar": str(folder / "photos.tar"),
            "memory": "memory://photos",
            "memory zip": "memory://photos.zip",
            "http zip": f"{address}/photos.zip",
            "http tar": f"{address}/photos.tar",
        }


def listed(photos):
    return [(photo.name, photo.label, read_file(photo.file)) for photo in photos or ()]


@pytest.mark.parametrize("kind", ["zip", "tar", "memory", "memory zip", "http zip", "http tar"])
def test_photos_are_those_of_the_folder(places, kind):
    found, expected = find_packed(packed_places(places[kind])), find_photos(places["photos"])
    assert listed(found.train) == listed(expected.train)
    assert listed(found.validation) == listed(expected.validation)
    assert found.skipped == expected.skipped
    assert (found.layout, found.classes) == (expected.layout, expected.classes)


@pytest.mark.parametrize("kind", ["zip", "http tar"])
def test_records_are_those_of_the_folder(places, kind, tmp_path):
    for name, data in (("packed", places[kind]), ("files", places["photos"])):
        report = datasets.create(data, tmp_path / name, RECIPE)
        assert report.dataset.count.skipped == 2
        assert (
            "broken.png,not a picture that can be decoded"
            in (tmp_path / name / "skipped.csv").read_text()
        )
    for part in ("train_lmdb", "validation_lmdb"):
        packed, files = (open_records(tmp_path / name / part) for name in ("packed", "files"))
        with packed, files:
            assert list(packed.items()) == list(files.items())


def test_a_damaged_member_is_skipped(places, tmp_path):
    data = bytearray((tmp_path / places["zip"]).read_bytes())
    with zipfile.ZipFile(places["zip"]) as file:
        at = file.getinfo("train/cat/1.png").header_offset
    data[at + 60] ^= 255
    (tmp_path / "damaged.zip").write_bytes(data)
    datasets.create(tmp_path / "damaged.zip", tmp_path / "out", RECIPE)
    assert "cat/1.png,cannot be unpacked" in (tmp_path / "out/skipped.csv").read_text()


WEB = {
    **{f"a/{n:03d}.jpg": encoded(picture(9, 9, n), ".png") for n in range(6)},
    **{f"a/{n:03d}.cls": str(n % 2).encode() for n in range(4)},
    "a/004.json": json.dumps({"label": 1, "caption": "a dog"}).encode(),
    # .cls counts before .json
    "a/003.json": b'{"cls": 0}',
    "a/005.txt": b"a caption",
    "b.seg.png": b"no photo of its own",
    "b.cls": b"0",
    "c.png": encoded(picture(9, 9, 50), ".png"),
    "c.cls": b"\xff",
    "d.png": encoded(picture(9, 9, 51), ".png"),
    "d.json": b"{no json",
    "e.png": encoded(picture(9, 9, 52), ".png"),
    "e.json": b'{"caption": "x"}',
}


def test_webdatasets_tars(tmp_path):
    tarred(tmp_path / "web-00.tar", WEB, above="")
    tarred(
        tmp_path / "web-01.tar",
        {"x.png": encoded(picture(9, 9, 9), ".png"), "x.cls": b"1\n"},
        above="",
    )
    for data in ("web-{00..01}.tar", "web-*.tar"):
        found = find_packed(packed_places(f"{tmp_path}/{data}"))
        names = [f"web-00/a/{n:03d}.jpg" for n in range(5)] + ["web-01/x.png"]
        assert [photo.name for photo in found.train] == names
        assert [photo.label for photo in found.train] == [0, 1, 0, 1, 1, 1]
        assert [read_file(photo.file) for photo in found.train][:5] == list(WEB.values())[:5]
        assert dict(found.skipped) == {
            "web-00/a/005.jpg": "no .cls or .json beside it",
            "web-00/c.png": "its .cls: is no text",
            "web-00/d.png": "its .json: is no JSON",
            "web-00/e.png": "its .json: no label in it",
        }
    with served(tmp_path) as address:
        datasets.create(f"{address}/web-{{00..01}}.tar", tmp_path / "out", RECIPE)
        assert datasets.create(f"{address}/web-00.tar", tmp_path / "one", RECIPE)
    with open_records(tmp_path / "out/train_lmdb") as records:
        assert all(key[9:].startswith(b"web-0") for key in records.keys)


def test_names_as_labels(tmp_path):
    files = {
        "1.png": encoded(picture(), ".png"),
        "1.cls": b"dog",
        "2.png": encoded(picture(), ".png"),
        "2.cls": b"cat",
    }
    found = find_packed([str(tarred(tmp_path / "w.tar", files, above=""))])
    assert (found.classes, [photo.label for photo in found.train]) == (["cat", "dog"], [1, 0])


@pytest.mark.parametrize("label", ["null", "[1]", "true", "0.5", '{"a": 1}', '""'])
def test_a_tar_of_no_labels_says_why_the_first_photo_has_none(tmp_path, label):
    files = {"1.png": encoded(picture(), ".png"), "1.json": f'{{"label": {label}}}'.encode()}
    said = r"no photo with a label that can be read; w/1.png: its .json: no label in it"
    with pytest.raises(DataError, match=said):
        find_packed([str(tarred(tmp_path / "w.tar", files, above=""))])


WHOLE = tar_of({"a.png": b"x" * 600, "a.cls": b"0", "b.png": b"y", "b.cls": b"1"})


def wrong(tmp_path):
    """Places that cannot be read, each with what is said of it."""
    tar = tarred(tmp_path / "whole.tar", PHOTOS).read_bytes()
    (tmp_path / "cut.tar").write_bytes(tar[: len(tar) // 2 + 700])
    (tmp_path / "small.tar.gz").write_bytes(gzip.compress(tar))
    (tmp_path / "no.tar").write_bytes(b"no tar" * 200)
    (tmp_path / "no.zip").write_bytes(b"no zip" * 200)
    locked = zipped(tmp_path / "locked.zip", {"cat.1.png": b"x", "dog.1.png": b"y"})
    data = bytearray(locked.read_bytes())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + place] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    tarred(tmp_path / "gap.tar", {"1.png": b"x", "1.cls": b"7"}, above="")
    tarred(tmp_path / "none.tar", {"1.txt": b"x"}, above="")
    return {
        "cut.tar": "is no tar, or it is damaged or cut off",
        "no.tar": "is no tar, or it is damaged",
        "no.zip": "is no zip",
        "small.tar.gz": "is a compressed tar",
        "locked.zip": "is encrypted: its photos need a password",
        "missing.tar": "no such file",
        "missing-*.tar": "no file has such a name",
        "gap.tar": r"labels are not 0 .. C-1; found 7",
        "none.tar": "no photos in this folder",
    }


def test_what_cannot_be_read_is_one_line(tmp_path):
    for name, what in wrong(tmp_path).items():
        with pytest.raises(DataError, match=what) as caught:
            datasets.create(tmp_path / name, tmp_path / "out", RECIPE)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()


def test_addresses_that_cannot_be_read(tmp_path):
    zipped(tmp_path / "photos.zip", PHOTOS)
    tarred(tmp_path / "photos.tar", PHOTOS)
    tarred(tmp_path / "large.tar", {f"{n}.png": bytes(4 << 20) for n in range(3)})
    with served(tmp_path, ranges=False) as address:
        cases = {
            f"{address}/missing.tar": "missing.tar: no such file",
            f"{address}/missing.zip": "missing.zip: no such file",
            f"{address}/large.tar": "large.tar: .* does not give parts of files",
            "http://127.0.0.1:9/photos.tar": "cannot be fetched .*onnect",
            "nothing://photos.tar": "no such address",
            "s3://bucket/photos-*.tar": r"s3fs.*catdog-torch\[remote\]",
            "memory://nothing-*.tar": "no file has such a name",
        }
        for place, what in cases.items():
            with pytest.raises(CatdogError, match=what):
                datasets.create(place, tmp_path / "out", RECIPE)
        tar = packed_places(f"{address}/photos.tar")
        with pytest.raises(DataError, match="parts of files"):
            read_file(find_packed(tar).train[0].file)


def test_a_list_names_files_of_a_folder(places, tmp_path):
    files = datasets.LabelFiles(train=tmp_path / "list.txt")
    with pytest.raises(DataError, match="these photos are packed"):
        datasets.create(places["zip"], tmp_path / "out", RECIPE, files=files)


@given(st.integers(0, 10_000), st.binary(max_size=8))
def test_a_tar_with_anything_in_it_is_read_or_refused(at, garbage):
    data = bytearray(WHOLE)
    at %= len(data)
    data[at : at + len(garbage)] = garbage
    for content in (bytes(data), bytes(data[:at])):
        memory = fsspec.filesystem("memory")
        memory.pipe("/anything.tar", content)
        with contextlib.suppress(DataError):
            for photo in find_packed(["memory://anything.tar"]).train:
                with contextlib.suppress(Unreadable):
                    read_file(photo.file)
