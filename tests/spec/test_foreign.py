import pytest

from catdog.layers import LAYERS
from catdog.net.wiring import known_types
from catdog.spec.data_layers import DATA_LAYERS
from catdog.spec.foreign import FOREIGN, _edits, foreign_fault, mistyped, whose


def test_whose_layer_it_is():
    assert whose("Resample") == "FlowNet2 (lmb-freiburg/flownet2)"
    assert whose("VideoData").startswith("SSD (weiliu89/caffe), ")
    assert whose("VideoData").endswith(" more")
    assert whose("Convolution") == ""
    assert len(FOREIGN) > 140
    assert FOREIGN.isdisjoint({*LAYERS, *DATA_LAYERS})


def test_one_line_for_all_layers_of_a_type():
    fault = foreign_fault("Resample", ["a", "b", "c"])
    assert 'layer "a": layer type "Resample" (3 layers) belongs to FlowNet2' in str(fault)
    assert "--stub" in fault.remedy
    assert "(1 layer" not in str(foreign_fault("Resample", ["a"]))


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Convolutoin", "Convolution"),
        ("convolution", "Convolution"),
        ("Poling", "Pooling"),
        ("Relu", "ReLU"),
        ("SoftmaxWithLos", "SoftmaxWithLoss"),
        ("BatchNorn", "BatchNorm"),
        ("TransposedConvolution", ""),
        ("MaxPooling", ""),
        ("AvgPooling", ""),
        ("GELU", ""),
        ("LayerNorm", ""),
        ("x" * 10**6, ""),
    ],
)
def test_only_slips_of_the_hand_are_corrected(word, meant):
    assert mistyped(word, sorted(known_types())) == (f'did you mean "{meant}"?' if meant else "")


@pytest.mark.parametrize(
    ("word", "other", "edits"),
    [("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2), ("a", "a", 0)],
)
def test_edits(word, other, edits):
    assert _edits(word, other) == _edits(other, word) == edits
