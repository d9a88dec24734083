"""What the outputs of a net stand for: classes, labels of their own, parts of a vector."""

import numpy as np
import pytest
from google.protobuf import text_format

from catdog.errors import CatdogError
from catdog.inference.heads import heads_of, renamed
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter

TRAINED = """
layer { name: "data" type: "Data" top: "data" top: "labels" }
layer { name: "cut" type: "Slice" bottom: "labels" top: "kind" top: "rest"
  slice_param { slice_point: 1 } }
layer { name: "again" type: "Slice" bottom: "rest" top: "size" top: "traits"
  slice_param { slice_point: 1 } }
"""
LOSS = 'layer {{ name: "{0}" type: "{1}" bottom: "{2}" bottom: "{3}" top: "{0}" }}\n'
SOFTMAX, SIGMOID = "SoftmaxWithLoss", "SigmoidCrossEntropyLoss"


def deploy(*heads: tuple[str, str, int], more: str = "") -> Net:
    """A net with these outputs, each of scores of its own."""
    text = """layer { name: "data" type: "Input" top: "data"
      input_param { shape { dim: 1 dim: 2 } } }"""
    for name, kind, count in heads:
        text += f"""layer {{ name: "{name}_score" type: "InnerProduct" bottom: "data"
          top: "{name}_score" inner_product_param {{ num_output: {count} }} }}
        layer {{ name: "{name}" type: "{kind}" bottom: "{name}_score" top: "{name}" }}"""
    return Net(text_format.Parse(text + more, NetParameter()))


def trained(*losses: tuple[str, str, str], parts: str = TRAINED) -> NetParameter:
    text = "".join(LOSS.format(f"loss_{s}", kind, s, label) for s, kind, label in losses)
    return text_format.Parse(parts + text, NetParameter())


def told(heads):
    return [(head.blob, head.title, head.names, head.several) for head in heads]


NOTHING = NetParameter()


@pytest.mark.parametrize(
    ("output", "names", "expected"),
    [
        (("prob", "Softmax", 2), ["cat", "dog"], (("cat", "dog"), False)),
        (("prob", "Softmax", 3), [], (("0", "1", "2"), False)),
        # a net may have more outputs than there are classes
        (("prob", "Softmax", 4), ["cat", "dog"], (("cat", "dog", "2", "3"), False)),
        (("prob", "Sigmoid", 1), ["cat", "dog"], (("cat", "dog"), False)),
        (("prob", "Sigmoid", 1), ["animal"], (("animal",), True)),
        (("prob", "Sigmoid", 3), ["a", "b", "c"], (("a", "b", "c"), True)),
    ],
)
def test_one_output(output, names, expected):
    ((_, _, *found),) = told(heads_of(deploy(output), NOTHING, names))
    assert tuple(found) == expected


def test_the_elements_of_a_vector_of_labels_go_where_the_slices_hand_them():
    # the order of the outputs is not that of the vector
    net = deploy(("traits", "Sigmoid", 2), ("prob", "Softmax", 3), ("size", "Softmax", 4))
    losses = trained(
        ("traits_score", SIGMOID, "traits"),
        ("prob_score", SOFTMAX, "kind"),
        ("size_score", SOFTMAX, "size"),
    )
    assert told(heads_of(net, losses, ["kind", "size", "flies", "wheels"])) == [
        ("prob", "kind", ("kind 0", "kind 1", "kind 2"), False),
        ("traits", "traits", ("flies", "wheels"), True),
        ("size", "size", tuple(f"size {i}" for i in range(4)), False),
    ]


def test_helpers_of_the_same_label_and_other_outputs_are_no_heads():
    more = """layer { name: "ones" type: "Power" bottom: "data" top: "ones" }"""
    net = deploy(("aux", "Softmax", 2), ("prob", "Softmax", 2), more=more)
    losses = trained(("aux_score", SOFTMAX, "labels"), ("prob_score", SOFTMAX, "labels"))
    assert [head.blob for head in heads_of(net, losses, ["cat", "dog"])] == ["prob"]
    assert [head.blob for head in heads_of(net, NOTHING, ["cat", "dog"])] == ["prob"]


def test_where_no_loss_tells_the_label_a_sigmoid_has_its_own():
    net = deploy(("prob", "Softmax", 2), ("traits", "Sigmoid", 1))
    found = told(heads_of(net, NOTHING, ["cat", "dog"]))
    assert found[1] == ("traits", "traits", ("0",), True)


def test_slices_in_a_circle_end():
    circle = """layer { name: "a" type: "Slice" bottom: "y" top: "x" slice_param { axis: 1 } }
    layer { name: "b" type: "Slice" bottom: "x" top: "y" slice_param { axis: 1 } }"""
    losses = trained(("prob_score", SOFTMAX, "y"), parts=circle)
    assert len(heads_of(deploy(("prob", "Softmax", 2)), losses, [])) == 1


def test_outputs_and_names_that_do_not_fit():
    with pytest.raises(CatdogError, match="the data set has 3 classes, the net 2; give --labels"):
        heads_of(deploy(("prob", "Softmax", 2)), NOTHING, ["a", "b", "c"])
    with pytest.raises(CatdogError, match="2 outputs: a, b; name the one"):
        heads_of(deploy(("a", "Softmax", 2), ("b", "Softmax", 2)), NOTHING, [])
    picture = 'layer { name: "i" type: "Input" top: "i" input_param { shape { %s } } }'
    map_of = picture % "dim: 1 dim: 3 dim: 4 dim: 5"
    map_of += 'layer { name: "prob" type: "Softmax" bottom: "i" top: "prob" }'
    net = Net(text_format.Parse(map_of, NetParameter()))
    with pytest.raises(CatdogError, match="prob has 3 x 4 x 5 numbers for a photo"):
        heads_of(net, NOTHING, [])


def test_other_names():
    net = deploy(("prob", "Softmax", 2), ("traits", "Sigmoid", 1))
    heads = heads_of(net, NOTHING, [])
    assert [head.names for head in renamed(heads, ["a", "b", "c"])] == [("a", "b"), ("c",)]
    for names in (["a", "b"], list("abcd")):
        with pytest.raises(CatdogError, match=rf"{len(names)} names, .* 3 classes \(prob 2, tra"):
            renamed(heads, names)
    with pytest.raises(CatdogError, match=r"--labels: 1 names, and the net has 2 classes; write"):
        renamed(heads[:1], ["a"])


def test_what_is_said_of_a_photo():
    classes, labels = heads_of(
        deploy(("prob", "Softmax", 3), ("traits", "Sigmoid", 3)), NOTHING, []
    )
    row = np.array([0.1, 0.7, 0.2])
    assert (classes.chosen(row), classes.likely(row)) == ([1], [1, 2])
    assert classes.sureness(row) == pytest.approx(0.7)
    row = np.array([0.9, 0.2, 0.95])
    assert labels.chosen(row) == labels.likely(row) == [0, 2]
    assert labels.sureness(row) == pytest.approx(0.8)
    assert labels.chosen(np.array([0.1, 0.5, 0.2])) == []
