"""No file that calls itself an LMDB ends the process that reads it."""

import os
import random
import struct

import lmdb
import pytest

from catdog.data.lmdb_pages import check_pages
from catdog.data.lmdb_store import Reader
from catdog.errors import DataError

PAGE = 4096


def written(folder, records):
    with lmdb.open(str(folder), map_size=1 << 26) as environment:
        for begin in range(0, len(records), 300):
            with environment.begin(write=True) as transaction:
                for number, value in records[begin : begin + 300]:
                    transaction.put(b"%08d_photo" % number, value)
        for number in range(0, len(records), 7):
            with environment.begin(write=True, buffers=True) as transaction:
                transaction.delete(b"%08d_photo" % number)
    return folder / "data.mdb"


def values(size, count, seed=0):
    rng = random.Random(seed)
    numbers = list(range(count))
    rng.shuffle(numbers)
    return [(number, rng.randbytes(rng.randint(0, size))) for number in numbers]


@pytest.mark.parametrize(
    ("size", "count"), [(0, 0), (10, 1), (30, 3000), (1000, 500), (3000, 400), (20000, 200)]
)
def test_what_lmdb_writes_is_sound(tmp_path, size, count):
    check_pages(written(tmp_path, values(size, count)))


@pytest.mark.parametrize("kept", [0, 1, 100, PAGE, 2 * PAGE, 0.3, 0.5, 0.9])
def test_a_file_that_is_cut_off(tmp_path, kept):
    path = written(tmp_path, values(20000, 100))
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(DataError, match="this LMDB is damaged") as caught:
        Reader(tmp_path)
    assert caught.value.where == str(tmp_path)


def read_all(folder):
    """As `Reader` is used; 0 where all came, 1 where a line was told."""
    try:
        with Reader(folder) as reader:
            assert len([value for _, value in reader.items()]) == len(reader)
            reader.get_many(range(len(reader)))
    except DataError:
        return 1
    return 0


def in_a_process_of_its_own(work, note):
    """Do something in a child; its exit code, below 0 where a signal ended it."""
    child = os.fork()
    if not child:
        try:
            os._exit(work())
        except BaseException as error:
            note.write_text(f"{note.read_text()}: {error!r}")
            os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def damage(data, rng):
    """Bits, bytes, words, pages: changed, zeroed, exchanged, cut."""
    data, kind = bytearray(data), rng.randrange(6)
    at, page = rng.randrange(len(data)), rng.randrange(len(data) // PAGE) * PAGE
    if kind == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        # of a page's beginning, where its structure is
        data[page + rng.randrange(200)] = rng.randrange(256)
    elif kind == 2:
        struct.pack_into("<Q", data, page + 8 * rng.randrange(20), rng.getrandbits(64))
    elif kind == 3:
        data[page : page + PAGE] = bytes(PAGE)
    elif kind == 4:
        other = rng.randrange(len(data) // PAGE) * PAGE
        data[page : page + PAGE] = data[other : other + PAGE]
    else:
        del data[at:]
    return data


@pytest.mark.parametrize("size", [30, 3000])
def test_damage_never_ends_the_process(tmp_path, size):
    rng = random.Random(size)
    path, note = written(tmp_path, values(size, 400, size)), tmp_path / "note"
    data = path.read_bytes()

    def read_damaged():
        told = 0
        for number in range(500):
            note.write_text(f"mutation {number}, {told} told")
            path.unlink()
            path.write_bytes(damage(data, rng))
            told += read_all(tmp_path)
        note.write_text(str(told))
        return 0

    assert in_a_process_of_its_own(read_damaged, note) == 0, note.read_text()
    assert int(note.read_text()) > 100


def test_pages_in_a_circle(tmp_path):
    path = written(tmp_path, values(30, 3000))
    data = bytearray(path.read_bytes())
    branches = [
        at for at in range(2 * PAGE, len(data), PAGE) if data[at + 10] == 1 and data[at + 12]
    ]
    for at in branches:
        (first,) = struct.unpack_from("<H", data, at + 16)
        struct.pack_into("<IH", data, at + first, at // PAGE, 0)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"circle|overwritten|records where it says"):
        check_pages(path)
