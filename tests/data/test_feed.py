"""The feed: the same batches at any depth, exact resumes, errors and threads that end."""

import threading
import time

import pytest
import torch

from catdog.data.feed import Feed
from catdog.errors import DataError, LayerError
from tests.data.sources.build import (
    inside,
    labels,
    layer,
    pictures,
    source,
    train_source,
    write_lmdb,
)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("feed")
    write_lmdb(folder / "raw", pictures(10))
    write_lmdb(folder / "encoded", pictures(10), encoded=True)
    write_lmdb(folder / "mixed", [*pictures(7), *pictures(1, (3, 5, 5))])
    return folder


def data(folder, name="raw", depth=4, batch=4, seed=0, more=""):
    made = layer(
        f'data_param {{ source: "{name}" batch_size: {batch} shuffle: true prefetch: {depth} }} '
        f"transform_param {{ crop_size: 5 mirror: true scale: 0.5 mean_value: 9 {more} }}"
    )
    return train_source(made, folder, seed=seed)


ALL = (
    "augment_param { rotate: 9 zoom: 0.1 brightness: 0.3 hue: 0.1 rand_augment: 1 erase: 0.5 "
    "mixup: 0.4 cutmix: 1 num_classes: 10 }"
)


def batches(feed, count):
    return [feed.next() for _ in range(count)]


def same(some, others):
    return len(some) == len(others) and all(
        one.keys() == other.keys() and all(torch.equal(one[top], other[top]) for top in one)
        for one, other in zip(some, others, strict=True)
    )


@pytest.mark.parametrize("name", ["raw", "encoded"])
def test_the_same_batches_at_any_depth(folder, name):
    found = []
    for depth in (0, 1, 7):
        with Feed([data(folder, name, depth)]) as feed:
            assert feed.shapes == {"data": (4, 3, 5, 5), "label": (4,)}
            found.append(batches(feed, 8))
    assert same(found[0], found[1]) and same(found[0], found[2])
    with Feed([data(folder, name, seed=1)]) as feed:
        assert not same(found[0], batches(feed, 8))


def test_batches_are_transformed(folder):
    with Feed([data(folder)]) as feed:
        blobs = feed.next()
    assert blobs["data"].dtype == torch.float32
    assert float(blobs["data"].min()) >= -4.5 and float(blobs["data"].max()) <= 123


@pytest.mark.parametrize("depth", [0, 3])
def test_the_state_is_that_of_the_last_delivered_batch(folder, depth):
    with Feed([data(folder, depth=depth)]) as feed:
        start = feed.state()
        first = batches(feed, 3)
        time.sleep(0.02)
        state = feed.state()
        rest = batches(feed, 4)
        feed.load_state(state)
        assert same(rest, batches(feed, 4))
        feed.load_state(start)
        assert same(first, batches(feed, 3))
    with Feed([data(folder, depth=1, seed=5)]) as resumed:
        resumed.load_state(state)
        assert resumed.state() == state
        assert same(rest, batches(resumed, 4))


def test_a_state_without_the_layer_changes_nothing(folder):
    with Feed([data(folder)]) as feed, Feed([data(folder)]) as other:
        batches(feed, 2)
        batches(other, 2)
        feed.load_state([])
        assert same(batches(feed, 2), batches(other, 2))


@pytest.mark.parametrize("depth", [0, 2])
def test_one_pass_is_whole_and_disturbs_nothing(folder, depth):
    with Feed([data(folder, depth=depth)]) as feed, Feed([data(folder)]) as other:
        assert feed.size == 10
        feed.next()
        other.next()
        found = [labels(blobs["label"]) for blobs in feed.one_pass()]
        assert found == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        assert same(batches(feed, 3), batches(other, 3))


def test_a_pass_that_is_left_early_leaves_no_thread(folder):
    with Feed([data(folder, batch=1)]) as feed:
        steps = feed.one_pass()
        next(steps)
        steps.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "feed"]


def dummy(folder, top="extra"):
    text = "dummy_data_param { shape { dim: 4 } data_filler { value: 3 } }"
    made = layer(text, "DummyData", [top])
    made.name = "dummy"
    return source(made, folder)


def test_several_sources(folder):
    with Feed([data(folder), dummy(folder)]) as feed:
        assert feed.next()["extra"].tolist() == [3, 3, 3, 3]
        assert feed.size is None
        assert [state.layer for state in feed.state()] == ["data", "dummy"]
        with pytest.raises(DataError, match=r'"dummy" \(DummyData\) has no end'):
            feed.one_pass()


def test_a_blob_has_one_maker(folder):
    with pytest.raises(LayerError, match='"label" has two makers'):
        Feed([data(folder), dummy(folder, "label")])


def test_passes_of_different_length_are_refused(folder):
    first, second = data(folder), data(folder, batch=5)
    second.tops, second.name = ("more", "labels"), "second"
    with Feed([first, second]) as feed, pytest.raises(DataError, match='"data" 10 by 4, "second"'):
        feed.one_pass()


def test_an_error_comes_at_its_place(folder):
    made = layer('data_param { source: "mixed" batch_size: 2 prefetch: 4 }')
    with Feed([source(made, folder)]) as feed:
        for expected in ([0, 1], [2, 3], [4, 5]):
            assert labels(feed.next()["label"]) == expected
        for _ in range(2):
            with pytest.raises(DataError, match="pictures of 3 x 8 x 10 and of 3 x 5 x 5"):
                feed.next()


def test_close_ends_what_is_under_way(folder):
    feed = Feed([data(folder, "encoded", depth=2)])
    feed.next()
    feed.close()
    feed.close()


def test_an_interrupt_in_the_reader_ends_cleanly(folder):
    with pytest.raises(KeyboardInterrupt), Feed([data(folder)]) as feed:
        feed.next()
        raise KeyboardInterrupt


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gets_the_same_numbers(folder):
    import numpy as np

    from catdog.data.datum import array_to_legacy_blob

    mean = np.random.default_rng(0).uniform(0, 255, (1, 3, 8, 10)).astype(np.float32)
    (folder / "mean").write_bytes(array_to_legacy_blob(mean).SerializeToString())
    for more in ("mean_value: 9", f'mean_file: "{inside(folder)("mean")}"'):
        made = layer(
            'data_param { source: "raw" batch_size: 4 } '
            f"transform_param {{ crop_size: 5 mirror: true scale: 0.5 {more} }}"
        )
        with (
            Feed([train_source(made, folder)]) as host,
            Feed([train_source(made, folder)], "cuda") as device,
        ):
            for _ in range(5):
                found = {top: blob.cpu() for top, blob in device.next().items()}
                assert same([host.next()], [found])


@pytest.mark.parametrize("name", ["raw", "encoded"])
def test_augmented_batches_are_the_same_at_any_depth_and_after_a_resume(folder, name):
    with Feed([data(folder, name, 0, more=ALL)]) as feed:
        assert feed.shapes == {"data": (4, 3, 5, 5), "label": (4, 10)}
        first = batches(feed, 3)
        state = feed.state()
        rest = batches(feed, 5)
    for batch in first:
        torch.testing.assert_close(batch["label"].sum(1), torch.ones(4))
    for depth in (0, 1, 7):
        with Feed([data(folder, name, depth, more=ALL)]) as feed:
            assert same(batches(feed, 8), first + rest)
        with Feed([data(folder, name, depth, more=ALL)]) as feed:
            feed.load_state(state)
            assert same(batches(feed, 5), rest)
    with Feed([data(folder, name, seed=1, more=ALL)]) as feed:
        assert not same(batches(feed, 3), first)
    with Feed([data(folder, name)]) as plain:
        assert not same(batches(plain, 3), first)
