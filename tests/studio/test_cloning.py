"""The texts of a run are those of the net that it trained and tested."""

import pytest

from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState
from catdog.spec.read import read_net
from catdog.spec.rules import filter_net
from catdog.spec.shipped import shipped_nets
from catdog.studio.cloning import one_net
from tests.studio.conftest import RUN


def of_phase(net, phase):
    """The layers of a phase, without the rules that were followed."""
    found = NetParameter()
    found.CopyFrom(filter_net(net, NetState(phase=phase)))
    for layer in found.layer:
        layer.ClearField("include")
        layer.ClearField("exclude")
    return list(found.layer)


@pytest.mark.parametrize("name", sorted(each.name for each in shipped_nets()))
def test_one_net_is_both_in_their_phases(name):
    net = read_net(next(each.path for each in shipped_nets() if each.name == name)).message
    parts = [filter_net(net, NetState(phase=phase)) for phase in (TRAIN, TEST)]
    found = one_net(parts[0], parts[1:])
    for phase in (TRAIN, TEST):
        assert of_phase(found, phase) == of_phase(net, phase)


def test_a_clone_of_a_run_is_what_it_trained(client):
    texts = client.get("/api/run/texts", params={"name": RUN}).json()
    draft = client.post("/api/drafts", json=texts).json()
    assert draft["faults"] == []
    assert "max_iter: 8" in texts["solver"]
    assert texts["net"].count("type: Data") == 2
