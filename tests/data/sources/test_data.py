"""Data: the cursor, shuffling, sharing among processes, and what can be wrong with an LMDB."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import SourceState
from tests.data.sources.build import (
    labels,
    layer,
    pictures,
    source,
    train_source,
    write_lmdb,
    write_values,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_lmdb(folder / "ten", pictures(10))
    write_lmdb(folder / "encoded", pictures(10), encoded=True)
    mixed = [pictures(1, (3, 6 + n, 12 - n), n)[0] for n in range(5)]
    write_lmdb(folder / "mixed", mixed)
    write_lmdb(folder / "gray", pictures(3, (1, 4, 4)))
    return folder


def data(batch=4, name="ten", more="", transform=""):
    text = f'data_param {{ source: "{name}" batch_size: {batch} backend: LMDB {more} }}'
    return layer(f"{text} transform_param {{ {transform} }}" if transform else text)


def taken(opened, batches):
    return [label for _ in range(batches) for label in labels(opened.next().blobs["label"])]


def test_records_in_order_and_around_the_end(folder):
    opened = train_source(data(), folder)
    assert taken(opened, 5) == [n % 10 for n in range(20)]
    assert (opened.epoch, opened.position) == (2, 0)


def test_a_batch_larger_than_the_data(folder):
    assert taken(source(data(23), folder), 1) == [n % 10 for n in range(23)]


def test_shapes_and_types(folder):
    opened = source(data(transform="crop_size: 5"), folder)
    assert opened.shapes == {"data": (4, 3, 5, 5), "label": (4,)}
    batch = opened.next()
    assert batch.blobs["data"].dtype == torch.uint8
    assert opened.finish(batch)["data"].dtype == batch.blobs["label"].dtype == torch.float32


def test_labels_are_left_out_when_not_wanted(folder):
    made = data()
    del made.top[1]
    opened = source(made, folder)
    assert set(opened.next().blobs) == set(opened.shapes) == {"data"}


def test_encoded_pictures_are_the_same(folder):
    raw, encoded = source(data(), folder), source(data(name="encoded"), folder)
    for _ in range(4):
        one, other = raw.next().blobs, encoded.next().blobs
        assert all(torch.equal(one[top], other[top]) for top in one)
    encoded.close()


def test_shuffle_takes_each_record_once_in_a_pass_and_passes_differ(folder):
    opened = train_source(data(5, more="shuffle: true"), folder)
    first, second = taken(opened, 2), taken(opened, 2)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    again = train_source(data(5, more="shuffle: true"), folder)
    assert taken(again, 4) == first + second
    assert taken(train_source(data(5, more="shuffle: true"), folder, seed=1), 2) != first


def test_one_pass_is_in_order_whole_and_leaves_the_cursor(folder):
    opened = train_source(data(4, more="shuffle: true"), folder)
    opened.next()
    before = opened.state()
    sizes = [labels(batch.blobs["label"]) for batch in opened.one_pass()]
    assert sizes == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert opened.state() == before


@given(st.integers(0, 12), st.integers(1, 13), st.booleans(), st.integers(0, 3))
def test_a_resume_equals_going_on(folder, batches, size, shuffle, seed):
    made = data(
        size, more=f"shuffle: {str(shuffle).lower()}", transform="crop_size: 3 mirror: true"
    )
    opened = train_source(made, folder, seed=seed)
    for _ in range(batches):
        opened.next()
    state = SourceState.FromString(opened.state().SerializeToString())
    resumed = train_source(made, folder, seed=99)
    resumed.load_state(state)
    for _ in range(3):
        one, other = opened.next(), resumed.next()
        assert one.draw == other.draw
        assert all(torch.equal(one.blobs[top], other.blobs[top]) for top in one.blobs)


def test_a_state_of_longer_data_is_refused(folder):
    with pytest.raises(DataError, match="stands at record 10 of a pass, the data have 10"):
        source(data(), folder).load_state(SourceState(layer="data", position=10))


@pytest.mark.parametrize("more", ["", "shuffle: true"])
def test_processes_share_the_records(folder, more):
    alone = taken(train_source(data(6, more=more), folder), 5)
    shares = [
        taken(train_source(data(2, more=more), folder, rank=rank, world=3), 5) for rank in range(3)
    ]
    assert [share[k] for k in range(10) for share in shares] == alone


def test_every_process_tests_on_everything(folder):
    assert taken(source(data(5), folder, rank=1, world=3), 2) == list(range(10))


def test_a_state_serves_every_process(folder):
    made = data(2, transform="crop_size: 3 mirror: true")
    first, second = (train_source(made, folder, rank=rank, world=2) for rank in (0, 1))
    for opened in (first, second):
        opened.next()
    resumed = train_source(made, folder, rank=1, world=2)
    resumed.load_state(first.state())
    one, other = second.next(), resumed.next()
    assert one.draw == other.draw
    assert torch.equal(one.blobs["label"], other.blobs["label"])


def test_rand_skip_begins_below_it(folder):
    starts = {
        taken(train_source(data(1, more="rand_skip: 4"), folder, seed=seed), 1)[0]
        for seed in range(40)
    }
    assert starts == {0, 1, 2, 3}


def test_pictures_of_other_sizes_one_by_one_or_cut(folder):
    opened = source(data(1, "mixed"), folder)
    assert [tuple(opened.next().blobs["data"].shape[2:]) for _ in range(3)] == [
        (6, 12),
        (7, 11),
        (8, 10),
    ]
    cut = source(data(5, "mixed", transform="crop_size: 6"), folder).next().blobs["data"]
    image = pictures(1, (3, 10, 8), 4)[0]
    np.testing.assert_array_equal(cut[4].numpy(), image[:, 2:8, 1:7])


def test_pictures_of_other_sizes_in_a_batch_name_both(folder):
    words = r'00000001_picture": layer "data": pictures of 3 x 6 x 12 and of 3 x 7 x 11 .*0000_pic'
    with pytest.raises(DataError, match=words):
        source(data(2, "mixed"), folder).next()


def test_a_picture_that_is_smaller_than_the_crop_is_named(folder):
    opened = source(data(5, "mixed", transform="crop_size: 6"), folder)
    opened.transform.crop = (7, 7)
    with pytest.raises(DataError, match=r"00000000_picture.*crop_size 7 is larger than .* 3 x 6"):
        opened.next()


def test_memory_cache_gives_the_same_without_the_reader(folder):
    opened = source(data(10, "encoded", "cache: MEMORY"), folder)
    plain = source(data(10, "encoded"), folder).next()
    first = opened.next()
    opened.close()
    assert torch.equal(opened.next().blobs["data"], first.blobs["data"])
    assert torch.equal(plain.blobs["data"], first.blobs["data"])


def test_leveldb_as_the_backend_reads_an_lmdb_but_no_leveldb(folder, tmp_path):
    made = data()
    made.data_param.ClearField("backend")
    assert taken(source(made, folder), 1) == [0, 1, 2, 3]
    (tmp_path / "ten").mkdir()
    (tmp_path / "ten" / "CURRENT").write_text("MANIFEST-000002\n")
    with pytest.raises(DataError, match="LevelDB"):
        source(made, tmp_path)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (data(0), "needs a batch_size of at least 1"),
        (layer("data_param { batch_size: 1 }"), "needs a source"),
        (layer("", tops=["a", "b", "c"]), r"has 3 top\(s\), takes 1 to 2"),
        (data(1, "gray", transform="force_color: true"), "force_color converts encoded"),
        (data(1, "ten", transform="force_gray: true"), "force_gray converts encoded"),
    ],
)
def test_what_a_layer_cannot_be(folder, made, words):
    with pytest.raises(LayerError, match=words):
        source(made, folder)


def test_a_bottom_is_refused(folder):
    made = data()
    made.bottom.append("x")
    with pytest.raises(LayerError, match="takes no bottom"):
        source(made, folder)


def test_forced_colours(folder):
    gray = source(data(2, "encoded", transform="force_gray: true"), folder)
    assert gray.shapes["data"] == (2, 1, 8, 10)
    colour = source(data(2, "encoded", "force_encoded_color: true"), folder)
    assert colour.shapes["data"] == (2, 3, 8, 10)
    for opened in (gray, colour):
        opened.close()


def test_a_broken_datum_is_named(tmp_path):
    write_values(tmp_path / "bad", [(b"00000000_a", b"\x08\x01"), (b"00000001_b", b"\xff\xff\xff")])
    with pytest.raises(DataError, match="00000001_b"):
        source(data(2, "bad"), tmp_path).next()


def test_moving_pictures_need_one_size(folder):
    opened = train_source(
        data(2, "mixed", transform="crop_size: 5 augment_param { rotate: 9 }"), folder
    )
    with pytest.raises(DataError, match="build the data with one size: augment_param turns whole"):
        opened.next()
    colours = "crop_size: 5 augment_param { brightness: 0.3 }"
    assert train_source(data(2, "mixed", transform=colours), folder).next().changes is not None
