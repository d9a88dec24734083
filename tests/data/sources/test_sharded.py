"""Data layers over shards: the batches of one store, or shards for each process."""

from collections import Counter

import numpy as np
import pytest
import torch

from catdog.data.datum import array_to_datum
from catdog.data.keyed_order import KeyedOrder
from catdog.data.sources import base
from catdog.data.store_names import shard_name
from catdog.errors import LayerError
from tests.data.sources.build import labels, layer, train_source, write_values

COUNT, BATCH, WORLD = 48, 4, 2


def record(number):
    datum = array_to_datum(np.full((1, 2, 2), number, np.uint8), number)
    return f"{number:08d}_x".encode(), datum.SerializeToString()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """`one`, and `many` with 10, 10, 10, 10 and 8 of its records."""
    folder = tmp_path_factory.mktemp("sharded")
    write_values(folder / "one", [record(number) for number in range(COUNT)])
    for number in range(5):
        some = range(10 * number, min(10 * number + 10, COUNT))
        write_values(folder / "many" / shard_name(number), [record(at) for at in some])
    return folder


def opened(place, name="many/shard-*", more="", **context):
    text = f'data_param {{ source: "{name}" batch_size: {BATCH} {more} }}'
    return train_source(layer(text), place, **context)


def drawn(source, batches):
    return [labels(source.next().blobs["label"]) for _ in range(batches)]


def test_batches_are_those_of_one_store(place):
    for more in ("", "shuffle: true", "shuffle: true rand_skip: 30"):
        for context in ({}, {"rank": 1, "world": 3}):
            one, many = (opened(place, name, more, **context) for name in ("one", "many"))
            for _ in range(30):
                first, second = one.next().blobs, many.next().blobs
                assert torch.equal(first["data"], second["data"])
                assert labels(first["label"]) == labels(second["label"])


@pytest.mark.parametrize("more", ["", "shuffle: true"])
def test_each_process_its_shards(place, more):
    own = [[*range(10), *range(20, 30), *range(40, 48)], [*range(10, 20), *range(30, 40)]]
    for rank in range(WORLD):
        source = opened(place, more=f"{more} divide: SHARDS", rank=rank, world=WORLD)
        laps = 3
        seen = [at for batch in drawn(source, laps * len(own[rank]) // BATCH) for at in batch]
        for lap in range(laps):
            some = seen[lap * len(own[rank]) : (lap + 1) * len(own[rank])]
            assert Counter(some) == Counter(own[rank])
            assert (some == own[rank]) == (more == "")
        assert source.size == COUNT
        assert not source.not_finite(source.state(), 3)


@pytest.mark.parametrize("world", [2, 3])
def test_goes_on_with_its_shards(place, world):
    whole = opened(place, more="shuffle: true divide: SHARDS", rank=1, world=2)
    drawn(whole, 9)
    state = whole.state()
    on = opened(place, more="shuffle: true divide: SHARDS", rank=1, world=world)
    on.load_state(state)
    batches = drawn(on, 8)
    assert (batches == drawn(whole, 8)) == (world == 2)
    assert all(len(batch) == BATCH for batch in batches)


def test_one_process_has_all_of_them(place):
    alone, all_of_it = opened(place, more="divide: SHARDS"), opened(place)
    assert drawn(alone, 20) == drawn(all_of_it, 20)


def test_what_cannot_be_divided(place):
    (place / "index.txt").write_text("1\n2\n")
    with pytest.raises(LayerError, match="each of 6 processes, this store has 5"):
        opened(place, more="divide: SHARDS", world=6)
    with pytest.raises(LayerError, match="index_file"):
        opened(place, more='divide: SHARDS index_file: "index.txt"', world=2)


def test_an_order_that_is_computed_goes_on_where_it_was(place, monkeypatch):
    monkeypatch.setattr(base, "MOST_DRAWN", 20)
    source = opened(place, more="shuffle: true")
    assert isinstance(source.order(0), KeyedOrder)
    seen = [at for batch in drawn(source, 2 * COUNT // BATCH) for at in batch]
    assert sorted(seen[:COUNT]) == sorted(seen[COUNT:]) == list(range(COUNT))
    assert seen[:COUNT] != seen[COUNT:]
    on = opened(place, more="shuffle: true")
    drawn(on, 5)
    again = opened(place, more="shuffle: true")
    again.load_state(on.state())
    assert [at for batch in drawn(again, 10) for at in batch] == seen[20:60]
