from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given

from catdog.errors import SpecError
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, SolverParameter, V1LayerParameter
from catdog.spec.upgrade import needs_upgrade, upgrade_net, upgrade_solver
from tests.spec.messages import messages

FORMATS = Path(__file__).parent.parent / "goldens" / "formats"
OLD = sorted(
    path
    for path in (FORMATS / "upgrade").glob("*.prototxt")
    if not path.name.endswith(".upgraded.prototxt")
)


def text(content: str, kind=NetParameter):
    return text_format.Parse(content, kind())


def upgraded_by_caffe(path: Path) -> Path:
    return path.with_suffix(f".upgraded{path.suffix}")


@pytest.mark.parametrize(
    "path", [p for p in OLD if not p.name.startswith("solver")], ids=lambda p: p.stem
)
def test_nets_become_what_caffe_makes_of_them(path):
    old = text(path.read_text())
    expected = text(upgraded_by_caffe(path).read_text())
    assert needs_upgrade(old)
    assert upgrade_net(old) == expected
    assert upgrade_net(expected) is expected


@pytest.mark.parametrize(
    "path", [p for p in OLD if p.name.startswith("solver")], ids=lambda p: p.stem
)
def test_solvers_become_what_caffe_makes_of_them(path):
    old = text(path.read_text(), SolverParameter)
    expected = text(upgraded_by_caffe(path).read_text(), SolverParameter)
    assert upgrade_solver(old) == expected
    assert upgrade_solver(expected) is expected


@pytest.mark.parametrize("name", ["v0.caffemodel", "v1.caffemodel"])
def test_weight_files_become_what_caffe_makes_of_them(name):
    old = NetParameter.FromString((FORMATS / name).read_bytes())
    expected = NetParameter.FromString(upgraded_by_caffe(FORMATS / name).read_bytes())
    assert upgrade_net(old) == expected


def test_there_are_files_to_compare_with():
    assert len(OLD) == 13


def test_the_given_message_stays_as_it_was():
    old = text((FORMATS / "upgrade" / "v0_net.prototxt").read_text())
    before = old.SerializeToString()
    upgrade_net(old)
    assert old.SerializeToString() == before


@given(messages(NetParameter))
def test_an_upgraded_net_needs_no_upgrade(net):
    try:
        upgraded = upgrade_net(net)
    except SpecError:
        return
    assert not needs_upgrade(upgraded)
    assert upgrade_net(upgraded) is upgraded


@given(messages(V1LayerParameter))
def test_nothing_of_a_v1_layer_is_lost(old):
    old.ClearField("layer")
    (new,) = upgrade_net(NetParameter(layers=[old])).layer
    kept = {field.name for field, _ in new.ListFields()}
    for field, value in old.ListFields():
        if field.name in ("blobs_lr", "weight_decay", "blob_share_mode"):
            assert len(new.param) >= len(value)
        elif field.name in LayerParameter.DESCRIPTOR.fields_by_name:
            assert field.name in kept


def test_every_v1_type_has_the_name_of_a_layer():
    types = V1LayerParameter.LayerType.items()
    net = NetParameter(layers=[V1LayerParameter(type=number) for _, number in types])
    names = {old: new.type for (old, _), new in zip(types, upgrade_net(net).layer, strict=True)}
    assert names.pop("NONE") == ""
    other = {
        "SOFTMAX_LOSS": "SoftmaxWithLoss",
        "TANH": "TanH",
    }
    for old, new in names.items():
        assert other.get(old, old.replace("_", "")).lower() == new.lower()
    assert {names["HDF5_DATA"], names["IM2COL"], names["ABSVAL"]} == {
        "HDF5Data",
        "Im2col",
        "AbsVal",
    }


def test_sharing_of_v1_goes_into_param():
    (layer,) = upgrade_net(
        text('layers { type: INNER_PRODUCT param: "w" blob_share_mode: STRICT '
             "blob_share_mode: PERMISSIVE weight_decay: 1 weight_decay: 0 blobs_lr: 3 }")
    ).layer  # fmt: skip
    assert list(layer.param) == list(
        text('param { name: "w" share_mode: STRICT lr_mult: 3 decay_mult: 1 } '
             "param { share_mode: PERMISSIVE decay_mult: 0 }", LayerParameter).param
    )  # fmt: skip


def test_one_data_layer_to_upgrade_gives_all_a_transform_param():
    first, second = upgrade_net(
        text("layers { type: WINDOW_DATA window_data_param { mirror: true context_pad: 2 } } "
             "layers { type: DATA }")
    ).layer  # fmt: skip
    assert first.transform_param.mirror
    assert not first.window_data_param.HasField("mirror")
    assert first.window_data_param.context_pad == 2
    assert second.HasField("transform_param") and second.HasField("data_param")


def test_data_layers_without_transformations_stay_as_they_are():
    (layer,) = upgrade_net(text('layers { type: DATA data_param { source: "x" } }')).layer
    assert not layer.HasField("transform_param")


V0_DATA = """
layers { layer { name: "d" type: "%s" source: "s" batchsize: 4 scale: 2 meanfile: "m" cropsize: 7
  mirror: true %s } top: "data" top: "label" }
"""


@pytest.mark.parametrize(
    ("old", "more", "new"),
    [
        ("hdf5_data", "", 'type: "HDF5Data" hdf5_data_param { source: "s" batch_size: 4 }'),
        (
            "images",
            "rand_skip: 3 shuffle_images: true new_height: 5 new_width: 6",
            'type: "ImageData" image_data_param { source: "s" batch_size: 4 rand_skip: 3 '
            "shuffle: true new_height: 5 new_width: 6 }",
        ),
        (
            "window_data",
            "det_fg_threshold: 0.25 det_bg_threshold: 0.75 det_fg_fraction: 0.125 "
            'det_context_pad: 1 det_crop_mode: "square"',
            'type: "WindowData" window_data_param { source: "s" batch_size: 4 fg_threshold: 0.25 '
            'bg_threshold: 0.75 fg_fraction: 0.125 context_pad: 1 crop_mode: "square" }',
        ),
    ],
)
def test_data_layers_of_v0(old, more, new):
    (layer,) = upgrade_net(text(V0_DATA % (old, more))).layer
    transform = 'transform_param { scale: 2 mean_file: "m" crop_size: 7 mirror: true }'
    assert layer == text(f'name: "d" top: "data" top: "label" {transform} {new}', LayerParameter)


def test_v0_layers_without_a_golden():
    first, second, third = upgrade_net(
        text('layers { layer { type: "infogain_loss" source: "h" } } '
             'layers { layer { type: "hdf5_output" hdf5_output_param { file_name: "o" } } } '
             'layers { layer { type: "lrn" k: 2 } }')
    ).layer  # fmt: skip
    assert first == text('type: "InfogainLoss" infogain_loss_param { source: "h" }', LayerParameter)
    assert second == text('type: "HDF5Output" hdf5_output_param { file_name: "o" }', LayerParameter)
    assert third == text('type: "LRN" lrn_param { k: 2 }', LayerParameter)


def test_padding_goes_into_a_pooling_layer_too():
    (layer,) = upgrade_net(
        text('input: "x" layers { layer { type: "padding" pad: 3 } bottom: "x" top: "p" } '
             'layers { layer { type: "pool" kernelsize: 2 } bottom: "p" top: "y" }')
    ).layer  # fmt: skip
    assert list(layer.bottom) == ["x"]
    assert layer.pooling_param.pad == 3


def test_inputs_of_old_weight_files_have_no_sizes():
    assert upgrade_net(text('input: "data"')) == NetParameter()


@pytest.mark.parametrize(
    ("net", "named"),
    [
        ('layer { name: "a" } layers { name: "b" }', ["b", "layers"]),
        ('layers { layer { name: "c" type: "convolution" } }', ["c", '"convolution"']),
        ('layers { layer { name: "c" type: "relu" pad: 1 } }', ["c", "relu", "pad"]),
        ('input: "x" input_dim: 1', ["1 input_dim for 1 input"]),
        ("input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 1", ["4 input_dim for 0 input"]),
        ('input: "x" input: "y" input_shape { dim: 1 }', ["1 input_shape for 2 input"]),
        (
            'layers { layer { name: "p" type: "padding" } bottom: "x" top: "p" } '
            'layers { layer { name: "r" type: "relu" } bottom: "p" top: "r" }',
            ["r", "relu", '"p"'],
        ),
        (
            'layers { layer { name: "p" type: "padding" } bottom: "x" bottom: "y" top: "p" } '
            'layers { layer { name: "r" type: "conv" } bottom: "p" top: "r" }',
            ["p", "2 bottoms"],
        ),
    ],
)
def test_what_cannot_be_upgraded_is_said(net, named):
    with pytest.raises(SpecError) as error:
        upgrade_net(text(net))
    (fault,) = error.value.faults
    assert all(word in str(fault) for word in named)


def test_all_faults_are_said_at_once():
    net = text('layers { layer { name: "a" type: "x" } } layers { layer { name: "b" type: "y" } }')
    with pytest.raises(SpecError) as error:
        upgrade_net(net)
    assert [fault.layer for fault in error.value.faults] == ["a", "b"]


def test_a_solver_has_one_type():
    with pytest.raises(SpecError, match='write type: "Adam" alone'):
        upgrade_solver(SolverParameter(type="SGD", solver_type=SolverParameter.ADAM))
