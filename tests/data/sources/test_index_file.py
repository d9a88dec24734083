"""A data layer that takes the records of an index file."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.sources.index_file import read_index, write_index
from catdog.errors import DataError
from tests.data.sources.build import labels, layer, pictures, source, train_source, write_lmdb


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    write_lmdb(folder / "ten", pictures(10))
    write_lmdb(folder / "encoded", pictures(10), encoded=True)
    (folder / "odd.txt").write_text("9\n1\n\n7  # the seventh\n3\n5\n")
    (folder / "twice.txt").write_text("2\n2\n4\n")
    return folder


def data(batch=2, index="odd.txt", more="", name="ten"):
    return layer(
        f'data_param {{ source: "{name}" batch_size: {batch} backend: LMDB '
        f'index_file: "{index}" {more} }}'
    )


def taken(opened, batches):
    return [label for _ in range(batches) for label in labels(opened.next().blobs["label"])]


def test_the_records_of_the_file_in_its_order(folder):
    opened = train_source(data(), folder)
    assert opened.size == 5
    assert taken(opened, 5) == [9, 1, 7, 3, 5, 9, 1, 7, 3, 5]
    assert (opened.epoch, opened.position) == (2, 0)


def test_pictures_are_those_of_the_whole(folder):
    write_index(folder / "all.txt", range(10))
    whole = source(data(10, "all.txt"), folder).next().blobs["data"]
    part = source(data(5), folder).next().blobs["data"]
    assert torch.equal(part, whole[[9, 1, 7, 3, 5]])


def test_one_pass_takes_each_once(folder):
    passed = [labels(batch.blobs["label"]) for batch in source(data(2), folder).one_pass()]
    assert passed == [[9, 1], [7, 3], [5]]


def test_a_record_that_is_named_twice_comes_twice(folder):
    assert taken(source(data(3, "twice.txt"), folder), 1) == [2, 2, 4]
    kept = source(data(3, "twice.txt", "cache: MEMORY", "encoded"), folder)
    assert taken(kept, 2) == [2, 2, 4, 2, 2, 4]
    kept.close()


def test_shuffle_and_processes_work_on_the_part(folder):
    shuffled = train_source(data(5, more="shuffle: true"), folder)
    first, second = taken(shuffled, 1), taken(shuffled, 1)
    assert sorted(first) == sorted(second) == [1, 3, 5, 7, 9]
    assert first != second
    shares = [taken(train_source(data(1), folder, rank=r, world=2), 5) for r in (0, 1)]
    joint = [label for pair in zip(*shares, strict=True) for label in pair]
    assert joint == [9, 1, 7, 3, 5, 9, 1, 7, 3, 5]


def test_messages_name_the_key_in_the_store(folder):
    assert source(data(), folder).where(0).endswith('ten key "00000009_picture"')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0\n10\n", r"bad.txt:2: there is no record 10: the data have 10, 0 to 9; make the list"),
        ("0\n-1\n", r'bad.txt:2: "-1" is no place of a record; each line holds'),
        ("cat.0.jpg\n", r'bad.txt:1: "cat.0.jpg" is no place'),
        ("# none\n\n", "bad.txt: names no record"),
    ],
)
def test_what_a_file_cannot_say(folder, text, words):
    (folder / "bad.txt").write_text(text)
    with pytest.raises(DataError) as told:
        source(data(index="bad.txt"), folder)
    assert re.search(words, str(told.value))


def test_a_file_that_is_not_there(folder):
    with pytest.raises(DataError, match="no such index file; check index_file"):
        source(data(index="none.txt"), folder)


@given(st.lists(st.integers(0, 99), min_size=1))
def test_what_is_written_is_read(tmp_path_factory, places):
    path = tmp_path_factory.getbasetemp() / "places.txt"
    write_index(path, places)
    assert read_index(path, 100) == places
