"""Odd nets, as people write them: those that Caffe takes compile, the others fail in plain words.

The first line of each file of tests/nets/odd says what is to come of it: `# OK` and the outputs, or
`# FAULT` and words of the message.
"""

from pathlib import Path

import pytest

from catdog.errors import CatdogError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, TRAIN, BlobProto, BlobShape
from catdog.spec import filter_net, net_state, read_net
from catdog.training.check import inspect

ODD = Path(__file__).parent / "nets" / "odd"
PATHS = sorted(ODD.glob("*.prototxt"))


def net_of(name, phase=TRAIN):
    return Net(filter_net(read_net(ODD / f"{name}.prototxt").message, net_state(phase)))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_the_first_line_says(path):
    _, kind, *words = path.read_text(encoding="utf-8-sig").partition("\n")[0].split(" ")
    if kind == "OK":
        lines = inspect(path)
        outputs = lines[1].partition(", outputs ")[2].replace(",", "").split()
        assert lines[0] == f"{path}: OK"
        assert outputs == [word for word in words if word]
        return
    with pytest.raises(CatdogError) as caught:
        inspect(path)
    text = str(caught.value)
    assert all(word in text for word in words)
    assert text.startswith(f"{path}:")


def test_weights_in_the_net_are_used():
    (blob,) = net_of("weights_in_the_net").layer_blobs()["f"]
    assert blob.tolist() == [[1, 2]]


def test_a_layer_keeps_a_phase_of_its_own():
    net = net_of("phase_of_a_layer")
    assert net.training
    assert not net.node("d").layer.training


def test_messages_of_another_type_are_told():
    path = ODD / "parameters_of_another_type.prototxt"
    assert 'layer "r" (ReLU) does not look at pooling_param' in inspect(path)


def test_rules_make_two_nets():
    assert [node.name for node in net_of("several_rules", TEST)] == ["s", "f", "g"]
    assert [node.name for node in net_of("rule_with_phase_and_stage", TEST)] == ["f", "s"]


def test_a_file_of_a_layer_is_found_beside_the_spec(tmp_path):
    matrix = BlobProto(shape=BlobShape(dim=[5, 5]), data=[1] * 25)
    (tmp_path / "h.binaryproto").write_bytes(matrix.SerializeToString())
    path = tmp_path / "net.prototxt"
    path.write_text(
        'input: "x" input: "y" input_shape { dim: 2 dim: 5 } input_shape { dim: 2 } '
        'layer { name: "l" type: "InfogainLoss" bottom: "x" bottom: "y" top: "l" '
        'infogain_loss_param { source: "h.binaryproto" } }'
    )
    assert inspect(path)[0] == f"{path}: OK"
