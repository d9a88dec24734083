"""Tables of several labels for each photo: names, numbers, and what is neither."""

import pytest

from catdog.data.build.label_table import read_label_table
from catdog.errors import DataError


def table(folder, text):
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def vectors(listing):
    return {photo.name: photo.labels for photo in listing.train}


def test_numbers_are_named_by_the_header(tmp_path):
    text = "file,red,round\na b.jpg,1,0.5\n\nsub/c.jpg, 0 ,-2\na b.jpg,1,1\n"
    listing = read_label_table(table(tmp_path, text), tmp_path / "photos")
    assert listing.classes == ["red", "round"]
    assert vectors(listing) == {"a b.jpg": (1, 0.5), "sub/c.jpg": (0, -2)}
    assert listing.train[1].path == tmp_path / "photos/sub/c.jpg"
    assert listing.skipped == [("a b.jpg", "listed twice")]


def test_names_are_in_order(tmp_path):
    listing = read_label_table(
        table(tmp_path, "image_name,tags\r\n1.jpg,sea boat\r\n2.jpg,\r\n3.jpg,air sea\r\n"), "."
    )
    assert listing.classes == ["air", "boat", "sea"]
    assert vectors(listing) == {"1.jpg": (0, 1, 1), "2.jpg": (0, 0, 0), "3.jpg": (1, 0, 1)}


@pytest.mark.parametrize("sign", ["\t", ";", ","])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_as_programs_write_them(tmp_path, sign, encoding):
    path = tmp_path / "labels.csv"
    text = "file,red,round\r\nä.jpg,1,0\r\n".replace(",", sign)
    path.write_bytes(text.encode(encoding))
    assert vectors(read_label_table(path, ".")) == {"ä.jpg": (1, 0)}


def test_one_number_is_a_vector_of_one(tmp_path):
    listing = read_label_table(table(tmp_path, "file,age\na.jpg,31\n"), ".")
    assert (listing.classes, vectors(listing)) == (["age"], {"a.jpg": (31,)})


def test_the_photos_may_be_in_train(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.jpg").touch()
    listing = read_label_table(table(tmp_path, "file,x\na.jpg,1\n"), tmp_path)
    assert listing.train[0].path == tmp_path / "train/a.jpg"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no photos"),
        ("file,a\n", "names no photos"),
        ("file\nx.jpg\n", "has no labels"),
        ("file,tags\nx.jpg,\n", "has no labels"),
        ("file,a,b\nx.jpg,1\n", "labels.csv:2: 2 columns where the header has 3"),
        ("file,a,b\nx.jpg,1,2\n\ny.jpg,1,no\n", 'labels.csv:4: the label "no" is no number'),
        ("file,a,b\nx.jpg,1,nan\n", 'the label "nan" is no number'),
    ],
)
def test_faults_have_their_line(text, words, tmp_path):
    with pytest.raises(DataError, match=words):
        read_label_table(table(tmp_path, text), tmp_path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read \(No such file"):
        read_label_table(tmp_path / "none.csv", tmp_path)


@pytest.mark.parametrize(("column", "told"), [("012", True), ("01", True), ("125", False)])
def test_one_column_that_may_be_classes(tmp_path, column, told):
    path = table(tmp_path, "file,kind\n" + "".join(f"{n}.jpg,{n}\n" for n in column))
    (note,) = read_label_table(path, ".").notes or [""]
    wanted = f'"kind" is read as a number to learn (0 to {column[-1]}), not as classes; '
    assert note == (f"{wanted}for classes: --list {path}" if told else "")
