import pytest

from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, DatasetParameter, NetParameter
from catdog.solver.events import Noted, Warned
from catdog.spec import Spec, net_state, to_yaml
from catdog.spec.read import parse_yaml
from catdog.training.data_checks import advice


@pytest.fixture
def spec(tmp_path) -> Spec[NetParameter]:
    dataset = DatasetParameter(width=100, height=100, class_name=["cat", "dog"])
    dataset.count.per_class_train.extend([90, 10])
    dataset.count.per_class_validation.extend([5, 6])
    (tmp_path / "lmdb").mkdir()
    (tmp_path / "lmdb/dataset.yaml").write_text(to_yaml(dataset))
    net = NetParameter()
    text = (
        "layer: {name: d, type: Data, top: [data, label], transform_param: {crop_size: 50}, "
        f"data_param: {{source: {tmp_path}/lmdb}}}}"
    )
    parse_yaml(text, net, "net.yaml")
    return Spec(net, tmp_path / "net.yaml")


def test_classes_are_counted_by_phase(spec):
    assert next(advice(resolve(spec, net_state(TEST)))) == Noted("validation data: 5 cat, 6 dog")
    train = list(advice(resolve(spec, net_state(TRAIN))))
    assert train[0] == Noted("train data: 90 cat, 10 dog")


def test_a_scarce_class_and_a_narrow_crop_are_worth_a_word(spec):
    _, narrow = advice(resolve(spec, net_state(TEST)))
    assert isinstance(narrow, Warned)
    assert narrow.what.startswith("crop_size 50 shows 25% of the stored 100 x 100 pictures")
    path = spec.path.parent / "lmdb/dataset.yaml"
    path.write_text(path.read_text().replace("- 10\n", "- 9\n"))
    scarce = list(advice(resolve(spec, net_state(TRAIN))))[1]
    assert scarce.what.startswith("few train examples of dog")


def test_data_without_a_record_say_nothing(spec):
    (spec.path.parent / "lmdb/dataset.yaml").unlink()
    assert not list(advice(resolve(spec, net_state(TRAIN))))
