"""An ONNX file says how to predict with it: the program of the docs gives what catdog gives."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from google.protobuf import text_format

from catdog.data.datum import array_to_legacy_blob
from catdog.export.convert import Conversion, convert
from catdog.export.deployed import deployed
from catdog.export.onnx_metadata import HEADS, PREPARATION, onnx_metadata
from catdog.inference.predictor import Predictor
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.weights import read_weights, weights_of, write_weights
from tests.data.sources.build import pictures

PAGE = Path(__file__).parents[2] / "docs/predicting.md"
INPUT = """layer { name: "in" type: "Input" top: "data" transform_param { %s }
  input_param { shape { dim: 1 dim: %d dim: 16 dim: 16 } } }"""
HEAD = """
layer { name: "%(blob)s_score" type: "InnerProduct" bottom: "data" top: "%(blob)s_score"
  inner_product_param { num_output: %(count)d weight_filler { type: "gaussian" std: %(std)g } } }
layer { name: "%(blob)s" type: "%(kind)s" bottom: "%(blob)s_score" top: "%(blob)s" }
"""
MEAN_PICTURE = np.random.default_rng(3).uniform(60, 190, (3, 20, 22)).astype(np.float32)


def head(blob: str, kind: str, count: int, std: float = 0.02) -> str:
    return HEAD % {"blob": blob, "kind": kind, "count": count, "std": std}


def write_net(path: Path, transform: str, record: DatasetParameter, *heads: str) -> Predictor:
    """A net with its preparation, in a file; gives its predictor."""
    net = NetParameter(dataset=record)
    if "mean_file" in transform:
        net.mean.CopyFrom(array_to_legacy_blob(MEAN_PICTURE))
    channels = 1 if record.channel_order == DatasetParameter.GRAY else 3
    text_format.Parse(INPUT % (transform, channels) + "".join(heads), net.deploy)
    weights = weights_of(Net(net.deploy, setting=Setting(Randomness(5))), net)
    weights.net.temperature = 1.75
    write_weights(path, weights)
    return Predictor(read_weights(path))


CASES = {
    "mean_picture": (
        'crop_size: 16 scale: 0.02 mean_file: "mean.binaryproto"',
        DatasetParameter(
            width=22, height=20, equalize=True, interpolation=DatasetParameter.CUBIC,
            class_name=["cat", "dog"],
        ),
        [head("prob", "Softmax", 2)],
    ),
    "padded_rgb": (
        "scale: 0.01 mean_value: 104 mean_value: 117 mean_value: 123",
        DatasetParameter(
            width=16, height=16, channel_order=DatasetParameter.RGB, resize=DatasetParameter.PAD,
            interpolation=DatasetParameter.AREA, class_name=["a", "b", "c"],
        ),
        [head("prob", "Softmax", 3), head("marks", "Sigmoid", 3, 0.01)],
    ),
    "cropped_gray_one_sigmoid": (
        "crop_size: 16 scale: 0.02",
        DatasetParameter(
            width=18, height=20, channel_order=DatasetParameter.GRAY,
            resize=DatasetParameter.CROP, interpolation=DatasetParameter.LINEAR,
            class_name=["no", "yes"],
        ),
        [head("prob", "Sigmoid", 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_program_of_the_docs_gives_what_predict_gives(case, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    transform, record, heads = CASES[case]
    predictor = write_net(tmp_path / "net.caffemodel", transform, record, *heads)
    convert(Conversion(tmp_path / "net.caffemodel", tmp_path / "net.onnx"))
    photos = [tmp_path / f"{number}.png" for number in range(3)]
    sizes = [(31, 44, 3), (40, 17, 3), (24, 24, 3)]
    for photo, size in zip(photos, sizes, strict=True):
        cv2.imwrite(str(photo), pictures(1, size)[0])
    (program,) = re.findall("```python\n(import base64.*?)```", PAGE.read_text(), re.S)
    assert "catdog" not in re.sub('"catdog_', "", program)
    (tmp_path / "program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-I", "program.py", "net.onnx", *(each.name for each in photos)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = [line.split("\t") for line in done.stdout.splitlines()]
    wanted = [
        (photo.name, one.title, name, row[at])
        for photo, found in zip(photos, predictor.predict(photos), strict=True)
        for one, row in zip(predictor.heads, found.rows, strict=True)
        for at, name in enumerate(one.names)
    ]
    assert [tuple(line[:3]) for line in told] == [line[:3] for line in wanted]
    numbers = np.array([line[3] for line in wanted])
    np.testing.assert_allclose([float(line[3]) for line in told], numbers, atol=2e-5)
    assert numbers.std() > 0.05


def test_what_is_not_known_is_left_out(tmp_path):
    transform, record, heads = CASES["mean_picture"]
    path = tmp_path / "net.caffemodel"
    write_net(path, transform, record, *heads)
    assert set(onnx_metadata(deployed(None, path))) == {PREPARATION, HEADS}
    for field in ("mean", "dataset"):
        weights = read_weights(path)
        weights.net.ClearField(field)
        write_weights(tmp_path / "less.caffemodel", weights)
        found = onnx_metadata(deployed(None, tmp_path / "less.caffemodel"))
        assert set(found) == {HEADS}
    (only,) = json.loads(found[HEADS])
    assert (only["names"], only["temperature"]) == (["0", "1"], 1.75)
