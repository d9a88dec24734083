"""Labels from list files."""

import time

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
    (tmp_path / "list").write_text("a.jpg 0\n")
    with pytest.raises(DataError, match="cannot read the list"):
        read_list(tmp_path / "list", labels=tmp_path / "missing")


@pytest.mark.parametrize("label", ["x", "4294967299", "2147483648", "-2147483649", "1" * 9999])
def test_labels_that_no_datum_can_hold(tmp_path, label):
    (tmp_path / "list").write_text(f"a.jpg -2147483648\n\nb.jpg {label}\n")
    with pytest.raises(
        DataError, match=f'list:3: the label "{label[:20]}" is no whole number of 32'
    ):
        read_numbered(tmp_path / "list", "./")


@pytest.mark.parametrize("label", ["20160301", "4294967299", "300000000", "1" * 9999])
def test_a_label_is_no_number_to_count_up_to(tmp_path, label):
    (tmp_path / "list").write_text(f"a.jpg 0\nb.jpg {label}\n")
    began = time.perf_counter()
    with pytest.raises(DataError, match=rf"labels are not 0 \.\. C-1; found 0, {label[:20]}"):
        read_list(tmp_path / "list")
    assert time.perf_counter() - began < 1


def test_labels_that_are_measurements(tmp_path):
    (tmp_path / "list").write_text("".join(f"{n}.jpg {n / 7:.3f}\n" for n in range(30)))
    with pytest.raises(DataError, match="labels are no classes: 30 names, most of them of one"):
        read_list(tmp_path / "list")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_lists_as_windows_writes_them(tmp_path, encoding):
    mark = "\ufeff" if encoding[-3:] in ("-le", "-be") else ""
    text = f"{mark}ä b.jpg 0\r\nc.jpg 1\r\n"
    (tmp_path / "list").write_bytes(text.encode(encoding))
    (tmp_path / "names").write_bytes(f"{mark}große Katze\r\nHund\r\n".encode(encoding))
    listing = read_list(tmp_path / "list", labels=tmp_path / "names")
    assert labels(listing) == {"ä b.jpg": "große Katze", "c.jpg": "Hund"}
    assert [photo.name for photo in read_numbered(tmp_path / "list", "")] == ["ä b.jpg", "c.jpg"]


def test_a_tab_divides(tmp_path):
    (tmp_path / "list").write_text("a b.jpg\tgreat dane\nc.jpg \t cat \n")
    assert labels(read_list(tmp_path / "list")) == {"a b.jpg": "great dane", "c.jpg": "cat"}
    (tmp_path / "list").write_text("a b.jpg\t1\nc.jpg  -3\n")
    assert [(p.name, p.label) for p in read_numbered(tmp_path / "list", "")] == [
        ("a b.jpg", 1),
        ("c.jpg", -3),
    ]


def test_a_list_in_half_of_utf_16(tmp_path):
    (tmp_path / "list").write_bytes("a.jpg 1".encode("utf-16") + b"x")
    with pytest.raises(DataError, match="is no text, not a list"):
        read_list(tmp_path / "list")


@pytest.mark.parametrize("header", ["filename,label", "id class", "Image\tLabel"])
def test_a_header_is_no_class(tmp_path, header):
    (tmp_path / "list").write_text(f"{header}\na b.jpg, cat\nc.jpg,dog\nd.jpg dog\n")
    listing = read_list(tmp_path / "list")
    assert labels(listing) == {"a b.jpg": "cat", "c.jpg": "dog", "d.jpg": "dog"}
    (note,) = listing.notes
    assert note.startswith(f"{tmp_path / 'list'}:1: taken for a header: ")


def test_a_first_line_that_is_no_header(tmp_path):
    (tmp_path / "list").write_text("image label\nid.jpg cat\n")
    assert labels(read_list(tmp_path / "list")) == {"id.jpg": "cat"}
    (tmp_path / "list").write_text("id.jpg class\nimage cat\n")
    listing = read_list(tmp_path / "list")
    assert labels(listing) == {"id.jpg": "class", "image": "cat"} and not listing.notes


@pytest.mark.parametrize("name", ["photos.csv", "photos.lst"])
@pytest.mark.parametrize(
    "text",
    [
        '"file","label"\n"a, b.jpg","cat"\n"c ""d"".jpg","great dane"\n',
        '"","file","label"\n"1","a, b.jpg","cat"\n"2","c ""d"".jpg","great dane"\n',
        'label,file\ncat,"a, b.jpg"\n"great dane","c ""d"".jpg"\n',
        'file;label\na, b.jpg;cat\n"c ""d"".jpg";great dane\n',
    ],
)
def test_tables_of_everyday_programs(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    listing = read_list(tmp_path / name)
    assert labels(listing) == {"a, b.jpg": "cat", 'c "d".jpg': "great dane"}
    assert listing.notes[0].endswith("taken for a header: file, label")


def test_a_comma_in_a_name_without_quotes(tmp_path):
    (tmp_path / "a.csv").write_text("a, b.jpg,cat\nc.jpg,dog\n")
    assert labels(read_list(tmp_path / "a.csv")) == {"a, b.jpg": "cat", "c.jpg": "dog"}
    (tmp_path / "a.csv").write_text("a b.jpg cat\nc.jpg dog\n")
    assert labels(read_list(tmp_path / "a.csv")) == {"a b.jpg": "cat", "c.jpg": "dog"}
    (tmp_path / "a.csv").write_text("\nc.jpg,dog\nd.jpg\n")
    with pytest.raises(DataError, match=r"a\.csv:3: no label; write `path,label`"):
        read_list(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["list.csv", "list"])
def test_a_photo_without_a_label_is_skipped(name, tmp_path):
    (tmp_path / name).write_text("file,label\na.jpg,cat\nb.jpg,\nc.jpg,dog\n")
    listing = read_list(tmp_path / name)
    assert labels(listing) == {"a.jpg": "cat", "c.jpg": "dog"}
    assert listing.skipped == [("b.jpg", "no label in line 3")]
    (tmp_path / name).write_text("file,label\nb.jpg,\n")
    with pytest.raises(DataError, match="no photo has a label"):
        read_list(tmp_path / name)


def test_contradicting_labels_leave_a_photo_out(tmp_path):
    (tmp_path / "list").write_text("a.jpg cat\nb.jpg dog\nc.jpg dog\na.jpg dog\nb.jpg dog\n")
    listing = read_list(tmp_path / "list")
    assert labels(listing) == {"b.jpg": "dog", "c.jpg": "dog"}
    assert listing.skipped == [
        ("a.jpg", "listed with labels that contradict each other: cat, dog"),
        ("b.jpg", "listed twice"),
    ]


@pytest.mark.parametrize("text", [",", ";;\n", '""', "\n\t\n", '"","",\n'])
@pytest.mark.parametrize("name", ["list.csv", "list"])
def test_a_table_of_nothing_is_one_line(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=r"is empty|no label|no photo has a label"):
        read_list(tmp_path / name)
