"""Pictures that stand in several parts."""

from catdog.data.build.doubles import Doubles
from catdog.data.build.split import TEST, TRAIN, VALIDATION


def test_what_parts_have_in_common():
    doubles = Doubles()
    for part, digest, name in [
        (VALIDATION, b"1", "a.jpg"),
        (TRAIN, b"2", "b.jpg"),
        (TRAIN, b"1", "c.jpg"),
        (TRAIN, b"1", "d.jpg"),
        (TEST, b"3", "e.jpg"),
    ]:
        doubles.add(part, digest, name)
    (line,) = doubles.lines()
    assert line.startswith("1 picture stands in train and validation alike, such as c.jpg and a.jp")
    doubles.add(TEST, b"1", "f.jpg")
    doubles.add(TEST, b"2", "g.jpg")
    assert [line.split(", ")[0] for line in doubles.lines()] == [
        "1 picture stands in train and validation alike",
        "2 pictures stand in train and test alike",
        "1 picture stands in validation and test alike",
    ]


def test_one_picture_in_two_classes():
    doubles = Doubles()
    for digest, name, label in [(b"1", "a/1.jpg", 0), (b"2", "a/2.jpg", 0), (b"2", "a/3.jpg", 0)]:
        doubles.add(TRAIN, digest, name, label)
    assert list(doubles.lines()) == []
    doubles.add(TRAIN, b"1", "b/4.jpg", 1)
    assert list(doubles.lines()) == [
        "1 picture is there more than once, with different labels, such as a/1.jpg and b/4.jpg: "
        "one of them is wrong"
    ]
