import numpy as np
import pytest

from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TRAIN, BlobProto, NetParameter
from catdog.spec import filter_net, net_state, read_net
from catdog.spec.data_layers import cut_data_layers
from catdog.weights import Weights, copy_weights, read_weights, weights_of, write_weights
from tests.weights.nets import FORMATS, SHARED, flat, net, text

EXPECTED = np.load(FORMATS / "expected_models.npz")


def expected(key: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(f"{key}/"): EXPECTED[name]
        for name in EXPECTED
        if name.startswith(f"{key}/") and ":" in name
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("model.caffemodel", "model"),
        ("model.caffemodel.h5", "model"),
        ("adam.caffemodel", "adam"),
        ("v0.caffemodel", "v0.caffemodel"),
        ("v1.caffemodel", "v1.caffemodel"),
        ("v0.upgraded.caffemodel", "v0.upgraded.caffemodel"),
        ("v1.upgraded.caffemodel", "v1.upgraded.caffemodel"),
    ],
)
def test_files_of_caffe(name, key):
    found, wanted = flat(read_weights(FORMATS / name)), expected(key)
    assert found.keys() == wanted.keys()
    assert wanted
    for blob, array in wanted.items():
        assert found[blob].dtype == np.float32
        np.testing.assert_array_equal(found[blob], array)


def test_old_files_give_their_net_in_the_present_form():
    upgraded = NetParameter.FromString((FORMATS / "v0.upgraded.caffemodel").read_bytes())
    for layer in upgraded.layer:
        layer.ClearField("blobs")
    assert read_weights(FORMATS / "v0.caffemodel").net == upgraded


def test_blobs_of_doubles(tmp_path):
    blob = BlobProto.FromString((FORMATS / "double_blob.binaryproto").read_bytes())
    path = tmp_path / "x.caffemodel"
    path.write_bytes(NetParameter(layer=[{"name": "a", "blobs": [blob]}]).SerializeToString())
    (array,) = read_weights(path).blobs["a"]
    np.testing.assert_array_equal(array, EXPECTED["double_blob"].astype(np.float32))


def test_our_file_is_caffes_to_the_byte(tmp_path):
    """The net and parameters of Caffe's file, written by us: data layer, phases, blobs, all."""
    message = filter_net(read_net(FORMATS / "model_net.prototxt").message, net_state(TRAIN))
    _, rest = cut_data_layers(message)
    built = Net(rest, inputs={"data": (4, 3, 8, 8), "label": (4,)})
    copy_weights(built, read_weights(FORMATS / "model.caffemodel"))
    write_weights(tmp_path / "x.caffemodel", weights_of(built, message))
    assert (tmp_path / "x.caffemodel").read_bytes() == (FORMATS / "model.caffemodel").read_bytes()


def test_diffs_go_beside_the_data(tmp_path):
    diffs = {"block/a": [np.ones((4, 3), np.float32), np.full(4, 2, np.float32)]}
    write_weights(tmp_path / "x.caffemodel", weights_of(net()), diffs)
    written = NetParameter.FromString((tmp_path / "x.caffemodel").read_bytes())
    found = {layer.name: [list(blob.diff) for blob in layer.blobs] for layer in written.layer}
    assert found["block/a"] == [[1] * 12, [2] * 4]
    assert found["b"] == [[], []]


def test_the_net_is_written_with_its_splits_and_without_what_caffe_leaves_out():
    built = net("force_backward: true state { phase: TRAIN }" + SHARED)
    message = weights_of(built).net
    assert [layer.name for layer in message.layer][:2] == ["data", "data_data_0_split"]
    assert {layer.phase for layer in message.layer} == {TRAIN}
    assert not message.HasField("force_backward") and not message.HasField("state")


def test_a_loss_without_a_top_stays_without():
    built = net(
        'layer { name: "x" type: "Input" top: "x" top: "y" input_param { shape { dim: 2 } } }'
        'layer { name: "l" type: "EuclideanLoss" bottom: "x" bottom: "y" }'
    )
    loss = weights_of(built).net.layer[-1]
    assert list(loss.top) == []
    assert list(loss.loss_weight) == [1]


#: Field 143, our input_param, as bytes that are no message.
FOREIGN_FIELD = b"\xfa\x08\x03\x0a\x7f\x00"


def test_fields_of_other_caffes_are_passed_over(tmp_path):
    layer = NetParameter(layer=[{"name": "a", "type": "Interp"}]).layer[0]
    layer.blobs.add(data=[1, 2]).shape.dim.append(2)
    content = layer.SerializeToString() + FOREIGN_FIELD
    net_bytes = b"\x0a\x01n\xa2\x06" + bytes([len(content)]) + content
    path = tmp_path / "x.caffemodel"
    path.write_bytes(net_bytes)
    weights = read_weights(path)
    assert weights.blobs["a"][0].tolist() == [1, 2]
    again = tmp_path / "again.caffemodel"
    write_weights(again, weights)
    assert again.read_bytes() == net_bytes
    weights.net.DiscardUnknownFields()
    assert weights.net == text('name: "n" layer { name: "a" type: "Interp" }')


def test_the_blobs_of_a_net_that_cannot_be_upgraded_are_read(tmp_path):
    old = text('name: "n" layers { layer { name: "a" type: "of_a_fork" blobs { num: 1 channels: 1 '
               "height: 1 width: 1 data: 3 } } }")  # fmt: skip
    path = tmp_path / "x.caffemodel"
    path.write_bytes(old.SerializeToString())
    weights = read_weights(path)
    assert weights.blobs["a"][0].tolist() == [[[[3]]]]
    assert weights.net == text('name: "n"')


def test_layers_that_the_net_does_not_name_are_written_too(tmp_path):
    path = tmp_path / "x.caffemodel"
    write_weights(path, Weights({"extra": [np.ones(2, np.float32)]}, text('name: "n"')))
    (layer,) = NetParameter.FromString(path.read_bytes()).layer
    assert layer.name == "extra"
    assert list(layer.blobs[0].data) == [1, 1]
