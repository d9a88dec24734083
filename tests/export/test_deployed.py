from pathlib import Path

import numpy as np
import pytest

from catdog.data.datum import blob_to_array
from catdog.data.mean import write_mean
from catdog.errors import CatdogError, DataError, LayerError, SpecError, WeightsError
from catdog.export.deployed import deployed
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.weights import Weights, read_weights, write_weights

FORMATS = Path(__file__).parents[1] / "goldens/formats"
MODEL, WEIGHTS = FORMATS / "features_net.prototxt", FORMATS / "model.caffemodel"


def test_a_net_with_data_becomes_one_with_an_input_for_one_picture():
    net = deployed(MODEL, WEIGHTS).net
    assert net.inputs == {"data": (1, 3, 8, 8)}
    expected = np.load(FORMATS / "expected_models.npz")
    for name, blobs in net.layer_blobs().items():
        for index, blob in enumerate(blobs):
            np.testing.assert_array_equal(blob, expected[f"model/{name}:{index}"])
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_without_weights_the_numbers_are_always_the_same():
    first, second = deployed(MODEL, None).net, deployed(MODEL, None).net
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_snapshot_brings_its_own_net(tmp_path):
    net = deployed(MODEL, WEIGHTS).net
    carried = NetParameter(dataset=DatasetParameter(class_name=["cat", "dog"]), deploy=net.message)
    path = tmp_path / "x.caffemodel"
    write_weights(path, Weights(read_weights(WEIGHTS).blobs, carried))
    found = deployed(None, path)
    assert found.net.message.layer == net.message.layer
    assert found.dataset.class_name == ["cat", "dog"]


def test_given_shapes_count(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(
        "layer:\n- {name: d, type: Data, top: d, data_param: {source: no, batch_size: 8}}\n"
        "- {name: r, type: ReLU, bottom: d, top: r}\n"
    )
    assert deployed(path, None).net.inputs == {"d": (1, 3, 227, 227)}
    assert deployed(path, None, {"d": (4, 1, 5, 5)}).net.inputs == {"d": (4, 1, 5, 5)}


def test_a_net_that_is_only_trained(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(
        "layer:\n- {name: d, type: Data, top: [d, l], include: {phase: TRAIN},"
        " data_param: {source: no, batch_size: 8}}\n"
        "- {name: i, type: InnerProduct, bottom: d, top: i, inner_product_param: {num_output: 2}}\n"
        "- {name: s, type: SoftmaxWithLoss, bottom: [i, l], top: s}\n"
    )
    told = []
    net = deployed(path, None, tell=told.append).net
    assert net.inputs == {"d": (1, 3, 227, 227)}
    assert net.outputs == ("prob",)
    assert "d was assumed to be 8 x 3 x 227 x 227" in told[0]


def test_a_net_whose_data_come_in_a_stage(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(
        "layer:\n- {name: d, type: Data, top: d, include: {stage: noisy},"
        " data_param: {source: no, batch_size: 8}}\n"
        "- {name: r, type: ReLU, bottom: d, top: r}\n"
    )
    with pytest.raises(SpecError, match='layer "d", which makes it, is only there with --stage'):
        deployed(path, None)
    assert deployed(path, None, stages=["noisy"]).net.inputs == {"d": (1, 3, 227, 227)}


def test_a_python_layer_cannot_be_written_out(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(
        "layer:\n- {name: d, type: Python, top: d, python_param: {module: m, layer: L}}\n"
        "- {name: p, type: Python, bottom: d, top: p, python_param: {module: m, layer: L}}\n"
    )
    with pytest.raises(LayerError, match="only its code knows the shape of d; say it: --shape d="):
        deployed(path, None)
    with pytest.raises(LayerError, match=r'layer "p": \(Python\) cannot be written out'):
        deployed(path, None, {"d": (1, 2)})


def test_weights_that_carry_no_net():
    with pytest.raises(CatdogError, match=r"model\.caffemodel\.h5: carries no net; give the net"):
        deployed(None, FORMATS / "model.caffemodel.h5")
    with pytest.raises(CatdogError, match=r"carries no deploy net; give the net with --model"):
        deployed(None, None)


def test_the_layers_of_caffes_weights_are_enough():
    wanted = deployed(MODEL, WEIGHTS).net
    found = deployed(None, WEIGHTS, {"data": (1, 3, 8, 8)})
    assert found.net.inputs == wanted.inputs
    assert found.net.outputs == ("prob",)
    # in the TEST phase, whatever phase they were written in
    assert not any(node.layer.training for node in found.net)
    own = found.net.layer_blobs()
    for name, blobs in wanted.layer_blobs().items():
        for one, other in zip(blobs, own[name], strict=True):
            np.testing.assert_array_equal(one, other)


def test_data_of_weights_that_are_not_there():
    with pytest.raises(DataError, match="or say its shape: --shape BLOB=N,C,H,W"):
        deployed(None, WEIGHTS)


def test_blobs_without_wires(tmp_path):
    path = tmp_path / "x.caffemodel"
    write_weights(path, Weights({"conv1": [np.zeros((1, 1, 3, 3), np.float32)]}))
    with pytest.raises(CatdogError, match="names its layers, but not how they are wired; give"):
        deployed(None, path)


def test_a_carried_net_takes_other_sizes(tmp_path):
    net = deployed(MODEL, WEIGHTS).net
    path = tmp_path / "x.caffemodel"
    write_weights(path, Weights(read_weights(WEIGHTS).blobs, NetParameter(deploy=net.message)))
    assert deployed(None, path, {"data": (3, 3, 8, 8)}).net.inputs == {"data": (3, 3, 8, 8)}
    with pytest.raises(CatdogError, match='--shape: no input is named "dat"; did you mean "data"'):
        deployed(None, path, {"dat": (3, 3, 8, 8)})


def test_the_record_and_the_mean_of_the_data_count_where_weights_carry_none(tmp_path):
    write_mean(np.full((3, 4, 4), 7, np.float32), tmp_path / "mean.binaryproto")
    path = tmp_path / "net.yaml"
    path.write_text(
        "layer:\n- {name: d, type: Data, top: d, data_param: {source: no, batch_size: 8},"
        " transform_param: {mean_file: mean.binaryproto}}\n"
        "- {name: r, type: ReLU, bottom: d, top: r}\n"
    )
    found = deployed(path, None)
    np.testing.assert_array_equal(blob_to_array(found.carried.mean).squeeze(0), 7)
    assert found.dataset is None


def test_weights_of_another_net(tmp_path):
    path = tmp_path / "x.safetensors"
    write_weights(path, Weights({"conv1": [np.zeros((1, 1, 3, 3), np.float32)]}))
    with pytest.raises(WeightsError, match='layer "conv1"'):
        deployed(MODEL, path)
