"""The tools at work, each as a person calls it."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from tests.tool_run import run_tool

FORMATS = Path(__file__).parent / "goldens/formats"
NET, WEIGHTS = str(FORMATS / "features_net.prototxt"), str(FORMATS / "model.caffemodel")
LOSS = """
layer {
  name: "accuracy" type: "Accuracy" bottom: "fc2" bottom: "label" top: "accuracy"
}
layer {
  name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss"
}
"""


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Runs a tool in an empty folder; gives its lines, or those of its errors."""
    monkeypatch.chdir(tmp_path)

    def call(name, *words):
        return run_tool(importlib.import_module(f"catdog.tools.{name}").main, capsys, *words)

    return call


@pytest.fixture
def net_with_loss(tmp_path):
    text = Path(NET).read_text().replace("lmdb_raw", str(FORMATS / "lmdb_raw")) + LOSS
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    return str(path)


def test_check(call, tmp_path):
    assert call("check", NET)[0] == f"{NET}: OK"
    (tmp_path / "bad.yaml").write_text("layer:\n- {name: a, type: Convolutoin, bottom: x, top: y}")
    assert call("check", "bad.yaml") == [
        'error: bad.yaml:2:13: layer "a": unknown layer type "Convolutoin"; '
        'did you mean "Convolution"?',
        'error: bad.yaml:2:32: layer "a": (Convolutoin) unknown bottom "x": '
        "no layer above makes it",
    ]


def test_summarize(call):
    lines = call("summarize", NET, "--shape", "data=10,3,8,8")
    assert re.fullmatch(r"conv1 +Convolution +10x3x6x6 +84 +29,160", lines[4])
    assert lines[-3].startswith("total parameters: ")
    (error,) = call("summarize", NET, "--shape", "dada=1,3,8,8")
    assert 'did you mean "data"?' in error


def test_time_net(call, net_with_loss):
    lines = call("time_net", "-model", net_with_loss, "-iterations", "2", "--batch", "3")
    assert lines[1] == "Testing for 2 iterations on cpu."
    assert any(re.fullmatch(r" +conv1\tbackward: \S+ ms\.", line) for line in lines)


def test_tools_that_build_a_net_refuse_a_stage_that_it_has_not(call, net_with_loss):
    for words in (
        ("summarize", net_with_loss),
        ("time_net", "--model", net_with_loss),
        ("evaluate", "--model", net_with_loss, "--weights", WEIGHTS),
        ("evaluate", "--model", net_with_loss, "--weights", WEIGHTS, "--report"),
        ("check", net_with_loss),
        ("preview", net_with_loss),
        ("to_torch", "--model", net_with_loss, "x.py"),
        ("convert", net_with_loss, "x.onnx"),
        ("extract_features", WEIGHTS, net_with_loss, "fc1", "--out", "x.npz"),
    ):
        (error,) = call(*words, "--stage", "nosiy")
        assert error == 'error: --stage: no layer of the net looks at stage "nosiy"; leave it out'


def test_a_net_that_is_only_trained_is_summarized_and_written_out(call, tmp_path):
    (tmp_path / "only.prototxt").write_text(
        'layer { name: "d" type: "Data" top: "d" top: "l" include { phase: TRAIN } '
        'data_param { source: "no" batch_size: 8 } }'
        'layer { name: "ip" type: "InnerProduct" bottom: "d" top: "ip" '
        "inner_product_param { num_output: 2 } }"
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "l" top: "loss" }'
    )
    assert call("check", "only.prototxt")[0] == "only.prototxt: OK"
    lines = call("summarize", "only.prototxt")
    assert "309,176" in "".join(lines)
    assert "state: TEST on the data of the TRAIN phase; for other layers: --phase TRAIN" in lines
    words = ("--model", "only.prototxt", "--shape", "d=1,3,5,5")
    assert call("to_torch", *words, "only.py") == ["only.py", "only.pt"]


def test_evaluate(call, net_with_loss):
    words = ("evaluate", "--model", net_with_loss, "--weights", WEIGHTS, "--device", "cpu")
    lines = call(*words, "--iterations", "3")
    assert [line.split(" = ")[0] for line in lines] == [
        *(f"Batch {batch}, {name}" for batch in range(3) for name in ("accuracy", "loss")),
        "Loss: " + lines[6].split()[-1],
        "accuracy",
        "loss",
    ]
    assert len(call(*words)) == 9  # 12 examples by 5: three batches, too
    (error,) = call("evaluate", "--model", net_with_loss)
    assert "--weights" in error


def test_extract_features(call, tmp_path):
    (line,) = call("extract_features", WEIGHTS, NET, "conv1,fc1", "a,b", "2", "lmdb", "CPU")
    assert line == "Extracted features of 10 examples into a, b."
    assert (tmp_path / "a/data.mdb").exists()
    (line,) = call("extract_features", WEIGHTS, NET, "fc1", "--out", "x.npz", "--batches", "1")
    assert line == "Extracted features of 5 examples into x.npz."
    assert np.load("x.npz")["fc1"].shape == (5, 7)
    for words in (["fc1"], ["fc1", "a"], ["fc1", "a", "2", "lmdb", "--out", "x.npz"]):
        (error,) = call("extract_features", WEIGHTS, NET, *words)
        assert "give either LMDBs" in error
    (error,) = call("extract_features", WEIGHTS, NET, "conv1,fc1", "c", "2", "lmdb")
    assert error == "error: 2 blobs and 1 LMDBs; give one for each"
    (error,) = call("extract_features", WEIGHTS, NET, "fc1", "c", "2", "leveldb")
    assert "lmdb" in error


def test_convert(call, tmp_path):
    assert call("convert", NET, "net.yaml") == ["net.yaml"]
    assert (tmp_path / "net.yaml").read_text().startswith("name: features\n")
    (error,) = call("convert", NET, "net.npy")
    assert "cannot become net.npy" in error


def test_to_torch(call, tmp_path):
    words = ("to_torch", "--model", NET, "--weights", WEIGHTS)
    assert call(*words, "net.py") == ["net.py", "net.pt"]
    assert call(*words, "net.py", "--state", "net.safetensors") == ["net.py", "net.safetensors"]
    assert "class Features(nn.Module):" in (tmp_path / "net.py").read_text()
    (error,) = call("to_torch", "net.py")
    assert error == "error: carries no deploy net; give the net with --model"


def test_device_query(call):
    assert any(line.startswith("Name:") for line in call("device_query"))


def test_layers_without_weights_are_named(net_with_loss, tmp_path, capsys):
    path = Path(net_with_loss)
    path.write_text(path.read_text().replace("fc2", "fc9"))
    for name, *words in (
        ("evaluate", "--model", path, "--weights", WEIGHTS, "--iterations", "1"),
        ("extract_features", WEIGHTS, path, "fc9", "--out", tmp_path / "f.npz"),
    ):
        importlib.import_module(f"catdog.tools.{name}").main(list(map(str, words)))
        said = capsys.readouterr().err
        assert f"warning: no weights in {WEIGHTS} for fc9: as the fillers left them" in said
