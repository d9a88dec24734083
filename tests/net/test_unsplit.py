from google.protobuf import text_format

from catdog.net.unsplit import as_written, without_loose_ends
from catdog.proto.caffe_pb2 import NetParameter
from catdog.spec.splits import insert_splits

NET = """
layer { name: "i" type: "Input" top: "d" input_param { shape { dim: [1, 3] } } }
layer { name: "a" type: "InnerProduct" bottom: "d" top: "a" phase: TRAIN }
layer { name: "r" type: "ReLU" bottom: "a" top: "a" phase: TRAIN }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" phase: TRAIN }
%s
"""


def net_of(more: str = "") -> NetParameter:
    net = NetParameter()
    text_format.Parse(NET % more, net)
    return net


def test_a_split_whose_other_readers_are_gone_goes_too():
    read_twice = 'layer { name: "%s" type: "TanH" bottom: "b" top: "%s" }\n'
    split = insert_splits(net_of(read_twice % ("s", "s") + read_twice % ("t", "t")))
    assert [layer.type for layer in split.layer].count("Split") == 1
    del split.layer[-1]
    plain = without_loose_ends(split)
    assert plain == net_of(read_twice % ("s", "s"))


def test_a_split_that_is_read_twice_stays():
    split = insert_splits(
        net_of(
            'layer { name: "s" type: "TanH" bottom: "b" top: "s" }\n'
            'layer { name: "t" type: "TanH" bottom: "b" top: "t" }\n'
        )
    )
    assert without_loose_ends(split) == split


def test_a_blob_of_which_only_splits_are_left_keeps_its_name():
    split = insert_splits(
        net_of(
            'layer { name: "s" type: "TanH" bottom: "b" top: "s" }\n'
            'layer { name: "t" type: "TanH" bottom: "b" top: "t" }\n'
        )
    )
    del split.layer[-2:]
    assert without_loose_ends(split) == net_of()


def test_layers_lose_the_phase_of_a_training():
    assert not any(layer.HasField("phase") for layer in as_written(net_of()).layer)
