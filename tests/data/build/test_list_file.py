"""Labels from list files."""

import pytest

from catdog.data.build.list_file import read_list, read_numbered
from catdog.errors import DataError


def labels(listing):
    return {photo.name: listing.classes[photo.label] for photo in listing.train}


def test_list_files(tmp_path):
    (tmp_path / "list").write_text("a b.jpg dog\n\nc.jpg cat\r\nc.jpg cat\n", encoding="utf-8")
    listing = read_list(tmp_path / "list", "photos")
    assert labels(listing) == {"a b.jpg": "dog", "c.jpg": "cat"}
    assert [photo.path.parent.name for photo in listing.train] == ["photos"] * 2
    assert listing.skipped == [("c.jpg", "listed twice")]
    (tmp_path / "later").write_text("d.jpg cat\n")
    assert read_list(tmp_path / "list", validation=tmp_path / "later").validation[0].label == 0


def test_numbered_lists(tmp_path):
    (tmp_path / "list").write_text("a.jpg 1\nb.jpg 0\n")
    (tmp_path / "names").write_text("cat\ndog\n\n")
    assert labels(read_list(tmp_path / "list")) == {"a.jpg": "1", "b.jpg": "0"}
    named = read_list(tmp_path / "list", labels=tmp_path / "names")
    assert labels(named) == {"a.jpg": "dog", "b.jpg": "cat"}
    assert [photo.label for photo in named.train] == [1, 0]


@pytest.mark.parametrize("numbers", ["1 2", "0 2", "0 -1", "0 cat"])
def test_labels_that_are_not_counted_from_zero(numbers, tmp_path):
    text = "".join(f"{i}.jpg {label}\n" for i, label in enumerate(numbers.split()))
    (tmp_path / "list").write_text(text)
    with pytest.raises(DataError, match=r"labels are not 0 \.\. C-1; found") as caught:
        read_list(tmp_path / "list")
    assert all(label in str(caught.value) for label in numbers.split())


def test_faults_of_lists(tmp_path):
    with pytest.raises(DataError, match="cannot read the list"):
        read_list(tmp_path / "missing")
    (tmp_path / "list").write_text("a.jpg 0\nb.jpg\n")
    with pytest.raises(DataError, match="list:2: no label"):
        read_list(tmp_path / "list")
    (tmp_path / "list").write_text("\n")
    with pytest.raises(DataError, match="the list is empty"):
        read_list(tmp_path / "list")
    (tmp_path / "list").write_text("a.jpg 5\nb.jpg x\n")
    with pytest.raises(DataError, match='entry 2: the label "x" is no number'):
        read_numbered(tmp_path / "list", "./")
