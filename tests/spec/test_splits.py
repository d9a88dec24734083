import json
from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from catdog.proto.caffe_pb2 import NetParameter, Phase
from catdog.spec.rules import filter_net, net_state
from catdog.spec.splits import insert_splits

COMPOSITES = Path(__file__).parent.parent / "goldens" / "composites"
CASES = json.loads((COMPOSITES / "index.json").read_text())


def text(content: str) -> NetParameter:
    return text_format.Parse(content, NetParameter())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_layers_are_those_that_caffe_builds(case):
    net = text((COMPOSITES / f"{case['case']}.prototxt").read_text())
    kept = filter_net(net, net_state(Phase.Value(case["phase"])))
    assert [layer.name for layer in insert_splits(kept).layer] == case["layers"]


def test_bottoms_read_the_tops_of_the_split_in_turn():
    net = text("""
        layer { name: "d" type: "Input" top: "data" top: "label" }
        layer { name: "a" type: "A" bottom: "label" top: "a" }
        layer { name: "b" type: "B" bottom: "label" bottom: "data" bottom: "label" top: "b" }
    """)
    assert insert_splits(net) == text("""
        layer { name: "d" type: "Input" top: "data" top: "label" }
        layer { name: "label_d_1_split" type: "Split" bottom: "label" top: "label_d_1_split_0"
          top: "label_d_1_split_1" top: "label_d_1_split_2" }
        layer { name: "a" type: "A" bottom: "label_d_1_split_0" top: "a" }
        layer { name: "b" type: "B" bottom: "label_d_1_split_1" bottom: "data"
          bottom: "label_d_1_split_2" top: "b" }
    """)


def test_what_else_a_net_has_stays():
    net = text("""
        name: "n" state { phase: TEST stage: "deep" } force_backward: true
        layer { name: "a" type: "A" top: "a" }
    """)
    assert insert_splits(net) == net


def test_a_loss_weight_takes_the_first_top():
    net = text("""
        layer { name: "i" type: "I" top: "x" loss_weight: 0.5 }
        layer { name: "a" type: "A" bottom: "x" top: "a" loss_weight: 2 }
    """)
    assert insert_splits(net) == text("""
        layer { name: "i" type: "I" top: "x" }
        layer { name: "x_i_0_split" type: "Split" bottom: "x" top: "x_i_0_split_0"
          top: "x_i_0_split_1" loss_weight: 0.5 loss_weight: 0 }
        layer { name: "a" type: "A" bottom: "x_i_0_split_1" top: "a" loss_weight: 2 }
    """)


def test_a_blob_made_anew_in_place_is_split_behind_its_last_maker():
    net = text("""
        layer { name: "i" type: "I" top: "x" }
        layer { name: "r" type: "ReLU" bottom: "x" top: "x" }
        layer { name: "a" type: "A" bottom: "x" top: "a" }
        layer { name: "b" type: "B" bottom: "x" top: "b" }
    """)
    names = [layer.name for layer in insert_splits(net).layer]
    assert names == ["i", "r", "x_r_0_split", "a", "b"]


def test_an_unknown_bottom_stays_for_the_wiring_to_name():
    net = text('layer { name: "a" type: "A" bottom: "nobody" top: "a" }')
    assert insert_splits(net) == net


@st.composite
def nets(draw: st.DrawFn) -> NetParameter:
    """Layers that read blobs of earlier ones; every top is new."""
    net, blobs = NetParameter(name="n"), []
    for i in range(draw(st.integers(1, 8))):
        layer = net.layer.add(name=f"l{i}", type="T")
        layer.bottom.extend(draw(st.lists(st.sampled_from(blobs), max_size=3)) if blobs else [])
        layer.top.extend(f"{i}_{j}" for j in range(draw(st.integers(1, 2))))
        blobs.extend(layer.top)
    return net


@given(nets())
def test_afterwards_nothing_is_read_twice_and_nothing_changes(net):
    once = insert_splits(net)
    read = [bottom for layer in once.layer for bottom in layer.bottom]
    assert len(read) == len(set(read))
    assert insert_splits(once) == once
    origin = {top: bottom for s in once.layer if s.type == "Split" for top in s.top
              for bottom in s.bottom}  # fmt: skip
    kept = [layer for layer in once.layer if layer.type != "Split"]
    for old, new in zip(net.layer, kept, strict=True):
        assert [origin.get(bottom, bottom) for bottom in new.bottom] == list(old.bottom)
        assert list(new.top) == list(old.top)
