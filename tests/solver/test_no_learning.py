"""Trainings in which nothing can change are told, and only those."""

import pytest
from google.protobuf import text_format

from catdog.net.freezing import freeze
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TRAIN, NetParameter, NetState, SolverParameter
from catdog.solver.no_learning import learns_nothing
from catdog.spec.freezing import at_first

FC = """layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
  inner_product_param { num_output: 2 } %s }
"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "y" top: "loss" %s }'
NORM = """layer { name: "norm" type: "BatchNorm" bottom: "x" top: "n" }
layer { name: "quiet" type: "Silence" bottom: "n" }
"""
STILL = "param { lr_mult: 0 } param { lr_mult: 0 }"


def told(layers: str, **fields: object) -> list[str]:
    solver = SolverParameter(**{"base_lr": 0.1, "max_iter": 9, **fields})
    net = NetParameter(state=NetState(phase=TRAIN))
    text_format.Parse(layers, net)
    net = freeze(net, at_first(solver))
    inputs = {"x": (4, 3), "y": (4,), "z": (4, 2)}
    return list(learns_nothing(Net(net, inputs=inputs, fill=False), solver))


@pytest.mark.parametrize(
    ("layers", "fields", "words"),
    [
        (FC % "", {}, "the net has no loss in the TRAIN phase"),
        (FC % "" + NORM, {}, "the net has no loss in the TRAIN phase"),
        (FC % "" + LOSS % "loss_weight: 0", {}, "the net has no loss"),
        (
            FC % "" + LOSS % "propagate_down: false propagate_down: false",
            {},
            "no gradient of the loss comes to a layer with parameters; look at propagate_down",
        ),
        (FC % "" + LOSS.replace('"fc"', '"z"') % "", {}, "no gradient of the loss comes"),
        (FC % STILL + LOSS % "", {}, "lr_mult is 0 for every parameter that could"),
        (FC % "" + LOSS % "", {"base_lr": 0}, "base_lr is 0"),
        (FC % "" + LOSS % "", {"clip_gradients": 0}, "clip_gradients 0 makes every gradient 0"),
        (FC % "" + LOSS % "", {"freeze": ["f*"]}, "all layers that could are frozen"),
        (
            FC % "" + LOSS % "",
            {"unfreeze": [{"layers": ["fc"], "iteration": 9}]},
            "all layers that could are frozen",
        ),
    ],
)
def test_nothing_can_change(layers: str, fields: dict[str, object], words: str) -> None:
    (line,) = told(layers, **fields)
    assert line.startswith(f"nothing is learned: {words}")


@pytest.mark.parametrize(
    ("layers", "fields"),
    [
        (FC % "" + LOSS % "", {}),
        (FC % "param { lr_mult: 0 }" + LOSS % "", {}),
        (FC % "" + LOSS % "", {"clip_gradients": -1}),
        (FC % "" + LOSS % "", {"unfreeze": [{"layers": ["fc"], "iteration": 8}]}),
        # nothing to learn, as in a net that only tests
        (LOSS.replace('"fc"', '"z"') % "", {"base_lr": 0}),
        # statistics that are taken anew
        (FC % "" + LOSS % "" + NORM, {"base_lr": 0}),
        (FC % "" + LOSS % "" + NORM, {"freeze": ["fc"]}),
    ],
)
def test_something_may_change(layers: str, fields: dict[str, object]) -> None:
    assert told(layers, **fields) == []
