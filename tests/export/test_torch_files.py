import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.errors import CatdogError
from catdog.export.deployed import Deployed, deployed
from catdog.export.notes import preparation_notes
from catdog.export.torch_files import write_torch
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.spec.read import parse_yaml

FORMATS = Path(__file__).parents[1] / "goldens/formats"

USE = """
import sys, json
sys.modules["catdog"] = None
import torch, {library}
import features
net = features.Features().eval()
net.load_state_dict({load})
with torch.no_grad():
    data = torch.arange(192.).reshape(1, 3, 8, 8) / 192
    print(json.dumps(net(data).tolist()))
"""


@pytest.fixture
def model():
    return deployed(FORMATS / "features_net.prototxt", FORMATS / "model.caffemodel")


@pytest.mark.parametrize(
    ("name", "library", "load"),
    [
        ("w.pt", "json", 'torch.load("w.pt", weights_only=True)'),
        ("w.safetensors", "safetensors.torch", 'safetensors.torch.load_file("w.safetensors")'),
    ],
)
def test_the_files_work_without_catdog(model, tmp_path, name, library, load):
    write_torch(model, tmp_path / "features.py", tmp_path / name)
    assert load in (tmp_path / "features.py").read_text()
    done = subprocess.run(
        [sys.executable, "-c", USE.format(library=library, load=load)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    data = torch.arange(192.0).reshape(1, 3, 8, 8) / 192
    model.net.step_by_step = True
    wanted = model.net({"data": data}).blobs["fc2"].numpy()
    np.testing.assert_array_equal(np.array(json.loads(done.stdout), np.float32), wanted)


def test_no_file_is_written_where_one_cannot_be(model, tmp_path):
    with pytest.raises(CatdogError, match=r"is no \.py; name it net\.py"):
        write_torch(model, tmp_path / "net.txt", tmp_path / "net.pt")
    with pytest.raises(CatdogError, match=r"neither \.pt nor \.safetensors"):
        write_torch(model, tmp_path / "net.py", tmp_path / "net.h5")
    assert not list(tmp_path.iterdir())


def test_the_preparation_is_told_in_the_file(model, tmp_path):
    dataset = DatasetParameter(
        width=20, height=10, equalize=True, interpolation="CUBIC", class_name=["cat", "dog"]
    )
    write_torch(Deployed(model.net, dataset), tmp_path / "net.py", tmp_path / "net.pt")
    assert (
        "Pictures are prepared like this:\n"
        "  channels BGR, 0 to 255\n"
        "  each channel equalised (cv2.equalizeHist)\n"
        "  stretched to 20 x 10 (width x height, cv2.INTER_CUBIC)\n"
        "  the middle 8 x 8\n"
        "  minus 100\n"
        "  times 0.01\n"
        "Classes: cat, dog\n"
    ) in (tmp_path / "net.py").read_text()


def test_nothing_is_told_where_nothing_is_known():
    net = NetParameter()
    text = "layer: {name: d, type: Input, top: d, input_param: {shape: {dim: 1}}}"
    parse_yaml(text, net, "x")
    assert preparation_notes(net) == []


@pytest.mark.parametrize(("way", "words"), [("PAD", "padded"), ("CROP", "cropped")])
def test_other_ways_to_a_size_are_told(way, words):
    dataset = DatasetParameter(width=6, height=4, resize=way)
    told = "\n".join(preparation_notes(NetParameter(), dataset))
    assert words in told
    assert "brought to 6 x 4" in told
    assert "stretched" not in told
