"""LMDBs: what Caffe wrote, what we write, and folders that are none."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmdb
import pytest

from catdog.data.lmdb_store import MAX_KEY, Reader, Writer, as_typed_here, key
from catdog.errors import DataError

GOLDEN = Path(__file__).parents[1] / "goldens" / "formats" / "lmdb_raw"


def write(path, count=20, size=10):
    writer = Writer(path, map_size=1 << 16)
    writer.put([(key(number, "x"), bytes([number]) * size) for number in range(count)])
    writer.close()
    return path


def test_order_position_and_key(tmp_path):
    with Reader(write(tmp_path / "db")) as reader:
        assert len(reader) == 20
        assert list(reader.keys) == [key(number, "x") for number in range(20)]
        assert reader.first() == bytes(10)
        assert reader.get_many([3, 1]) == [b"\3" * 10, b"\1" * 10]
        assert [value for _, value in reader.items()] == list(reader)
        with pytest.raises(DataError, match='no key "nothing"'):
            reader.by_keys([b"nothing"])


def test_the_map_grows_by_itself(tmp_path):
    with Reader(write(tmp_path / "db", size=100_000)) as reader:
        assert len(reader.get(19)) == 100_000
        assert len(reader) == 20


def test_needs_no_lock_file_and_no_right_to_write(tmp_path):
    path = tmp_path / "db"
    shutil.copytree(GOLDEN, path)
    (path / "data.mdb").chmod(0o400)
    path.chmod(0o500)
    with Reader(path) as reader:
        assert len(reader) == 12
    assert [file.name for file in path.iterdir()] == ["data.mdb"]
    path.chmod(0o700)


def test_two_readers_of_one_lmdb(tmp_path):
    path = write(tmp_path / "db")
    first, second = Reader(path), Reader(path)
    first.close()
    first.close()
    assert second.get(4) == b"\4" * 10
    second.close()


def test_reads_from_many_threads(tmp_path):
    with Reader(write(tmp_path / "db")) as reader, ThreadPoolExecutor(8) as pool:
        values = list(pool.map(reader.get, list(range(20)) * 20))
    assert values == [bytes([number]) * 10 for number in range(20)] * 20


def test_what_is_no_lmdb_is_named(tmp_path):
    cases = {"missing": "no such LMDB", "plain": "no LMDB in this folder", "level": "LevelDB"}
    cases |= {"file": "a file, not the folder", "broken": "is damaged", "empty": "is empty"}
    for name in ("plain", "level", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "level" / "CURRENT").touch()
    (tmp_path / "file").touch()
    (tmp_path / "broken" / "data.mdb").write_bytes(b"damaged" * 2000)
    lmdb.open(str(tmp_path / "empty")).close()
    for name, message in cases.items():
        with pytest.raises(DataError, match=message) as caught:
            Reader(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("input/train_lmdb", "`make lmdb` builds it"),
        ("input/cifar10/test_lmdb", "`make cifar10` builds it"),
        ("elsewhere/validation_lmdb", "`make lmdb OUT=elsewhere` builds it"),
        ("input/chosen", "tools/create_lmdb.py builds one"),
    ],
)
def test_what_builds_a_missing_one_is_named(tmp_path, monkeypatch, path, command):
    monkeypatch.chdir(tmp_path)
    Path("Makefile").touch()
    Path("net_specs").mkdir()
    for _ in ("missing", "empty"):
        with pytest.raises(DataError) as caught:
            Reader(path)
        assert caught.value.remedy == command
        Path(path).mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize(
    ("made", "typed"),
    [
        ("make lmdb", "catdog create_lmdb"),
        ("make lmdb OUT=other SIZE=60", "catdog create_lmdb --out other --size 60"),
        (
            'make lmdb SIZE=9 ARGS="--gray --stratify"',
            "catdog create_lmdb --size 9 --gray --stratify",
        ),
        ("python tools/create_lmdb.py --size 9", "python tools/create_lmdb.py --size 9"),
    ],
)
def test_where_there_is_no_makefile_the_tool_is_named(tmp_path, monkeypatch, made, typed):
    monkeypatch.chdir(tmp_path)
    assert as_typed_here(made) == typed


def test_what_builds_cifar10_without_a_makefile_is_what_it_has(tmp_path, monkeypatch):
    makefile = (Path(__file__).parent.parent.parent / "Makefile").read_text()
    assert 'create_lmdb.py --data "$(CIFAR)" --out input/cifar10 --size 32' in makefile
    monkeypatch.chdir(tmp_path)
    words = as_typed_here("make cifar10").split()
    assert words[:4] == ["catdog", "create_lmdb", "--data", "input/cifar10"]
    assert " ".join(words[4:]) in makefile


def test_keys_fit_into_lmdb():
    assert key(7, "cats/ä b.jpg") == "00000007_cats/ä b.jpg".encode()
    long = key(1, "a/" * 600 + "end.jpg")
    assert len(long) == MAX_KEY
    assert long.startswith(b"00000001_")
    assert long.endswith(b"a/end.jpg")
