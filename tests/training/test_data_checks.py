"""What is told of the data before the first iteration."""

from contextlib import ExitStack

import numpy as np
import pytest

from catdog.data.datum import array_to_datum
from catdog.data.lmdb_store import Writer, key
from catdog.net.opened import open_fed_net
from catdog.net.resolved import ResolvedNet, resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, DatasetParameter, NetParameter
from catdog.solver.events import Noted, Warned
from catdog.spec import Spec, net_state, to_yaml
from catdog.spec.read import parse_yaml
from catdog.training.data_checks import advice, mean_warnings, same_data

NET = """
x-crop: &crop {crop_size: 5}
layer:
- {name: d, type: Data, top: [data, label], transform_param: *crop, include: {phase: TRAIN},
   data_param: {source: train_lmdb, batch_size: 2, backend: LMDB}}
- {name: d, type: Data, top: [data, label], transform_param: *crop, include: {phase: TEST},
   data_param: {source: TESTED, batch_size: 2, backend: LMDB}}
"""
COUNTS = {"train_lmdb": [19, 1], "validation_lmdb": [5, 6], "test_lmdb": [7, 1]}


@pytest.fixture
def told(tmp_path):
    dataset = DatasetParameter(width=10, height=10, class_name=["cat", "dog"])
    for part, numbers in COUNTS.items():
        getattr(dataset.count, f"per_class_{part.removesuffix('_lmdb')}").extend(numbers)
        store(tmp_path / part, sum(numbers))
        (tmp_path / part / "dataset.yaml").write_text("")

    def events(phase=TRAIN, tested="validation_lmdb", iterations=None):
        for record in tmp_path.glob("*/dataset.yaml"):
            record.write_text(to_yaml(dataset))
        net = net_of(tmp_path, phase, tested, iterations)
        with ExitStack() as stack:
            fed = open_fed_net(net, stack)
            return list(advice(net, fed.net, fed.feed.sources))

    return events


def store(path, count):
    writer = Writer(path)
    value = array_to_datum(np.zeros((3, 10, 10), np.uint8), 0).SerializeToString()
    writer.put([(key(number, ""), value) for number in range(count)])
    writer.close()


def net_of(folder, phase, tested, iterations=None) -> ResolvedNet:
    net = NetParameter()
    parse_yaml(NET.replace("TESTED", tested), net, "net.yaml")
    return resolve(Spec(net, folder / "net.yaml"), net_state(phase), iterations=iterations)


def test_the_examples_of_the_store_that_is_read_are_counted(told, tmp_path):
    assert told()[0] == Noted("train data: 19 cat, 1 dog")
    for tested, counts in (
        ("validation_lmdb", "5 cat, 6 dog"),
        ("test_lmdb", "7 cat, 1 dog"),
        ("train_lmdb", "19 cat, 1 dog"),
    ):
        assert told(TEST, tested)[0] == Noted(f"validation data: {counts}")
    (tmp_path / "test_lmdb").rename(tmp_path / "other")
    assert told(TEST, "other")[0] == Noted("validation data: 7 cat, 1 dog")
    store(tmp_path / "mine", 9)
    (tmp_path / "mine" / "dataset.yaml").touch()
    assert not [event for event in told(TEST, "mine") if isinstance(event, Noted)]


def test_a_test_of_another_number_says_so(told):
    assert told(TEST, iterations=3)[0].what.endswith("5 cat, 6 dog; each test takes 6 of 11")
    assert told(TEST, "test_lmdb", iterations=4)[0].what.endswith("7 cat, 1 dog")


def test_a_scarce_class_and_a_narrow_crop_are_worth_a_word(told):
    _, narrow = told(TEST)
    assert isinstance(narrow, Warned)
    assert narrow.what.startswith("crop_size 5 shows 25% of the stored 10 x 10 pictures")
    assert told()[1].what.startswith("few train examples of dog: a net may do well")


def test_data_without_a_record_say_nothing(told, tmp_path):
    told()
    for record in tmp_path.glob("*/dataset.yaml"):
        record.unlink()
    assert not told()


def test_the_same_data_in_both_phases(tmp_path):
    train, other = (net_of(tmp_path, phase, "validation_lmdb") for phase in (TRAIN, TEST))
    assert not list(same_data([train, other]))
    (line,) = same_data([train, other, net_of(tmp_path, TEST, "./train_lmdb")])
    assert line.startswith("trained and tested on the same data, train_lmdb")
    part = net_of(tmp_path, TEST, "train_lmdb")
    part.data_layers[0].data_param.index_file = "chosen.txt"
    assert not list(same_data([train, part]))


def test_the_mean_of_another_store_is_told(told, tmp_path):
    (tmp_path / "mean.binaryproto").write_bytes(b"own")
    (tmp_path / "other.binaryproto").write_bytes(b"another")
    net = net_of(tmp_path, TRAIN, "validation_lmdb")
    (layer,) = net.data_layers
    for name, lines in (("other", 1), ("mean", 0)):
        layer.transform_param.mean_file = f"{name}.binaryproto"
        found = list(mean_warnings(layer, net))
        assert len(found) == lines
        assert all("other.binaryproto is not the mean of" in each.what for each in found)
    assert not [event for event in told() if "is not the mean" in event.what]
