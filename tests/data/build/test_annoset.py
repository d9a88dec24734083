"""Photos with boxes to an LMDB: what is stored, which photos are left out, hostile XML."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.build.annoset import convert_annoset
from catdog.data.build.voc_xml import read_voc
from catdog.data.datum import object_rows, parse_annotated
from catdog.data.images import Unreadable
from catdog.data.lmdb_store import Reader
from catdog.errors import DataError
from tools import create_annoset

MAP = 'item { name: "cat" label: 1 } item { name: "dog" label: 2 }'
PART = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"


def voc(*objects: tuple, size: tuple[int, int] = (40, 20)) -> str:
    texts = [
        f"<object><name>{name}</name>{PART}<difficult>{int(difficult)}</difficult><bndbox>"
        f"<xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for name, a, b, c, d, difficult in objects
    ]
    width, height = size
    return (
        f"<annotation><filename>x</filename><size><width>{width}</width><height>{height}</height>"
        f"<depth>3</depth></size>{''.join(texts)}</annotation>"
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "map.prototxt").write_text(MAP)
    image = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    for name in ("a.jpg", "b.png"):
        cv2.imwrite(str(tmp_path / name), image)
    objects = [
        ("dog", 4, 5, 20, 10, True),
        ("cat", 0, 0, 40, 20, False),
        ("dog", 1, 2, 3, 4, False),
    ]
    (tmp_path / "a.xml").write_text(voc(*objects))
    (tmp_path / "b.xml").write_text(voc())
    (tmp_path / "list.txt").write_text("a.jpg a.xml\n\nb.png b.xml\n")
    return tmp_path


def test_what_is_stored(root: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(root)
    create_annoset.main(["list.txt", "out", "--root", str(root), "--label-map", "map.prototxt"])
    assert capsys.readouterr().out == "2 photos with 3 boxes, 1 of them without any\n"
    reader = Reader(root / "out")
    assert reader.keys == [b"00000000_a.jpg", b"00000001_b.png"]
    first, second = map(parse_annotated, (reader.get(0), reader.get(1)))
    assert first.datum.data == (root / "a.jpg").read_bytes() and first.datum.encoded
    want = [
        [2, 0, 0.1, 0.25, 0.5, 0.5, 1],
        [2, 1, 0.025, 0.1, 0.075, 0.2, 0],
        [1, 0, 0, 0, 1, 1, 0],
    ]
    np.testing.assert_allclose(object_rows(first), want, rtol=1e-6)
    assert object_rows(second).shape == (0, 7)
    assert second.HasField("type")
    reader.close()


def test_photos_that_cannot_be_used_are_named(root: Path, capsys) -> None:
    cv2.imwrite(str(root / "gray.png"), np.full((20, 40), 9, np.uint8))
    (root / "broken.jpg").write_bytes(b"no picture")
    (root / "small.xml").write_text(voc(size=(10, 10)))
    (root / "flat.xml").write_text(voc(("cat", 4, 4, 4, 9, False)))
    (root / "text.xml").write_text("hello")
    pairs = ["a.jpg a.xml", "gray.png b.xml", "broken.jpg b.xml", "b.png small.xml"]
    pairs += ["b.png flat.xml", "b.png text.xml", "b.png none.xml"]
    (root / "list.txt").write_text("\n".join(pairs))
    words = [str(root / "list.txt"), str(root / "out"), "--root", str(root)]
    create_annoset.main([*words, "--label-map", str(root / "map.prototxt"), "--shuffle"])
    told = capsys.readouterr()
    assert told.out.startswith("2 photos with 3 boxes")
    for part in ("broken.jpg: ", "picture of 10 x 10, this one has 40 x 20", "has no area"):
        assert part in told.err
    assert "text.xml: is no XML" in told.err and "none.xml: no such file" in told.err
    assert len(told.err.splitlines()) == 5
    reader = Reader(root / "out")
    stored = [parse_annotated(reader.get(i)).datum.data for i in range(2)]
    pixels = [cv2.imdecode(np.frombuffer(d, np.uint8), cv2.IMREAD_UNCHANGED) for d in stored]
    assert {each.shape for each in pixels} == {(20, 40, 3)}
    reader.close()


def test_a_turned_photo_is_left_out(root: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(root / "b.png").save(root / "b.jpg", exif=exif, quality=95)
    (root / "list.txt").write_text("a.jpg a.xml\nb.jpg b.xml\n")
    done = convert_annoset(
        root / "list.txt", root / "out", root / "map.prototxt", root=root, seed=1
    )
    assert [tuple(each) for each in done.skipped] == [
        ("b.jpg", "its EXIF orientation turns it: store it upright")
    ]


@pytest.mark.parametrize(
    ("listed", "xml", "words"),
    [
        ("a.jpg a.xml", voc(("cow", 1, 1, 5, 5, False)), "an object 'cow', which"),
        ("a.jpg", None, '"a.jpg" names one file'),
        ("", None, "names no photos"),
        ("c.jpg a.xml", None, "none of 1 can be read"),
    ],
)
def test_what_ends_a_conversion(root: Path, listed: str, xml: str | None, words: str) -> None:
    (root / "list.txt").write_text(listed)
    if xml:
        (root / "a.xml").write_text(xml)
    with pytest.raises(DataError) as caught:
        convert_annoset(root / "list.txt", root / "out", root / "map.prototxt", root=root)
    assert words in str(caught.value)
    assert not (root / "out").exists()


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    "<annotation><object><name>&b;</name></object></annotation>"
)
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>'


def test_an_encoding_that_nobody_knows_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="cannot be read: unknown encoding: none-such"):
        read_voc(b'<?xml version="1.0" encoding="none-such"?><annotation/>', "x.xml")


def test_boxes_beyond_their_photo_are_told(root: Path, capsys) -> None:
    (root / "b.xml").write_text(voc(("cat", 0, 0, 41, 20, False), ("dog", 1, 1, 90, 9, False)))
    words = [root / "list.txt", root / "out", "--root", root, "--label-map", root / "map.prototxt"]
    create_annoset.main([*map(str, words)])
    told = capsys.readouterr()
    assert told.err == "boxes reach beyond b.png; they are stored as they are\n"
    assert told.out.startswith("2 photos with 5 boxes")


def test_labels_below_zero_are_none(root: Path) -> None:
    (root / "map.prototxt").write_text('item { name: "cat" label: -1 }')
    with pytest.raises(DataError, match='has the label -1 for "cat"; count classes from 1'):
        convert_annoset(root / "list.txt", root / "out", root / "map.prototxt", root=root)


@pytest.mark.parametrize("text", [BOMB, FILE])
def test_entities_are_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="has a DOCTYPE"):
        read_voc(text.encode(), "x.xml")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_anything_else_is_unreadable_or_empty(data: bytes) -> None:
    for content in (data, b"<annotation><object>" + data + b"</object></annotation>"):
        try:
            assert read_voc(content, "x").objects is not None
        except Unreadable as error:
            assert error.what


@pytest.mark.parametrize("corner", ["nan", "inf", "x"])
def test_a_corner_that_is_no_number(corner: str) -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        read_voc(voc(("cat", 1, 1, corner, 5, False)).encode(), "x.xml")
