import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.engines import onnx_model
from catdog.engines.onnx_model import write_onnx
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
