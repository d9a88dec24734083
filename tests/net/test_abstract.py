from pathlib import Path

import pytest
from google.protobuf import text_format

from catdog.data.shapes import data_shapes
from catdog.data.sources import Context
from catdog.errors import CatdogError, DataError, LayerError
from catdog.net.abstract import blueprint
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, LayerParameter
from catdog.spec import net_state, read_net
from catdog.spec.read import parse_yaml

FORMATS = Path(__file__).parents[1] / "goldens/formats"


def layer_of(text):
    layer = LayerParameter()
    parse_yaml(text, layer, "layer.yaml")
    return layer


DATA = (
    "{name: data, type: Data, top: [data, label], data_param: {source: nowhere, batch_size: 4}%s}"
)


@pytest.mark.parametrize(
    ("more", "shape"),
    [
        ("", (4, 3, 227, 227)),
        (", transform_param: {crop_size: 64}", (4, 3, 64, 64)),
        (", transform_param: {mean_value: [1, 2, 3, 4]}", (4, 4, 227, 227)),
        (", transform_param: {force_gray: true}", (4, 1, 227, 227)),
        (", transform_param: {mean_file: mean.binaryproto}", (4, 3, 18, 22)),
        (", transform_param: {mean_file: mean_gray.binaryproto, crop_size: 8}", (4, 1, 8, 8)),
    ],
)
def test_without_data_the_fields_say_what_they_can(more, shape):
    found = data_shapes(layer_of(DATA % more), Context(TEST, locate=FORMATS.joinpath))
    assert found.shapes == {"data": shape, "label": (4,)}
    assert "nowhere" in found.assumed
    assert f"--shape data={','.join(map(str, shape))}" in found.assumed


def test_labels_of_mixed_pictures():
    mixing = (
        ", transform_param: {crop_size: 8, mean_file: no.binaryproto, "
        "augment_param: {mixup: 0.2, num_classes: 3}}"
    )
    layer = layer_of(DATA % mixing)
    train = data_shapes(layer, Context(TRAIN))
    assert train.shapes == {"data": (4, 3, 8, 8), "label": (4, 3)}
    assert data_shapes(layer, Context(TEST)).shapes["label"] == (4,)
    given = data_shapes(layer, Context(TRAIN), {"data": (2, 3, 8, 8)})
    assert given.shapes == {"data": (2, 3, 8, 8), "label": (2, 3)}


def test_pictures_of_a_list_and_windows():
    images = layer_of(
        "{name: d, type: ImageData, top: [d, l], image_data_param: "
        "{source: nowhere, batch_size: 2, new_height: 5, new_width: 6, is_color: false}}"
    )
    assert data_shapes(images, Context()).shapes == {"d": (2, 1, 5, 6), "l": (2,)}
    windows = layer_of(
        "{name: d, type: WindowData, top: [d, l], window_data_param: "
        "{source: nowhere, batch_size: 2}, transform_param: {crop_size: 7}}"
    )
    assert data_shapes(windows, Context()).shapes == {"d": (2, 3, 7, 7), "l": (2,)}


def test_rows_of_hdf5_files_are_known_from_them_alone():
    layer = layer_of(
        "{name: d, type: HDF5Data, top: [x, y], hdf5_data_param: {source: no.txt, batch_size: 2}}"
    )
    with pytest.raises(LayerError, match=r"--shape x=N,C,H,W"):
        data_shapes(layer, Context())
    assert data_shapes(layer, Context(), {"x": (2, 5)}).shapes == {"x": (2, 5), "y": (2,)}


def test_data_that_are_there_count_and_given_shapes_count_more():
    layer = layer_of(DATA.replace("nowhere", "lmdb_raw") % "")
    context = Context(TEST, locate=FORMATS.joinpath)
    found = data_shapes(layer, context)
    assert (found.shapes, found.assumed) == ({"data": (4, 3, 18, 22), "label": (4,)}, "")
    given = data_shapes(layer, context, {"data": (9, 3, 8, 8)})
    assert given.shapes == {"data": (9, 3, 8, 8), "label": (9,)}


def test_data_that_are_there_and_do_not_fit_are_a_fault():
    layer = layer_of(DATA.replace("nowhere", "lmdb_raw") % ", transform_param: {crop_size: 99}")
    with pytest.raises(DataError, match="crop_size 99"):
        data_shapes(layer, Context(TEST, locate=FORMATS.joinpath))


def test_a_layer_that_cannot_work_is_a_fault_without_data_too():
    with pytest.raises(LayerError, match="batch_size"):
        data_shapes(layer_of(DATA.replace("4}", "0}") % ""), Context())


NET = """
layer:
- {name: a, type: Input, top: [a, b], input_param: {shape: {dim: [2, 3]}}}
- {name: sum, type: Eltwise, bottom: [a, b], top: sum}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    return read_net(path)


def test_shapes_of_input_layers_can_be_given(spec):
    plan = blueprint(resolve(spec, net_state(TRAIN)), {"a": (5, 7), "b": (5, 7)})
    assert plan.net.shapes["sum"] == (5, 7)
    assert all(parameter.is_meta for parameter in plan.net.parameters())


def test_a_batch_of_another_size(spec):
    assert blueprint(resolve(spec, net_state(TRAIN)), batch=9).net.shapes["sum"] == (9, 3)


def test_a_given_name_that_is_no_blob_of_data(spec):
    with pytest.raises(CatdogError, match=r'--shape: no blob of data is named "sum"'):
        blueprint(resolve(spec, net_state(TRAIN)), {"sum": (1,)})


def test_faults_have_their_place(spec):
    with pytest.raises(LayerError) as caught:
        blueprint(resolve(spec, net_state(TRAIN)), {"a": (5, 7)})
    assert str(caught.value).startswith(f"{spec.path}:4:")


FORKS = {
    'AnnotatedData" top: "d" top: "l" data_param { source: "s" batch_size: 4 } transform_param { '
    "resize_param { height: 30 width: 40 } mirror: true": ((4, 3, 30, 40), (1, 1, 1, 8)),
    'AnnotatedData" top: "d" top: "l" data_param { source: "s" batch_size: 4 } transform_param { '
    "crop_h: 8 crop_w: 9 force_gray: true": ((4, 1, 8, 9), (1, 1, 1, 8)),
    'DenseImageData" top: "d" top: "l" dense_image_data_param { source: "s" batch_size: 2 '
    "crop_height: 5 crop_width: 6": ((2, 3, 5, 6), (2, 1, 5, 6)),
    'DenseImageData" top: "d" top: "l" dense_image_data_param { source: "s" batch_size: 2 '
    "new_height: 7 new_width: 6 is_color: false": ((2, 1, 7, 6), (2, 1, 7, 6)),
    'ImageLabelmapData" top: "d" top: "l" image_data_param { source: "s" ': (
        (1, 3, 227, 227),
        (1, 1, 227, 227),
    ),
}


@pytest.mark.parametrize("text", FORKS)
def test_shapes_of_the_data_layers_of_forks_without_their_data(text):
    layer = text_format.Parse(f'name: "x" type: "{text} }}', LayerParameter())
    found = data_shapes(layer, Context())
    assert tuple(found.shapes[top] for top in "dl") == FORKS[text]
    assert "no data at s" in found.assumed
    given = data_shapes(layer, Context(), {"d": (3, 3, 9, 9)}).shapes["l"]
    assert given == ((1, 1, 1, 8) if text.startswith("Annotated") else (3, 1, 9, 9))


def test_labels_of_deeplab_follow_the_pictures():
    text = 'top: "d" top: "l" top: "s" image_data_param { source: "s" batch_size: 2 }'
    text += ' name: "x" type: "ImageSegData" transform_param { crop_size: 11 }'
    layer = text_format.Parse(text, LayerParameter())
    assert data_shapes(layer, Context()).shapes == {
        "d": (2, 3, 11, 11),
        "l": (2, 1, 11, 11),
        "s": (2, 1, 1, 2),
    }
