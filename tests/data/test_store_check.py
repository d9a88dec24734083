"""Every record that is not what was written is named by its key."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.checksums import CHECKSUMS, Checksums, RecordLine, read_checksums
from catdog.data.lmdb_store import Reader, Writer
from catdog.data.store_check import check_store
from catdog.data.store_names import shard_name
from catdog.errors import CatdogError
from tools import check

GOLDEN = Path(__file__).parents[1] / "goldens" / "formats" / "lmdb_raw"
#: Keys of pictures whose names are no UTF-8, or have what CSV uses for itself.
KEYS = [b"00000000_\xff\xe9.jpg", b'00000001_a,"b".jpg', b"00000002_a\nb\r.jpg", b"00000003_c"]


def store(path):
    with closing(Writer(path)) as writer:
        writer.put([(key, bytes([number]) * 5000) for number, key in enumerate(KEYS)])
    return path


def flip(path, number):
    data = bytearray((path / "data.mdb").read_bytes())
    data[data.find(bytes([number]) * 5000) + 999] ^= 4
    (path / "data.mdb").write_bytes(data)


def test_whole_ones_and_damaged_ones(tmp_path, capsys):
    path = store(tmp_path / "train_lmdb")
    check.main([str(path)])
    assert "train_lmdb: 4 records, by their checksums: all whole\n" in capsys.readouterr().out
    flip(path, 1)
    flip(path, 3)
    with pytest.raises(CatdogError, match="records are damaged; build it again"):
        check.main([str(tmp_path)])
    shown = capsys.readouterr().out
    assert '4 records, by their checksums: 2 damaged\n  00000001_a,"b".jpg was changed\n' in shown
    assert "  00000003_c was changed\n" in shown


@pytest.mark.parametrize("name", ["many", "many/shard-{00000..00002}", "list.txt"])
def test_whole_shards_have_a_line_together(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("many\n")
    for number in range(3):
        store(Path("many") / shard_name(number))
    check.main([name])
    whole = "many: 12 records in 3 shards, by their checksums: all whole\n"
    assert capsys.readouterr().out == whole
    flip(Path("many") / shard_name(1), 1)
    with pytest.raises(CatdogError, match="records are damaged"):
        check.main([name])
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first == "many: 8 records in 2 shards, by their checksums: all whole"
    assert second == "many/shard-00001: 4 records, by their checksums: 1 damaged"


def test_records_that_are_missing_or_more(tmp_path):
    path, other = store(tmp_path / "a"), tmp_path / "b"
    with closing(Writer(other)) as writer:
        writer.put([(KEYS[0], bytes(5000)), (b"more", b"x")])
    (path / CHECKSUMS).replace(other / CHECKSUMS)
    (report,) = check_store(other)
    assert report.damaged[1:] == [
        "00000002_a\nb\r.jpg is missing",
        "00000003_c is missing",
        "1 record of no checksum",
    ]


def test_those_of_another_tool_are_decoded(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "db")
    (report,) = check_store(tmp_path / "db")
    assert str(report).endswith("12 records, decoded, as they have no checksums: all whole")
    with closing(Writer(tmp_path / "bad")) as writer:
        writer.put([(b"one", b"\xff\xff")])
    (tmp_path / "bad" / CHECKSUMS).unlink()
    (report,) = check_store(tmp_path / "bad")
    assert [line.partition(":")[0] for line in report.damaged] == ["one"]


def test_many_are_counted(tmp_path):
    with closing(Writer(tmp_path / "db")) as writer:
        writer.put([(b"%03d" % number, b"x") for number in range(30)])
    text = (tmp_path / "db" / CHECKSUMS).read_text().replace(",", ",0")
    (tmp_path / "db" / CHECKSUMS).write_text(text)
    (report,) = check_store(tmp_path / "db")
    assert str(report).splitlines()[-1] == "  and 20 more"


@given(keys=st.lists(st.binary(min_size=1, max_size=50)), more=st.text(max_size=5))
def test_any_key_comes_back(tmp_path_factory, keys, more):
    folder = tmp_path_factory.mktemp("table")
    lines = [RecordLine(key, "01234567", (more,)) for key in keys]
    with closing(Checksums(folder)) as table:
        table.write(lines)
    assert list(read_checksums(folder)) == lines


def test_a_table_of_an_lmdb_is_what_python_computes(tmp_path):
    import zlib

    path = store(tmp_path / "db")
    with Reader(path) as reader:
        expected = [
            RecordLine(key, f"{zlib.crc32(value):08x}", ()) for key, value in reader.items()
        ]
    assert list(read_checksums(path)) == expected
