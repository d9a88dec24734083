"""Field numbers of forks in binary nets: read as what they are, written as they were read."""

import struct

import numpy as np
import pytest
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.errors import CatdogError
from catdog.proto import packed
from catdog.proto.caffe_pb2 import NetParameter
from catdog.proto.fork_reading import read_forked
from catdog.proto.fork_table import fork_named, forks, is_called_for, table, values
from catdog.proto.fork_writing import write_forked
from catdog.proto.forks import settled
from catdog.weights import read_weights, write_weights

LENGTH, FIXED32 = 2, 5


def varint(number, value):
    return packed.write_varint(number << 3) + packed.write_varint(value)


def part(number, content):
    tag = packed.write_varint(number << 3 | LENGTH)
    return tag + packed.write_varint(len(content)) + content


def single(number, value):
    return packed.write_varint(number << 3 | FIXED32) + struct.pack("<f", value)


def layer(name, layer_type, *fields):
    return part(100, part(1, name.encode()) + part(2, layer_type.encode()) + b"".join(fields))


def net(text):
    return text_format.Parse(text, NetParameter())


def plain(message):
    """A net without the mark of its fork."""
    copy = NetParameter()
    copy.CopyFrom(message)
    copy.ClearField("fork")
    return copy


def assert_read(content, text, fork=None):
    found = read_forked(content)
    assert not found.open
    assert plain(found.net) == net(text)
    if fork is not None:
        assert found.net.fork == fork
    assert write_forked(found.net) == content


# the numbers as the forks' descriptors have them, with a field of the message that all of them have
NUMBERS = [
    ("Permute", "permute_param { order: 3 }", varint(1, 3), [202, 172, 210, 224, 239]),
    ("Normalize", "norm_param { channel_shared: false }", varint(3, 0), [206, 170, 209, 242]),
    ("PriorBox", "prior_box_param { flip: false }", varint(4, 0), [203, 165, 211, 240]),
    (
        "DetectionOutput",
        "detection_output_param { keep_top_k: 5 }",
        varint(7, 5),
        [204, 169, 219, 238],
    ),
    ("MultiBoxLoss", "multibox_loss_param { num_classes: 5 }", varint(4, 5), [201, 171, 215]),
    (
        "ROIPooling",
        "roi_pooling_param { pooled_h: 7 }",
        varint(1, 7),
        [8266711, 147, 150, 154, 201],
    ),
    (
        "PSROIPooling",
        "psroi_pooling_param { spatial_scale: 0.5 output_dim: 2 group_size: 3 }",
        single(1, 0.5) + varint(2, 2) + varint(3, 3),
        [10001, 148, 149, 153, 163, 220, 225, 240],
    ),
    (
        "SmoothL1Loss",
        "smooth_l1_loss_param { sigma: 3 }",
        single(1, 3),
        [8266712, 148, 150, 202, 212],
    ),
    (
        "BoxAnnotatorOHEM",
        "box_annotator_ohem_param { roi_per_img: 9 }",
        varint(1, 9),
        [10000, 150, 151, 152, 241],
    ),
    ("Proposal", "proposal_param { base_size: 9 }", varint(2, 9), [8266713, 219, 224]),
    ("BN", "bn_param { momentum: 0.5 }", single(3, 0.5), [137, 152, 160, 200, 204]),
    ("BN", "bn_param { bn_mode: INFERENCE }", varint(3, 1), [45]),
    ("Upsample", "upsample_param { scale: 2 }", varint(1, 2), [149, 137, 147, 150, 152, 100003]),
    ("Interp", "interp_param { height: 4 }", varint(1, 4), [143, 153, 162, 20001]),
    ("ReLU6", "relu6_param { negative_slope: 0.5 }", single(1, 0.5), [208, 211]),
    ("ShuffleChannel", "shuffle_channel_param { group: 3 }", varint(1, 3), [154, 241]),
    ("Reorg", "reorg_param { stride: 2 }", varint(1, 2), [147, 149, 159, 203]),
    ("YoloDetectionOutput", "yolo_detection_output_param { side: 7 }", varint(1, 7), [601]),
    ("Yolov3DetectionOutput", "yolov3_detection_output_param { num_box: 7 }", varint(2, 7), [602]),
    ("SegAccuracy", "seg_accuracy_param { ignore_label: 255 }", varint(2, 255), [144, 154, 20003]),
    ("DenseImageData", "dense_image_data_param { batch_size: 4 }", varint(2, 4), [46, 138]),
    ("Swish", "swish_param { beta: 2 }", single(1, 2), [147]),
    ("Clip", "clip_param { min: 1 max: 2 }", single(1, 1) + single(2, 2), [148]),
    ("Embed", "embed_param { num_output: 2 }", varint(1, 2), [137]),
    ("Input", "input_param { shape { dim: 2 } }", part(1, part(1, b"\2")), [143]),
    ("ELU", "elu_param { alpha: 2 }", single(1, 2), [140]),
]


@pytest.mark.parametrize(
    ("layer_type", "text", "content", "number"),
    [(kind, text, content, number) for kind, text, content, ns in NUMBERS for number in ns],
)
def test_a_number_is_what_the_type_calls_for(layer_type, text, content, number):
    wanted = f'layer {{ name: "a" type: "{layer_type}" {text} }}'
    assert_read(layer("a", layer_type, part(number, content)), wanted)


LOSS = 'layer { name: "a" type: "SoftmaxWithLoss" loss_param { '


@pytest.mark.parametrize(
    ("layer_type", "content", "text", "fork"),
    [
        ("BatchNorm", part(139, varint(7, 1)), "batch_norm_param { scale_bias: true }", "NVCaffe"),
        (
            "BatchNorm",
            part(139, varint(4, 4) + varint(6, 0)),
            "batch_norm_param { engine: MKLDNN bias_term: false }",
            "IntelCaffe",
        ),
        (
            "BN",
            part(45, part(1, single(2, 1)) + part(2, single(2, 0))),
            "bn_param { scale_filler { value: 1 } shift_filler { value: 0 } }",
            "SegNet",
        ),
        (
            "BN",
            part(152, part(1, single(2, 1)) + single(3, 0.9)),
            "bn_param { slope_filler { value: 1 } momentum: 0.9 }",
            "PSPNet",
        ),
        (
            "SoftmaxWithLoss",
            part(101, varint(3, 1) + single(4, 2) + single(4, 3)),
            "loss_param { weight_by_label_freqs: true class_weighting: 2 class_weighting: 3 }",
            "SegNet",
        ),
        ("Data", part(107, varint(14, 1)), "data_param { shuffle: true }", "NVCaffe"),
        (
            "PriorBoxClustered",
            part(203, single(14, 3) + single(15, 4)),
            "prior_box_param { width: 3 height: 4 }",
            "OpenVINO-training-toolbox",
        ),
    ],
)
def test_a_number_inside_a_message(layer_type, content, text, fork):
    wanted = f'layer {{ name: "a" type: "{layer_type}" {text} }}'
    assert_read(layer("a", layer_type, content), wanted, fork)


def test_other_layers_tell_the_fork():
    """PRE_FIXED is 3 where PSROIPooling is 10001, and NONE is 3 where Permute is 202."""
    loss = layer("a", "SoftmaxWithLoss", part(101, varint(3, 3)))
    pooled = layer("b", "PSROIPooling", part(10001, single(1, 1) + varint(2, 2) + varint(3, 3)))
    found = read_forked(loss + pooled).net
    assert (
        found.layer[0].loss_param == net(LOSS + "normalization: PRE_FIXED } }").layer[0].loss_param
    )
    assert found.fork == "R-FCN"
    found = read_forked(loss + layer("b", "ReLU6", part(208, single(1, 0.5)))).net
    assert "normalization: NONE" in str(found)
    yolo = layer("c", "Yolov3DetectionOutput", part(602, varint(2, 7)))
    pooling = layer("p", "Pooling", part(121, varint(13, 1)))
    assert "round_mode: FLOOR" in str(read_forked(yolo + pooling).net)


@pytest.mark.parametrize("value", [0, 1])
def test_pooling_alone_is_ambiguous(value):
    """The same byte is one thing in Caffe and its opposite in forks."""
    content = layer("p", "Pooling", part(121, varint(13, value)))
    found = read_forked(content)
    (field,) = found.open
    mode, flag = [("CEIL", "false"), ("FLOOR", "true")][value]
    readings = {str(reading): having for reading, having in field.readings.items()}
    assert "BVLC" in readings[f"round_mode: {mode}"]
    assert "caffe-priv-soeaver" in readings[f"ceil_mode: {flag}"]
    with pytest.raises(CatdogError) as error:
        settled(found.net)
    text = str(error.value)
    assert f"round_mode: {mode} in BVLC" in text
    assert f"ceil_mode: {flag} in " in text
    assert "--fork BVLC" in text
    assert settled(found.net, "BVLC").layer[0].pooling_param.round_mode == value
    assert settled(found.net, "pytorchtocaffe").layer[0].pooling_param.ceil_mode == bool(value)
    # nobody has said anything: the bytes stay
    once_more = NetParameter.FromString(found.net.SerializeToString())
    assert not once_more.layer[0].pooling_param.HasField("round_mode")
    marked = write_forked(settled(found.net, "Tiny-DSOD"))
    assert not read_forked(marked).open
    assert b"Tiny-DSOD" in marked


def test_what_is_alike_everywhere_is_not_ambiguous():
    usual = layer("a", "SoftmaxWithLoss", part(101, varint(3, 1)))
    assert_read(usual, LOSS + "normalization: VALID } }")
    dilated = layer("a", "Convolution", part(106, varint(1, 4) + varint(18, 2)))
    assert_read(
        dilated,
        'layer { name: "a" type: "Convolution" convolution_param { num_output: 4 dilation: 2 } }',
    )


def test_one_value_of_a_field_that_may_have_many_is_the_same_field():
    """MobileNet-YOLO has SSD's resize_param as a list."""
    resized = part(100, part(8, varint(3, 300) + varint(4, 300)))
    assert_read(
        layer("d", "AnnotatedData", resized),
        'layer { name: "d" type: "AnnotatedData" transform_param { resize_param { height: 300 '
        "width: 300 } } }",
    )


def test_forks_in_one_net_that_no_fork_is():
    content = layer("b", "BN", part(45, part(1, single(2, 1))))
    content += layer("i", "Interp", part(143, varint(1, 3)))
    content += layer("u", "Upsample", part(149, varint(1, 2)))
    wanted = (
        'layer { name: "b" type: "BN" bn_param { scale_filler { value: 1 } } }'
        'layer { name: "i" type: "Interp" interp_param { height: 3 } }'
        'layer { name: "u" type: "Upsample" upsample_param { scale: 2 } }'
    )
    assert_read(content, wanted, "darknet2caffe,SegNet,PSPNet")


def test_two_fields_do_not_become_one():
    """normalization as most forks have it, and as SegNet-cudnn5 has it."""
    content = layer("l", "SoftmaxWithLoss", part(101, varint(3, 1) + varint(5, 2)))
    assert write_forked(read_forked(content).net) == content


def test_unknown_fields_stay_in_their_place():
    content = part(1, b"n") + layer("a", "JfdaLoss", part(150, varint(1, 1)), varint(23333, 4))
    content += layer("c", "Convolution", part(106, varint(1, 4) + varint(400, 2)))
    found = read_forked(content)
    assert write_forked(found.net) == content
    assert list(found.kept) == [
        "JfdaLoss: field 150 of LayerParameter",
        "JfdaLoss: field 23333",
        "Convolution: field 400",
    ]
    content = layer("c", "Convolution", part(106, varint(1, 4) + varint(19, 1)))
    found = read_forked(content + layer("p", "Pooling", part(121, varint(14, 1))))
    assert found.kept["Convolution: relu: true"] == ["IntelCaffe"]


TEXTS = [
    "pooling_param { round_mode: FLOOR }",
    "pooling_param { ceil_mode: false }",
    "pooling_param { ceil_mode: true round_mode: CEIL }",
    "bn_param { scale_filler { value: 1 } }",
    "bn_param { slope_filler { value: 1 } scale_filler { value: 1 } }",
    "loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 3 }",
    "loss_param { normalization: NONE }",
    "loss_param { weight_by_label_freqs: false }",
    "loss_param { label_smoothing: 0.1 }",
    "batch_norm_param { scale_bias: true filler { value: 1 } }",
    "transform_param { force_color: true resize_param { height: 3 } scale_factors: 1 }",
    "data_param { shuffle: true }",
    "dropout_param { scale_train: false }",
    "dropout_param { scale_train: false sample_weights_test: true }",
    "prior_box_param { width: 3 }",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("fork", ["", "BVLC", "SSD", "IntelCaffe", "catdog"])
def test_a_net_from_text_is_read_again(text, fork):
    written = net(f'layer {{ name: "a" type: "Pooling" {text} }}')
    written.fork = fork
    found = read_forked(write_forked(written))
    assert not found.open
    assert plain(found.net) == plain(written)


def test_numbers_that_are_written():
    text = net('layer { name: "p" type: "Pooling" pooling_param { ceil_mode: false } }')
    text.fork = "caffe-priv-soeaver"
    written = write_forked(text)
    assert written.startswith(layer("p", "Pooling", part(121, varint(13, 0))))
    text = net('layer { name: "u" type: "Upsample" upsample_param { scale: 2 } }')
    assert write_forked(text) == layer("u", "Upsample", part(137, varint(1, 2)))
    text.fork = "beniz"
    assert write_forked(text) == layer("u", "Upsample", part(152, varint(1, 2)))
    text = net('layer { name: "a" type: "BN" bn_param { momentum: 0.5 } }')
    assert write_forked(text) == layer("a", "BN", part(152, single(3, 0.5)))


def test_files_of_ours_without_a_mark_are_ours():
    content = layer("p", "Pooling", part(121, varint(13, 1))) + part(1004, b"run")
    found = read_forked(content)
    assert found.net.layer[0].pooling_param.round_mode == 1
    assert not found.open


def test_names_of_forks():
    assert fork_named("ssd") == fork_named("weiliu89/caffe") == "SSD"
    with pytest.raises(CatdogError, match='there is no fork "SDD"; did you mean "SSD"'):
        fork_named("SDD")
    with pytest.raises(CatdogError, match=r"known are BVLC, SSD, .*sphereface"):
        fork_named("zzz")
    assert len(forks()) == 37


def wire(draw, meaning, fork, depth):
    """The content of a field and how it lies on the wire, as the fork would write it."""
    if meaning.kind == "message":
        inner = table().meanings.get(meaning.inner)
        return part, fields(draw, meaning.inner, fork, depth - 1) if inner and depth else b""
    if meaning.kind in ("string", "bytes"):
        return part, draw(st.text(max_size=5)).encode()
    if meaning.kind in ("float", "double"):
        return single, draw(st.sampled_from([0.5, -1.0, 3.0]))
    if meaning.kind == "enum":
        known = list(values(meaning.inner, fork)) or [0, 1]
        return varint, draw(st.sampled_from(known))
    return varint, draw(st.integers(0, 1 if meaning.kind == "bool" else 300))


def fields(draw, message, fork, depth=2, kind=""):
    """Fields of a message that the fork has, in order."""
    known = [
        (number, by_fork[fork])
        for number, by_fork in table().meanings[message].items()
        if fork in by_fork
        and (not kind or is_called_for(by_fork[fork].name, kind, fork))
        and by_fork[fork].kind != "double"
    ]
    chosen = draw(st.lists(st.sampled_from(known), max_size=4, unique=True)) if known else []
    parts = []
    for number, meaning in sorted(chosen):
        write, value = wire(draw, meaning, fork, depth)
        parts.append(write(number, value))
    return b"".join(parts)


@st.composite
def forked_nets(draw):
    fork = draw(st.sampled_from(forks()))
    types = [name for name, having in table().types.items() if fork in having]
    called = [*types, "Pooling", "SoftmaxWithLoss", "Dropout", "BatchNorm", "Swish", "Data"]
    layers = []
    for at in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(called))
        own = fields(draw, LAYER_OF[kind], fork) if kind in LAYER_OF else b""
        given_part = part(number_in(fork, kind), own) if kind in LAYER_OF else b""
        above = fields(draw, "LayerParameter", fork, kind=kind)
        unknown = draw(st.sampled_from([b"", varint(70_000_000, 3), part(70_000_001, b"x")]))
        both = packed.fields(memoryview(given_part + above + unknown))
        ordered = b"".join(each.whole for each in sorted(both, key=lambda each: each.number))
        layers.append(layer(f"l{at}", kind, ordered))
    return fork, b"".join(layers)


LAYER_OF = {
    "Pooling": "PoolingParameter",
    "SoftmaxWithLoss": "LossParameter",
    "Dropout": "DropoutParameter",
    "BatchNorm": "BatchNormParameter",
    "Data": "TransformationParameter",
}
BVLC_NUMBERS = {
    "Pooling": 121, "SoftmaxWithLoss": 101, "Dropout": 108, "BatchNorm": 139, "Data": 100,
}  # fmt: skip


def number_in(fork, kind):
    """mini-caffe has all by numbers of its own."""
    number = BVLC_NUMBERS[kind]
    name = NetParameter().layer.add().DESCRIPTOR.fields_by_number[number].name
    return table().numbers["LayerParameter"].get(name, {}).get(fork, number)


@settings(max_examples=300, deadline=None)
@given(forked_nets())
def test_what_is_read_is_written_again(drawn):
    _, content = drawn
    found = read_forked(content)
    assert write_forked(found.net) == content


@settings(max_examples=150, deadline=None)
@given(forked_nets())
def test_a_fork_that_is_named_settles_its_own_files(drawn):
    fork, content = drawn
    found = read_forked(content, [fork])
    assert not found.open
    again = read_forked(write_forked(found.net))
    assert plain(again.net) == plain(found.net)


@settings(max_examples=300, deadline=None)
@given(forked_nets(), st.data())
def test_damaged_bytes_are_one_error(drawn, data):
    _, content = drawn
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        found = read_forked(cut)
    except DecodeError:
        return
    write_forked(found.net)


def test_a_caffemodel_is_written_again_to_the_byte(tmp_path):
    blob = b"".join(packed.blob_parts(np.arange(6, dtype=np.float32).reshape(2, 3)))
    name = part(1, b"a") + part(2, b"Upsample")
    content = part(1, b"net") + varint(5, 1)
    content += part(100, name + part(7, blob) + part(7, blob) + part(137, varint(1, 2)))
    content += layer("p", "Pooling", part(121, varint(13, 0)))
    path, again = tmp_path / "a.caffemodel", tmp_path / "b.caffemodel"
    path.write_bytes(content)
    weights = read_weights(path)
    assert weights.net.layer[0].upsample_param.scale == 2
    np.testing.assert_array_equal(weights.blobs["a"][1], [[0, 1, 2], [3, 4, 5]])
    write_weights(again, weights)
    assert again.read_bytes() == content


@pytest.mark.parametrize("suffix", [".caffemodel.h5", ".safetensors", ".pt"])
def test_what_is_open_stays_open_in_other_files(suffix, tmp_path):
    blob = b"".join(packed.blob_parts(np.ones(3, np.float32)))
    content = part(
        100, part(1, b"a") + part(2, b"Pooling") + part(7, blob) + part(121, varint(13, 0))
    )
    path, other = tmp_path / "a.caffemodel", tmp_path / f"b{suffix}"
    path.write_bytes(content)
    write_weights(other, read_weights(path))
    with pytest.raises(CatdogError, match=r'b\..*: layer "a": field 13 .*--fork BVLC'):
        read_weights(other).as_net()
    assert not read_weights(other, "PytorchToCaffe").as_net().layer[0].pooling_param.ceil_mode
    write_weights(tmp_path / "c.caffemodel", read_weights(other))
    assert (tmp_path / "c.caffemodel").read_bytes() == content
