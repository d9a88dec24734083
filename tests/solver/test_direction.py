import math

from google.protobuf import text_format

from catdog.proto.caffe_pb2 import NetParameter
from catdog.solver.direction import Direction, directions


def test_outputs_of_accuracies_and_losses():
    net = text_format.Parse(
        """
        layer { name: "a" type: "Accuracy" top: "acc" top: "per_class" }
        layer { name: "l" type: "SoftmaxWithLoss" top: "loss" top: "prob" }
        layer { name: "r" type: "Reduction" top: "norm" loss_weight: 0.1 }
        layer { name: "s" type: "Softmax" top: "soft" }
        """,
        NetParameter(),
    )
    assert {name: way.value for name, way in directions(net).items()} == {
        "acc": "higher",
        "per_class": "higher",
        "loss": "lower",
        "norm": "lower",
    }


def test_better():
    assert Direction.HIGHER.better(2, 1) and not Direction.HIGHER.better(1, 1)
    assert Direction.LOWER.better(1, 2) and not Direction.LOWER.better(2, 1)
    for way in Direction:
        assert way.better(1, math.nan)
        assert not way.better(math.nan, 1)
        assert not way.better(math.nan, math.nan)
