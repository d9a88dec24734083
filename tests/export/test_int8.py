"""Bytes instead of floats: what is told of them is what onnxruntime makes of the two files."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from google.protobuf import text_format

from catdog.engines.onnx_model import Form
from catdog.errors import CatdogError
from catdog.export import int8
from catdog.export.convert import Conversion, convert
from catdog.export.deployed_files import FileForm
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.weights import weights_of, write_weights

NET = """
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: [1, 3, 16, 16] } }
  transform_param { scale: 0.01 mean_value: 120 } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 16 kernel_size: 3 weight_filler { type: "msra" } } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "s" type: "InnerProduct" bottom: "c" top: "s"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "s" top: "prob" }
"""


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights that say how their photos are prepared."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    carried = NetParameter(dataset=DatasetParameter(width=16, height=16, class_name=["cat", "dog"]))
    text_format.Parse(NET, carried.deploy)
    path = tmp_path / "net.caffemodel"
    write_weights(path, weights_of(Net(carried.deploy, setting=Setting(Randomness(1))), carried))
    return path


def photos(folder: Path, *classes: str) -> Path:
    chance = np.random.default_rng(2)
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(6):
            picture = chance.integers(0, 255, (20, 24, 3)).astype(np.uint8)
            cv2.imwrite(str(folder / name / f"{number}.png"), picture)
    return folder


def told_of(source: Path, folder: Path) -> list[str]:
    told: list[str] = []
    target = source.with_name("small.onnx")
    form = FileForm(Form(), [str(folder)])
    convert(Conversion(source, target, tell=told.append, file_form=form))
    return told


def test_accuracy_before_and_after_where_folders_are_classes(weights, tmp_path):
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    told = told_of(weights, photos(tmp_path / "photos", "cat", "dog"))
    assert told[0].startswith("onnxruntime, before int8: prob (2 x 2): differs by ")
    assert told[1] == "ranges of 12 photos"
    assert re.fullmatch(r"the same answer for \d+\.\d\d% of 12 photos", told[2])
    size = (tmp_path / "small.onnx").stat().st_size / 1e6
    assert told[4].endswith(f"before, {size:.2f} MB in int8")
    model = onnx.load(tmp_path / "small.onnx")
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in model.graph.node}
    assert {"catdog_heads", "catdog_preparation"} <= {each.key for each in model.metadata_props}
    # the second number is what the written file makes of the photos
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx")
    right = []
    for label, name in enumerate(("cat", "dog")):
        for path in sorted((tmp_path / "photos" / name).iterdir()):
            picture = cv2.resize(cv2.imread(str(path)), (16, 16), interpolation=cv2.INTER_CUBIC)
            prepared = (picture.transpose(2, 0, 1)[None].astype(np.float32) - 120) * 0.01
            (probabilities,) = session.run(["prob"], {"data": prepared})
            right.append(probabilities.argmax() == label)
    accuracy = re.fullmatch(
        r"accuracy: (\S+)% \(.*\) before, (\S+)% \(.*\) in int8 \(of 12 photos\)", told[3]
    )
    assert accuracy
    assert float(accuracy[2]) == pytest.approx(100 * np.mean(right), abs=1e-2)


def test_without_classes_the_answers_are_compared_alone(weights, tmp_path):
    told = told_of(weights, photos(tmp_path / "photos", "other"))
    assert not [line for line in told if line.startswith("accuracy")]
    assert [line for line in told if line.startswith("the same answer for ")]


def bare(folder: Path, text: str) -> Path:
    """Weights that carry a net and nothing about photos."""
    carried = NetParameter()
    text_format.Parse(text, carried.deploy)
    path = folder / "bare.caffemodel"
    write_weights(path, weights_of(Net(carried.deploy, setting=Setting(Randomness(1))), carried))
    return path


def test_what_is_assumed_of_the_preparation_is_told(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    told = told_of(bare(tmp_path, NET), photos(tmp_path / "photos", "0", "1"))
    assert "nothing says how photos are prepared: they are taken to be BGR from 0 to 255" in told[1]
    assert [line for line in told if line.startswith("accuracy")]


def test_many_photos_are_divided(monkeypatch):
    monkeypatch.setattr(int8, "CALIBRATED", 4)
    found = int8._Photos(np.arange(11, dtype=np.float32), np.arange(11))
    calibrated, compared = int8._divided(found)
    assert sorted([*calibrated.classes, *compared.classes]) == list(range(11))
    assert len(calibrated.classes) >= 4
    few = found.some(found.classes < 3)
    assert int8._divided(few) == (few, few)


def test_a_net_that_takes_no_photos(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    path = bare(tmp_path, NET.replace("[1, 3, 16", "[1, 5, 16"))
    with pytest.raises(CatdogError, match="takes no photos; leave --int8 out"):
        told_of(path, photos(tmp_path / "photos", "cat"))
    assert not (tmp_path / "small.onnx").exists()


def test_a_folder_without_photos(weights, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatdogError, match="no photos"):
        told_of(weights, tmp_path / "empty")
    assert not (tmp_path / "small.onnx").exists()
