"""Builds in shards: the records of one LMDB, whoever makes the shards, and what interrupts them."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from catdog.data.build import dataset as datasets
from catdog.data.build import sharding
from catdog.data.shards import open_records
from catdog.data.store_check import check_store
from catdog.data.store_names import stores_of
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.distributed.group import Group
from tests.pictures import picture, save_all
from tests.process_jobs import a_tool_in_two_processes
from tools import create_lmdb

PHOTOS = {f"train/{c}.{i}.png": picture(20, 30, i) for c in ("cat", "dog") for i in range(20)} | {
    "train/cat.99.jpg": b"no picture",
    "train/dog.98.png": picture(20, 30, 0),
}
PARTS = ("train_lmdb", "validation_lmdb")
SHARDS = 3


def recipe(shards=SHARDS, **more):
    return DatasetParameter(width=16, height=12, validation_every=6, shards=shards or None, **more)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return save_all(tmp_path_factory.mktemp("photos") / "data", PHOTOS)


@pytest.fixture(scope="module")
def one(data, tmp_path_factory):
    """A build without shards, and what it tells."""
    out = tmp_path_factory.mktemp("one")
    return out, datasets.create(data, out, recipe(0))


@pytest.fixture
def many(data, tmp_path):
    datasets.create(data, tmp_path / "many", recipe())
    return tmp_path / "many"


def held(out):
    """Records of a store and the bytes of its mean."""
    assert not any(report.damaged for report in check_store(out))
    found = {"mean": (out / "mean.binaryproto").read_bytes()}
    for part in PARTS:
        with open_records(out / part) as records:
            found[part] = list(records.items())
    return found


def files_of(out):
    """What is in each shard and beside them, but for LMDBs, whose pages may differ."""
    built = (out / ".builds/current").resolve()
    paths = (path for path in built.rglob("*") if path.is_file() and path.suffix != ".mdb")
    return {str(path.relative_to(built)): path.read_bytes() for path in paths}


class Threads(Group):
    """A process that is a thread; a broken barrier is a lost process."""

    def __init__(self, rank, barrier, values):
        super().__init__(rank, len(values), rank, len(values))
        self.barrier, self.values = barrier, values

    def gather(self, value):
        self.values[self.rank] = value
        self.barrier.wait(60)
        found = list(self.values)
        self.barrier.wait(60)
        return found


def together(world, work):
    """What comes of `work` for each of several processes; one that fails ends the others."""
    barrier, values = threading.Barrier(world), [None] * world

    def run(rank):
        try:
            return work(Threads(rank, barrier, values))
        except Exception as error:
            barrier.abort()
            return error

    with ThreadPoolExecutor(world) as pool:
        return list(pool.map(run, range(world)))


def test_shards_hold_what_one_store_does(one, many):
    out, report = one
    assert held(many) == held(out)
    assert {part: len(stores_of(many / part)) for part in PARTS} == dict.fromkeys(PARTS, SHARDS)
    assert (many / "skipped.csv").read_bytes() == (out / "skipped.csv").read_bytes()
    text = (many / "dataset.yaml").read_text()
    assert text == (out / "dataset.yaml").read_text() + f"shards: {SHARDS}\n"
    assert (many / "train_lmdb/shard-00001/dataset.yaml").read_text() == text
    with open_records(many / "train_lmdb") as records:
        sizes = [len(records.places_of(number)) for number in range(SHARDS)]
    assert max(sizes) - min(sizes) <= 1 + report.dataset.count.skipped


@pytest.mark.parametrize("world", [2, 5])
def test_the_same_whatever_the_number_of_processes(data, many, tmp_path, world):
    out = tmp_path / "out"
    done = together(
        world, lambda group: datasets.create(data, out, recipe(), group=group, workers=1)
    )
    assert files_of(out) == files_of(many)
    assert held(out) == held(many)
    assert str(done[0].dataset) == str(datasets.create(data, many, recipe()).dataset)
    assert [line for line in done[0].remarks if "alike" in line]


def test_a_tool_in_two_processes(data, many, tmp_path):
    words = f"--data {data} --out {tmp_path}/out --width 16 --height 12 --shards 3"
    words += " --no-equalize --interpolation nearest"
    a_tool_in_two_processes(create_lmdb.main, words.split())
    same = recipe(interpolation="NEAREST", equalize=False, resize="STRETCH", channel_order="BGR")
    same.seed = 0
    datasets.create(data, many, same)
    assert held(tmp_path / "out") == held(many)
    with pytest.raises(ChildFailedError):
        a_tool_in_two_processes(create_lmdb.main, ["--out", str(many), "--data", str(data)])
    assert files_of(tmp_path / "out") == files_of(many)


def test_a_process_that_fails_leaves_the_last_build_and_its_shards(
    data, many, tmp_path, monkeypatch
):
    before = files_of(many)
    (data / "train/cat.50.png").write_bytes((data / "train/cat.1.png").read_bytes())
    try:
        fill, began, others = sharding.fill, [], threading.Event()

        def fails(folders, *args, **kwargs):
            (path,) = folders.values()
            if path.parent.name == "train_lmdb" and path.name == "shard-00001":
                others.wait(60)
                raise OSError(28, "No space left on device")
            fill(folders, *args, **kwargs)
            if path.parent.name == "validation_lmdb" and path.name == "shard-00001":
                others.set()

        def create(group, **more):
            return datasets.create(data, many, recipe(), group=group, **more)

        monkeypatch.setattr(sharding, "fill", fails)
        first, second = together(2, create)
        assert isinstance(second, DataError)
        assert "No space left" in str(second)
        assert isinstance(first, threading.BrokenBarrierError)
        assert files_of(many) == before

        def noted(folders, *args, **kwargs):
            began.extend(f"{path.parent.name[:5]}/{path.name[-1]}" for path in folders.values())
            fill(folders, *args, **kwargs)

        monkeypatch.setattr(sharding, "fill", noted)
        report, _ = together(2, lambda group: create(group, resume=True))
        # process 0 has shards 0, 2 and 4 of six, process 1 stopped at its first
        assert sorted(began) == ["train/1", "valid/0", "valid/2"]
        assert report.resumed > 0
        datasets.create(data, tmp_path / "straight", recipe())
        assert held(many) == held(tmp_path / "straight")
    finally:
        (data / "train/cat.50.png").unlink()


def test_a_damaged_and_a_missing_shard_are_made_again(data, many, monkeypatch):
    before = held(many)
    damaged, missing = many / "train_lmdb/shard-00001", many / "validation_lmdb/shard-00002"
    content = bytearray((damaged / "data.mdb").read_bytes())
    with open_records(damaged) as records:
        content[content.find(records.get(2)) + 50] ^= 1
    (damaged / "data.mdb").write_bytes(content)
    found = check_store(many / "train_lmdb")
    assert [report.path for report in found if report.damaged] == [damaged]
    shutil.rmtree(missing.resolve())
    with pytest.raises(DataError, match="2 shards hold"):
        open_records(many / "validation_lmdb")
    began = []
    fill = sharding.fill
    monkeypatch.setattr(
        sharding, "fill", lambda folders, *a, **k: (began.extend(folders), fill(folders, *a, **k))
    )
    whole = (many / "train_lmdb/shard-00000/data.mdb").resolve().stat().st_ino
    datasets.create(data, many, recipe(), rebuild=[str(damaged)])
    assert began == ["train_lmdb", "validation_lmdb"]
    assert held(many) == before
    assert (many / "train_lmdb/shard-00000/data.mdb").resolve().stat().st_ino == whole


def test_what_cannot_be_made_again(data, many, one):
    with pytest.raises(DataError, match=r"train_lmdb/shard-00009: no shard .* shard-00002"):
        datasets.create(data, many, recipe(), rebuild=["train_lmdb/shard-00009"])
    with pytest.raises(DataError, match="of other photos, labels or options"):
        datasets.create(data, many, recipe(4), rebuild=["train_lmdb/shard-00000"])
    with pytest.raises(DataError, match="give --shards"):
        together_one = Threads(0, threading.Barrier(1), [None, None])
        datasets.create(data, many, recipe(0), group=together_one)
    assert held(many) == held(one[0])


def test_processes_that_see_other_photos(data, tmp_path):
    other = save_all(tmp_path / "other", PHOTOS | {"train/cat.97.png": picture(20, 30, 3)})
    done = together(
        2,
        lambda group: datasets.create(
            [data, other][group.rank], tmp_path / "out", recipe(), group=group
        ),
    )
    assert any("process 1 has other photos" in str(error) for error in done)
    assert not (tmp_path / "out/train_lmdb").exists()


def test_more_shards_than_photos_and_shards_of_nothing(tmp_path):
    photos = {f"train/{c}.{i}.png": picture(8, 8, i) for c in ("cat", "dog") for i in range(6)}
    photos |= {f"train/cat.{i}.png": b"nothing" for i in range(10, 40)}
    report = datasets.create(save_all(tmp_path / "data", photos), tmp_path / "out", recipe(40))
    with open_records(tmp_path / "out/train_lmdb") as records:
        assert len(records) == report.dataset.count.train == len(records.stores)
    assert len(report.dataset.count.per_class_train) == 2
    assert f"{tmp_path}/out/train_lmdb, {len(records)} shards" in str(report)
    nothing = {"train/cat.1.png": b"", "train/dog.1.png": b""}
    with pytest.raises(DataError, match="no photos left for"):
        datasets.create(save_all(tmp_path / "none", nothing), tmp_path / "no", recipe(2))
    assert not (tmp_path / "no").exists()


def test_the_split_into_shards_is_by_run():
    class Photos:
        parts = ("train_lmdb", "test_lmdb")

        def of_part(self, part):
            return np.arange(10 if part == "train_lmdb" else 2), None

        def chosen(self, places):
            return places.tolist()

    found = [(each.name, each.photos) for each in sharding.shards_of(Photos(), 4)]
    assert found == [
        ("train_lmdb/shard-00000", [0, 1]),
        ("train_lmdb/shard-00001", [2, 3, 4]),
        ("train_lmdb/shard-00002", [5, 6]),
        ("train_lmdb/shard-00003", [7, 8, 9]),
        ("test_lmdb/shard-00000", [0]),
        ("test_lmdb/shard-00001", [1]),
    ]
