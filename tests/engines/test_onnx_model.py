import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.engines import onnx_model
from catdog.engines.onnx_model import Form, write_onnx
from catdog.errors import CatdogError
from catdog.export.deployed import deployed
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness
from catdog.spec.read import parse_yaml

GOLDENS = Path(__file__).parents[1] / "goldens"

NET = """
layer:
- {name: in, type: Input, top: data, input_param: {shape: {dim: [2, 6, 11, 9]}}}
- {name: conv/1, type: Convolution, bottom: data, top: c,
   convolution_param: {num_output: 8, kernel_size: 3, group: 2, weight_filler: {type: xavier}}}
- {name: relu, type: ReLU, bottom: c, top: c, relu_param: {negative_slope: 0.1}}
- {name: norm, type: LRN, bottom: c, top: n,
   lrn_param: {local_size: 3, alpha: 0.7, beta: 0.6, k: 2}}
- {name: pool, type: Pooling, bottom: n, top: p, pooling_param: {kernel_size: 3, stride: 2, pad: 1}}
- {name: bn, type: BatchNorm, bottom: p, top: b}
- {name: scale, type: Scale, bottom: b, top: b, scale_param: {bias_term: true}}
- {name: up, type: Deconvolution, bottom: b, top: u,
   convolution_param: {num_output: 2, kernel_size: 4, stride: 2, weight_filler: {type: xavier}}}
- {name: fc, type: InnerProduct, bottom: b, top: fc,
   inner_product_param: {num_output: 5, weight_filler: {type: xavier}}}
- {name: prob, type: Softmax, bottom: fc, top: prob}
"""
#: A net for pictures of any size, with windows that are cut at the edges.
SIZED = """
layer:
- {name: in, type: Input, top: data, input_param: {shape: {dim: [1, 6, 32, 40]}}}
- {name: conv, type: Convolution, bottom: data, top: c,
   convolution_param: {num_output: 4, kernel_size: 3, pad: 1, stride: 2, group: 2,
     weight_filler: {type: xavier}}}
- {name: pool, type: Pooling, bottom: c, top: p, pooling_param: {kernel_size: 3, stride: 2}}
- {name: up, type: Deconvolution, bottom: p, top: u,
   convolution_param: {num_output: 4, kernel_size: 4, stride: 2, weight_filler: {type: xavier}}}
- {name: cut, type: Crop, bottom: [u, c], top: cut, crop_param: {axis: 2, offset: 0}}
- {name: ave, type: Pooling, bottom: c, top: a,
   pooling_param: {pool: AVE, kernel_size: 3, stride: 2, pad: 1}}
- {name: floor, type: Pooling, bottom: a, top: f,
   pooling_param: {kernel_size: 2, stride: 3, round_mode: FLOOR}}
- {name: flat, type: Flatten, bottom: f, top: flat}
- {name: mean, type: Pooling, bottom: c, top: mean,
   pooling_param: {pool: AVE, global_pooling: true}}
"""


def net_of(text):
    message = NetParameter()
    parse_yaml(text, message, "net.yaml")
    net = Net(message, setting=Setting(Randomness(0)))
    for blob in net.layer_blobs().get("bn", []):
        blob.fill_(1.5)
    return net.requires_grad_(False)


@pytest.mark.parametrize("own", [1, 2])
def test_onnxruntime_computes_the_net_for_any_batch(own, tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    net = net_of(NET.replace("[2, 6", f"[{own}, 6"))
    path = tmp_path / "net.onnx"
    write_onnx(net, path)
    session = onnxruntime.InferenceSession(path)
    assert [entry.name for entry in session.get_outputs()] == ["prob", "u"]
    chance = np.random.default_rng(0)
    for size in (1, 2, 5):
        data = chance.standard_normal((size, 6, 11, 9)).astype(np.float32)
        got = dict(zip(("prob", "u"), session.run(["prob", "u"], {"data": data}), strict=True))
        model = net_of(NET.replace("[2, 6", f"[{size}, 6"))
        wanted = model({"data": torch.from_numpy(data)}).blobs
        for name in ("prob", "u"):
            np.testing.assert_allclose(got[name], wanted[name].numpy(), rtol=1e-4, atol=1e-4)


def test_a_net_that_fixes_its_batch_keeps_it(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = net_of(
        "layer:\n- {name: d, type: Input, top: d, input_param: {shape: {dim: [1, 6]}}}\n"
        "- {name: r, type: Reshape, bottom: d, top: r, reshape_param: {shape: {dim: [1, 2, 3]}}}\n"
    )
    write_onnx(net, tmp_path / "net.onnx")
    (entry,) = onnx.load(tmp_path / "net.onnx").graph.input
    assert [dim.dim_value for dim in entry.type.tensor_type.shape.dim] == [1, 6]


def test_words_through_an_lstm(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = deployed(GOLDENS / "composites/caption.prototxt", None).net
    write_onnx(net, tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").exists()


def test_parameters_have_the_names_of_their_layers(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = deployed(
        GOLDENS / "formats/features_net.prototxt", GOLDENS / "formats/model.caffemodel"
    ).net
    write_onnx(net, tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    arrays = {entry.name: onnx.numpy_helper.to_array(entry) for entry in model.graph.initializer}
    expected = np.load(GOLDENS / "formats/expected_models.npz")
    np.testing.assert_array_equal(arrays["conv2.blobs.0"], expected["model/conv2:0"])


def test_a_model_with_other_numbers_is_not_written(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(onnx_model, "TOLERANCE", 0.0)
    with pytest.raises(CatdogError, match='onnxruntime computes another "'):
        write_onnx(net_of(NET), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_net_that_cannot_be_exported(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = net_of(
        "name: odd\nlayer:\n"
        "- {name: in, type: Input, top: [d, s], input_param: {shape: [{dim: [4, 3]}, {dim: 4}]}}\n"
        "- {name: some, type: BatchReindex, bottom: [d, s], top: some}\n"
        "- {name: sum, type: Reduction, bottom: some, top: sum}\n"
    )
    with pytest.raises(CatdogError, match="net odd: torch cannot export it: ") as caught:
        write_onnx(net, tmp_path / "net.onnx")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else found(name)
    )
    with pytest.raises(CatdogError, match="ONNX needs onnxscript; pip install onnx"):
        write_onnx(net_of(NET), tmp_path / "net.onnx")


def test_height_and_width_may_be_left_open(tmp_path):
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "net.onnx"
    found = write_onnx(net_of(SIZED), path, Form(dynamic=("batch", "height", "width")))
    first, *_ = found
    assert first.shapes == ((2, 4, 16, 20), (2, 4, 48, 21), (2, 4, 17, 52))
    assert str(first).startswith("cut (2 x 4 x 16 x 20, 2 x 4 x 48 x 21, 2 x 4 x 17 x 52): differs")
    (entry,) = onnx.load(path).graph.input
    axes = entry.type.tensor_type.shape.dim
    assert [axis.dim_param or axis.dim_value for axis in axes] == ["batch", 6, "height", "width"]
    session = onnxruntime.InferenceSession(path)
    # sizes of which one leaves the last windows whole, and others than those it was checked with
    for size in ((1, 6, 33, 41), (2, 6, 35, 54), (3, 6, 40, 39)):
        data = torch.randn(size)
        got = session.run(["cut", "flat", "mean"], {"data": data.numpy()})
        wanted = net_of(SIZED.replace("[1, 6, 32, 40]", str(list(size))))(data).blobs
        for name, numbers in zip(("cut", "flat", "mean"), got, strict=True):
            np.testing.assert_allclose(numbers, wanted[name], rtol=1e-4, atol=1e-5)


def test_axes_that_are_not_open_are_fixed(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    write_onnx(net_of(SIZED), tmp_path / "net.onnx", Form(dynamic=("height",)))
    (entry,) = onnx.load(tmp_path / "net.onnx").graph.input
    axes = entry.type.tensor_type.shape.dim
    assert [axis.dim_param or axis.dim_value for axis in axes] == [1, 6, "height", 40]


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (
            "InnerProduct, bottom: p, top: x, inner_product_param: {num_output: 2}",
            'layer "x": (InnerProduct) needs height 32: ',
        ),
        (
            "Pooling, bottom: c, top: x, pooling_param: {kernel_size: 2, stride: 3}",
            'layer "x": (Pooling) has windows that torch and ONNX do not have at every size',
        ),
    ],
)
def test_a_layer_that_cannot_have_other_sizes_is_named(layer, told, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = net_of(f"{SIZED}- {{name: x, type: {layer}}}\n")
    with pytest.raises(CatdogError) as caught:
        write_onnx(net, tmp_path / "net.onnx", Form(dynamic=("height", "width")))
    assert str(caught.value).startswith(told)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("opset", [18, 23])
def test_the_version_of_the_operators(opset, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    write_onnx(net_of(SIZED), tmp_path / "net.onnx", Form(opset))
    versions = {
        entry.domain: entry.version for entry in onnx.load(tmp_path / "net.onnx").opset_import
    }
    assert versions[""] == opset


def test_a_version_that_torch_does_not_write():
    with pytest.raises(CatdogError, match="--opset: torch writes no opset 17; write one from 18"):
        Form(17)


def test_blobs_may_be_called_as_torch_calls_its_own(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = net_of(
        "layer:\n"
        "- {name: i, type: Input, top: [cat, relu], input_param: {shape: {dim: [2, 4, 5, 5]}}}\n"
        "- {name: a, type: Concat, bottom: [cat, relu], top: x}\n"
        "- {name: b, type: ReLU, bottom: x, top: conv2d}\n"
        "- {name: c, type: Convolution, bottom: conv2d, top: cat_1,"
        " convolution_param: {num_output: 2, kernel_size: 1, weight_filler: {type: xavier}}}\n"
        "- {name: d, type: Concat, bottom: [cat_1, x], top: add}\n"
    )
    write_onnx(net, tmp_path / "net.onnx")
    graph = onnx.load(tmp_path / "net.onnx").graph
    assert [each.name for each in graph.input] == ["cat", "relu"]
    assert [each.name for each in graph.output] == ["add"]


def test_statistics_of_the_batch_in_segnets_bn(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = net_of(
        "layer:\n- {name: i, type: Input, top: d, input_param: {shape: {dim: [3, 4, 5, 5]}}}\n"
        "- {name: b, type: BN, bottom: d, top: [b, mean, variance], bn_param: {bn_mode: LEARN,"
        " scale_filler: {type: constant, value: 2}, shift_filler: {type: constant, value: 1}}}\n"
    )
    found = write_onnx(net, tmp_path / "net.onnx")
    assert [each.output for each in found] == ["b", "mean", "variance"]


def test_a_net_without_numbers_cannot_be_checked(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = net_of(
        "layer:\n- {name: i, type: Input, top: d, input_param: {shape: {dim: [3, 4]}}}\n"
        "- {name: p, type: Log, bottom: d, top: p}\n"
    )
    with pytest.raises(CatdogError, match=r'own "p" is no number for an example.*give trained'):
        write_onnx(net, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
