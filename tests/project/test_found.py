"""Which photos are found, in which layout, and what is refused in one line."""

import zipfile
from pathlib import Path

import pytest

from catdog.errors import DataError
from catdog.project.found import find, remarks
from catdog.project.look import described, look
from catdog.project.part import write_part
from catdog.project.unpacking import is_packed, unpack
from tests.project.photos import write_photo, write_photos


def test_a_folder_for_each_class(tmp_path):
    found = find(write_photos(tmp_path))
    assert (found.classes, found.count, found.counts()) == (["ant", "bee", "cow"], 36, [12] * 3)
    assert found.training == 30
    assert remarks(found) == []


def test_a_list_file_and_a_table_of_labels(tmp_path):
    write_photos(tmp_path / "images")
    names = [f"images/{c}/{n}.png" for c in ("ant", "bee") for n in range(12)]
    listed = tmp_path / "list.csv"
    listed.write_text("file,class\n" + "".join(f"{n},{n.split('/')[1]}\n" for n in names))
    found = find(listed)
    assert (found.several, found.classes, found.count) == (False, ["ant", "bee"], 24)
    # one list in a folder without classes of its own is meant
    for path in list((tmp_path / "images").glob("*/*.png")):
        path.rename(tmp_path / f"{path.parent.name}-{path.stem}x.png")
    table = tmp_path / "labels.csv"
    table.write_text("file,small,wild\n" + "".join(f"{n},{k % 2},1\n" for k, n in enumerate(names)))
    found = find(table)
    assert (found.several, found.classes, found.counts()) == (True, ["small", "wild"], [12, 24])


def test_numbers_to_learn_are_no_labels(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("file,age,height\n" + "".join(f"{n}.png,{n},1.7\n" for n in range(30)))
    with pytest.raises(DataError, match=r"table\.csv: labels are numbers such as 1\.7, not 0 or 1"):
        find(table)


@pytest.mark.parametrize(
    ("classes", "count", "told"),
    [
        (("ant", "bee"), 9, r"classes with fewer than 10 photos: ant \(9\), bee \(9\); add photos"),
        (("ant",), 12, "one class only, ant"),
        ((), 0, "no photos in this folder"),
    ],
)
def test_too_little_is_one_line(classes, count, told, tmp_path):
    write_photos(tmp_path, classes, count)
    with pytest.raises(DataError, match=told) as caught:
        find(tmp_path)
    assert "\n" not in str(caught.value)


def test_uneven_classes_are_told(tmp_path):
    write_photos(tmp_path, ("ant", "bee"), 10)
    for number in range(10, 40):
        write_photo(tmp_path / "ant" / f"{number}.png", 0, number)
    assert remarks(find(tmp_path)) == [
        "uneven classes: 40 photos of ant, 10 of bee; the accuracy is that of all photos, so look "
        "at the recall of each class"
    ]


def test_classes_with_names_alike_are_told(tmp_path):
    (line,) = remarks(find(write_photos(tmp_path, ("Zebra", "ZEBRA"))))
    assert line.startswith('classes whose names are nearly the same: "ZEBRA", "Zebra"; if they are')


def test_a_look_tells_sizes_and_odd_files(tmp_path):
    write_photos(tmp_path)
    (tmp_path / "ant/broken.png").write_bytes(b"nothing")
    (tmp_path / "ant/notes.doc").touch()
    found = find(tmp_path)
    lines = described(found, look(found.photos))
    assert lines[0] == "a folder for each class: 37 photos, 3 classes"
    assert "36 of them looked at: 24x20 pixels in the middle, sides of 20 to 24" in lines[4]
    assert lines[5].startswith("cannot be read, and left out: ant/broken.png (")
    assert lines[6] == "left out: ant/notes.doc (not a picture by its name)"
    sparse = look(found.photos, 10)
    assert 8 <= sparse.seen <= 10


@pytest.mark.parametrize(("count", "each"), [(18, 6), (12, 4), (24, 8)])
def test_a_part_has_as_many_of_each_class(count, each, tmp_path):
    found = find(write_photos(tmp_path / "photos"))
    assert write_part(found, count, tmp_path) == ["--list", "photos.csv"]
    lines = (tmp_path / "photos.csv").read_text().splitlines()
    assert lines[:2] == ["file,class", "ant/0.png,ant"]
    assert [sum(line.endswith(name) for line in lines) for name in found.classes] == [each] * 3


def zipped(folder: Path, *names: str) -> Path:
    path = folder / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return path


def test_a_zip_is_unpacked_without_what_is_no_photo(tmp_path):
    path = zipped(tmp_path, "a/1.jpg", "../../b/2.jpg", "/c/3.jpg", "__MACOSX/4.jpg", "run.sh")
    assert is_packed(path)
    unpack(path, tmp_path / "out/photos")
    made = [p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file() and p != path]
    assert sorted(map(str, made)) == [f"out/photos/{n}" for n in ("a/1.jpg", "b/2.jpg", "c/3.jpg")]


def test_a_zip_without_photos(tmp_path):
    with pytest.raises(DataError, match="no photos in this archive"):
        unpack(zipped(tmp_path, "a.txt"), tmp_path / "photos")
    assert not (tmp_path / "photos").exists()


@pytest.mark.parametrize(
    "row", ["{label},{file}", "{file};{label}", '"1","{file}","{label}"', '"{file}","{label}"']
)
def test_tables_of_classes_are_no_tables_of_several_labels(row, tmp_path):
    table = tmp_path / "list.csv"
    head = row.replace("1", "").format(file="file", label="label")
    names = [f"a photo {n}.png" for n in range(24)]
    lines = [row.format(file=name, label="ant" if n % 2 else "bee") for n, name in enumerate(names)]
    table.write_text("\n".join([head, *lines]))
    found = find(table)
    assert (found.several, found.classes, found.counts()) == (False, ["ant", "bee"], [12, 12])
