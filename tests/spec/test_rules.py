import pytest

from catdog.errors import SpecError
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState, NetStateRule
from catdog.spec.rules import filter_net, levels_of, meets, net_state, stages_of


def net_with(**rules) -> NetParameter:
    net = NetParameter()
    net.layer.add(name="a", type="Silence", **rules)
    return net


@pytest.mark.parametrize(
    ("state", "rule", "expected"),
    [
        ({"phase": TRAIN}, {}, True),
        ({"phase": TRAIN}, {"phase": TRAIN}, True),
        ({"phase": TRAIN}, {"phase": TEST}, False),
        ({"level": 1}, {"min_level": 1}, True),
        ({"level": 0}, {"min_level": 1}, False),
        ({"level": 2}, {"max_level": 1}, False),
        ({"stage": ["a", "b"]}, {"stage": ["a"]}, True),
        ({"stage": ["a"]}, {"stage": ["a", "b"]}, False),
        ({"stage": ["a"]}, {"not_stage": ["a"]}, False),
        ({"stage": ["a"]}, {"not_stage": ["b"]}, True),
    ],
)
def test_meets(state, rule, expected):
    assert meets(NetState(**state), NetStateRule(**rule)) is expected


def test_any_include_keeps_and_any_exclude_drops():
    rules = [NetStateRule(phase=TEST), NetStateRule(stage=["x"])]
    state = NetState(phase=TRAIN, stage=["x"])
    assert len(filter_net(net_with(include=rules), state).layer) == 1
    assert len(filter_net(net_with(exclude=rules), state).layer) == 0
    assert len(filter_net(net_with(exclude=rules[:1]), state).layer) == 1


def test_the_state_is_kept_in_the_net():
    assert filter_net(net_with(), NetState(phase=TRAIN, level=3)).state.level == 3


def test_include_and_exclude_together_are_refused():
    net = net_with(include=[NetStateRule()], exclude=[NetStateRule()])
    with pytest.raises(SpecError, match='layer "a": has include and exclude rules'):
        filter_net(net)


def test_net_state():
    state = net_state(TEST, 2, ["a"], over=NetState(stage=["b"], phase=TRAIN))
    assert (state.phase, state.level, list(state.stage)) == (TRAIN, 2, ["b", "a"])


def test_the_stages_and_levels_that_rules_tell_of():
    net = NetParameter()
    net.layer.add().include.add(stage=["b"], min_level=2)
    net.layer.add().exclude.add(not_stage=["a"], max_level=4)
    assert stages_of(net) == ["a", "b"]
    # at 5 the second rule holds no longer
    assert levels_of(net) == [2, 5]
