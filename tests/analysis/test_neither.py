"""Photos of neither class, from the calibration of a net to what is said, shown and written."""

import csv
import importlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from google.protobuf import text_format
from sklearn.metrics import roc_auc_score

from catdog.data.build.dataset import create
from catdog.data.build.synthetic import draw_sample
from catdog.inference.predictor import Predictor
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.weights import read_weights, weights_of, write_weights
from tests.serving.served import served
from tests.tool_run import run_tool

NET = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 24 dim: 24 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 8 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: AVE global_pooling: true } }
layer { name: "score" type: "InnerProduct" bottom: "pool" top: "score"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "score" top: "prob" }
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Drawn photos, LMDBs, a net that was never trained, and noise, which is foreign to it."""
    folder = tmp_path_factory.mktemp("job")
    draw_sample(folder / "input", train=60, test=3, seed=3)
    record = DatasetParameter(width=24, height=24, validation_every=2, seed=1)
    create(folder / "input", folder, record)
    carried = NetParameter()
    carried.dataset.CopyFrom(record)
    carried.dataset.class_name.extend(("cat", "dog"))
    text_format.Parse(NET, carried.deploy)
    net = Net(carried.deploy, setting=Setting(Randomness(5)))
    write_weights(folder / "plain.caffemodel", weights_of(net, carried))
    (folder / "noise").mkdir()
    rng = np.random.default_rng(2)
    for at in range(12):
        cv2.imwrite(str(folder / f"noise/{at}.png"), rng.integers(0, 256, (24, 24, 3), np.uint8))
    return folder


@pytest.fixture
def tool(monkeypatch, capsys, job):
    """Runs a tool in the job's folder; gives its lines, or the error."""
    monkeypatch.chdir(job)

    def run(name, *words):
        return run_tool(importlib.import_module(f"catdog.tools.{name}").main, capsys, *words)

    return run


def calibrated(tool, name, *words):
    shutil.copy("plain.caffemodel", name)
    tool("evaluate", "--weights", name, "--data", "validation_lmdb", "--calibrate", *words)
    return read_weights(name)


def test_noise_is_refused_wherever_photos_are_told_of(tool):
    weights = calibrated(tool, "near.caffemodel", "--train-data", "train_lmdb")
    carried = weights.net.confidence.foreign
    assert (carried.blob, carried.size, carried.neighbors) == ("pool", 8, 10)
    predictor = Predictor(weights, reject=0.2)
    noise = sorted(Path("noise").iterdir())
    assert all(each.is_refused for each in predictor(noise))
    # the score, by hand
    bank = np.frombuffer(carried.features, "<f2").reshape(-1, 8).astype(np.float64)
    _, batch = predictor.prepared(noise[0])
    pool = predictor.net({"data": batch}, keep=["pool"]).blobs["pool"].numpy().ravel()
    far = np.sort(np.linalg.norm(bank - pool / np.linalg.norm(pool), axis=1))[9]
    found = predictor(noise[0])
    assert found.foreign.score == pytest.approx(far, abs=2e-3)
    assert str(found).startswith("neither (foreign ")
    words = ("predict", "noise", "input/test1", "--weights", "near.caffemodel", "--reject", "0.2")
    lines = tool(*words, "--table", "t.csv", "--page", "p.html", "--sort-into", "sorted",
                 "--picture", "p.png", "--probability", "--out", "s.csv")  # fmt: skip
    with Path("t.csv").open() as file:
        rows = list(csv.DictReader(file))
    refused = [row for row in rows if row["neither"] == "1"]
    assert len(refused) >= 12
    assert any(f"{len(refused)} neither" in line for line in lines)
    assert len(list(Path("sorted/neither").iterdir())) == len(refused)
    with Path("s.csv").open() as file:
        said = {row["id"]: row["label"] for row in csv.DictReader(file)}
    assert all(said[row["id"]] == "0.500000" for row in refused)
    assert Path("p.html").read_text().count("[[-2]]") == len(refused)
    lines = tool("predict", "noise/1.png", "--weights", "near.caffemodel", "--reject", "0.2")
    assert lines[1].startswith("  neither: foreign ")


def test_auroc_is_scikit_learns_and_shares_are_counts(tool):
    calibrated(tool, "auc.caffemodel", "--train-data", "train_lmdb")
    words = ("evaluate", "--weights", "auc.caffemodel", "--data", "validation_lmdb")
    lines = tool(*words, "--foreign", "noise", "--reject", "0.2", "--report", "r.html")
    found = json.loads(Path("r.json").read_text())["foreign"]
    predictor = Predictor(read_weights("auc.caffemodel"), reject=0.2)
    known = np.array(predictor.confidence.foreign.known)
    noise = [each.foreign for each in predictor(sorted(Path("noise").iterdir()))]
    scores = np.concatenate((known, [each.score for each in noise]))
    labels = np.repeat((0, 1), (len(known), len(noise)))
    name = "distance to neighbor 10"
    assert found["aurocs"][name] == pytest.approx(roc_auc_score(labels, scores))
    assert found["foreign_refused"] == sum(each.is_refused for each in noise)
    assert found["known_refused"] / found["known"] <= 0.2
    assert any(line.startswith("AUROC ") and line.endswith("energy") for line in lines)
    assert "Photos of neither" in Path("r.html").read_text()


def test_without_photos_that_were_learned_from_it_is_the_energy(tool):
    carried = calibrated(tool, "energy.caffemodel").net.confidence.foreign
    assert (carried.blob, carried.features) == ("score", b"")
    assert len(carried.known) == 30
    photo = next(Path("input/test1").iterdir())
    predictor = Predictor(read_weights("energy.caffemodel"), reject=0.2, views="")
    _, batch = predictor.prepared(photo)
    score = predictor.net({"data": batch}, keep=["score"]).blobs["score"].numpy()[0]
    assert predictor(photo).foreign.score == pytest.approx(-np.logaddexp(*score), rel=1e-4)


def test_what_cannot_be_is_told_in_a_line(tool):
    words = ("predict", "noise/1.png", "--weights", "plain.caffemodel", "--reject")
    for share, told in (("0.2", "do not tell what is foreign"), ("2", "is no share between")):
        (error,) = tool(*words, share)
        assert told in error
    (error,) = tool(*words, "0.2", "--engine", "onnxruntime")
    assert "--engine: --reject is computed by torch" in error
    (error,) = tool("evaluate", "--weights", "plain.caffemodel", "--data", "validation_lmdb",
                    "--foreign", "noise")  # fmt: skip
    assert "--foreign: the weights do not tell" in error
    (error,) = tool("evaluate", "--weights", "plain.caffemodel", "--data", "validation_lmdb",
                    "--calibrate", "--train-data", "nowhere")  # fmt: skip
    assert "nowhere" in error


def test_serve_tells_it(tool, job):
    calibrated(tool, "served.caffemodel", "--train-data", "train_lmdb")
    with served(job / "served.caffemodel", reject=0.2, coverage=0.8) as (_, client):
        found = client.post("/predict", content=Path("noise/1.png").read_bytes(),
                            headers={"content-type": "image/png"}).json()["photos"][0]  # fmt: skip
        about = client.get("/net").json()
    assert found["neither"] is True
    assert found["foreign"] > about["foreign_above"]
    assert set(found["within"]) <= {"cat", "dog"}
    assert (about["reject"], about["coverage"]) == (0.2, 0.8)
