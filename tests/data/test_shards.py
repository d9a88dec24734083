"""Shards as one store: the records, keys and order of one LMDB with the same records."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data import shards as shards_module
from catdog.data.lmdb_store import DATA_FILE, Reader
from catdog.data.mean import compute_mean
from catdog.data.shards import Shards, open_records
from catdog.data.store_check import check_store
from catdog.data.store_names import is_store, shard_name, stores_of
from catdog.errors import DataError
from tests.data.sources.build import pictures, write_lmdb, write_values

SIZES = (40, 1, 33, 7)


def pair(number: int) -> tuple[bytes, bytes]:
    return f"{number:08d}_x".encode(), bytes([number % 256]) * (1 + number)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """`one`, and `many` with the same records in four shards."""
    folder = tmp_path_factory.mktemp("shards")
    write_values(folder / "one", [pair(number) for number in range(sum(SIZES))])
    start = 0
    for number, size in enumerate(SIZES):
        pairs = [pair(at) for at in range(start, start + size)]
        write_values(folder / "many" / shard_name(number), pairs)
        start += size
    return folder


@given(st.lists(st.integers(-sum(SIZES), sum(SIZES) - 1), max_size=40))
def test_the_records_of_one_store(place, indices):
    with open_records(place / "many") as many, Reader(place / "one") as one:
        assert isinstance(many, Shards)
        assert many.get_many(indices) == one.get_many(indices)
        places = [index % len(one) for index in indices]
        seen = [(key, bytes(value)) for key, value in many.views(places)]
        assert seen == [pair(index) for index in places]


def test_in_order_and_by_key(place):
    with open_records(place / "many") as many, Reader(place / "one") as one:
        assert len(many) == len(one) == sum(SIZES)
        assert list(many.keys) == list(one.keys) == [pair(at)[0] for at in range(len(one))]
        assert [many.keys[at] for at in (0, 40, 41, -1)] == [one.keys[at] for at in (0, 40, 41, -1)]
        assert list(many.items()) == list(one.items())
        assert many.first() == one.first()
        with pytest.raises(IndexError):
            many.get(sum(SIZES))


def test_few_files_are_open_and_threads_may_read(place, monkeypatch):
    monkeypatch.setattr(shards_module, "_may_be_open", lambda: 1)
    with open_records(place / "many") as many, ThreadPoolExecutor(8) as pool:
        values = list(pool.map(many.get, list(range(sum(SIZES))) * 5))
        assert values == [pair(at)[1] for at in range(sum(SIZES))] * 5
        assert len(many._open._readers) == 1
        views = many.views(range(sum(SIZES)))
        # the first shard stays open below its iterator while others come and go
        first = next(views)[1]
        many.get_many(range(40, sum(SIZES)))
        assert bytes(first) == pair(0)[1]
    with pytest.raises(StopIteration):
        list(views)
        next(views)


def test_what_names_shards(place, tmp_path, monkeypatch):
    every = [place / "many" / shard_name(number) for number in range(4)]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stores.txt").write_text(
        f"# of two disks\n{every[2]}\n\n{place}/many/shard-0000[01]\n"
    )
    cases = {
        str(place / "many"): every,
        f"{place}/many/shard-*": every,
        f"{place}/many/shard-{{00001..00002}}": every[1:3],
        f"{place}/{{one,many}}": [place / "one", *every],
        "stores.txt": [every[2], *every[:2]],
        str(place / "one"): [place / "one"],
    }
    for name, stores in cases.items():
        assert stores_of(Path(name)) == stores
        assert is_store(Path(name))
    assert not is_store(tmp_path)
    assert not is_store(tmp_path / "nothing-*")
    (tmp_path / "beside").mkdir()
    shutil.copytree(every[1], tmp_path / "beside/db")
    (tmp_path / "beside/list.txt").write_text("db\n")
    assert stores_of(Path("beside/list.txt")) == [Path("beside/db")]


def test_wrong_names(tmp_path):
    (tmp_path / "empty.txt").write_text("\n# nothing\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "half" / shard_name(0)).mkdir(parents=True)
    (tmp_path / "part-0").mkdir()
    for name, what in {
        "empty.txt": "names no LMDB",
        "bytes.txt": "cannot be read as a list",
        "no-*": "no folder has such a name",
        "part-{0..2}": "part-1 and 1 more are not there; make what is missing",
        "half": "no LMDB in this folder",
        "missing": "no such LMDB",
    }.items():
        with pytest.raises(DataError, match=what):
            open_records(tmp_path / name)


def test_a_shard_that_is_missing_or_damaged(place, tmp_path):
    folder = tmp_path / "train_lmdb"
    shutil.copytree(place / "many", folder)
    (folder / "dataset.yaml").write_text(f"count: {{train: {sum(SIZES)}, validation: 3}}\n")
    assert [report.records for report in check_store(tmp_path)] == list(SIZES)
    shutil.rmtree(folder / shard_name(1))
    with pytest.raises(DataError, match=f"3 shards hold 80 records, {sum(SIZES)} were built"):
        open_records(folder)
    shutil.copytree(place / "many" / shard_name(1), folder / shard_name(1))
    data = folder / shard_name(2) / DATA_FILE
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 2])
    with open_records(folder) as records:
        assert records.get(3) == pair(3)[1]
        with pytest.raises(DataError, match="damaged") as caught:
            records.get(60)
        assert caught.value.where.endswith(shard_name(2))


def test_the_mean_is_that_of_one_store(tmp_path):
    images = pictures(150, seed=3)
    write_lmdb(tmp_path / "one", images)
    for number, start in enumerate(range(0, 150, 60)):
        write_lmdb(tmp_path / "many" / shard_name(number), images[start : start + 60])
    one, many = (compute_mean(tmp_path / name) for name in ("one", "many"))
    assert np.array_equal(one, many)
    assert np.allclose(many, np.mean(images, axis=0), atol=1e-4)
