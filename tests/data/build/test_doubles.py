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
