"""What is worked out for a snapshot from a net and the shapes of its data."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from catdog.data.mean import write_mean
from catdog.net.carried import NetAsRun, preparation, snapshot_message, write_deploy
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState, Phase
from catdog.spec import Spec, read_net
from catdog.spec.shape import Shape

DATA = """
layer { name: "data" type: "Data" top: "data" top: "label"
  transform_param { TRANSFORM } data_param { source: "store" batch_size: 8 } }
"""
REST = """
layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
  inner_product_param { num_output: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }
"""
SHAPES = {"data": (8, 3, 4, 5), "label": (8,)}


def fed(
    folder: Path, text: str, shapes: Mapping[str, Shape] = SHAPES, phase: Phase = TEST
) -> NetAsRun:
    text = text.replace("TRANSFORM", "")
    spec = Spec(text_format.Parse(text, NetParameter()), folder / "net.prototxt")
    return NetAsRun(resolve(spec, NetState(phase=phase, stage=["wide"])), shapes)


def carried(folder: Path, text: str, shapes: Mapping[str, Shape] = SHAPES) -> NetParameter:
    net = fed(folder, text, shapes)
    return preparation(net.net, net.shapes)


def test_record_mean_and_a_net_for_one_example(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "dataset.yaml").write_text("width: 5")
    mean = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    write_mean(mean, tmp_path / "mean.binaryproto")
    found = carried(tmp_path, DATA.replace("TRANSFORM", 'mean_file: "mean.binaryproto"') + REST)
    assert found.dataset.width == 5
    assert (found.mean.channels, found.mean.height, found.mean.width) == (3, 4, 5)
    np.testing.assert_array_equal(found.mean.data, mean.ravel())
    (shape,) = found.deploy.layer[0].input_param.shape
    assert list(shape.dim) == [1, 3, 4, 5]
    assert not found.layer


def test_what_is_not_known_is_not_carried(tmp_path: Path) -> None:
    found = carried(tmp_path, DATA + REST)
    assert [field.name for field, _ in found.ListFields()] == ["deploy"]
    assert not carried(tmp_path, REST).ListFields()
    # the data of the phase that ran have another name
    assert not carried(tmp_path, DATA + REST, {}).ListFields()


@pytest.mark.parametrize(("kind", "photos"), [("MemoryData", True), ("HDF5Data", False)])
def test_data_of_a_program_are_photos_and_numbers_of_a_file_are_not(
    tmp_path: Path, kind: str, photos: bool
) -> None:
    data = f'layer {{ name: "data" type: "{kind}" top: "data" top: "label" }}'
    assert carried(tmp_path, data + REST).HasField("deploy") == photos


def test_a_snapshot_carries_the_first_test_net_with_photos(tmp_path: Path) -> None:
    texts = (REST, DATA + REST, DATA + REST.replace("score", "other"))
    trained = fed(tmp_path, DATA + REST.replace("score", "learned"))
    message = snapshot_message(trained, [fed(tmp_path, each) for each in texts])
    assert [layer.name for layer in message.layer] == ["data", "learned", "loss"]
    assert [layer.name for layer in message.deploy.layer] == ["data", "score", "prob"]


def test_a_record_is_carried_without_a_deploy_net_too(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "dataset.yaml").write_text("width: 5")
    tests = [fed(tmp_path, DATA + REST, {}), fed(tmp_path, REST, {})]
    message = snapshot_message(fed(tmp_path, REST, {}), tests)
    assert message.dataset.width == 5
    assert not message.HasField("deploy")
    tests.append(fed(tmp_path, DATA + REST))
    assert snapshot_message(fed(tmp_path, REST, {}), tests).HasField("deploy")


#: A layer of the TEST phase alone, in a stage.
TESTED = """
layer { name: "more" type: "ReLU" bottom: "score" top: "score"
  include { phase: TEST stage: "wide" } }
"""


@pytest.mark.parametrize("rule", ["include { phase: TRAIN }", "exclude { phase: TEST }"])
def test_without_a_test_net_it_is_the_test_phase_on_the_data_of_the_training(
    tmp_path: Path, rule: str
) -> None:
    text = 'name: "small"' + DATA.replace("TRANSFORM }", "}" + rule) + REST + TESTED
    trained = fed(tmp_path, text, phase=TRAIN)
    deploy = snapshot_message(trained).deploy
    assert [layer.name for layer in deploy.layer] == ["data", "score", "prob", "more"]
    assert (deploy.name, deploy.state) == ("small", NetState(phase=TEST, stage=["wide"]))
    assert trained.net.state.phase == TRAIN


def test_the_train_net_is_carried_where_its_data_do_not_fit_the_test_phase(tmp_path: Path) -> None:
    """The test's accuracy asks for labels that the train data do not have."""
    wrong = 'bottom: "labels" top: "accuracy" include { phase: TEST } }'
    accuracy = f'layer {{ name: "accuracy" type: "Accuracy" bottom: "score" {wrong}'
    trained = fed(tmp_path, DATA + REST + TESTED + accuracy, phase=TRAIN)
    deploy = snapshot_message(trained).deploy
    assert [layer.name for layer in deploy.layer] == ["data", "score", "prob"]


@pytest.mark.parametrize("known", [True, False])
def test_the_deploy_net_is_a_file_where_there_is_one(tmp_path: Path, known: bool) -> None:
    message = NetParameter()
    if known:
        message.deploy.name = "small"
    write_deploy(message, f"{tmp_path}/run")
    path = tmp_path / "run_deploy.prototxt"
    assert path.exists() == known
    assert not known or read_net(path).message.name == "small"
