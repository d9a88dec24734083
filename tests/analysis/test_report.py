"""Judging a net: by an LMDB, a folder or its model's data, with the same numbers each time."""

import importlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from catdog.analysis.candidate import Candidate, set_temperature
from catdog.analysis.evaluation import calibrated, evaluation_of
from catdog.analysis.labelled import (
    LabelledPhotos,
    collect,
    open_labelled,
    predict_photos,
    store_remarks,
)
from catdog.analysis.report import draw_page, report_place
from catdog.data.build.dataset import LabelFiles, create
from catdog.data.build.review import decide, read_review
from catdog.data.build.synthetic import draw_sample
from catdog.data.images import Unreadable
from catdog.data.lmdb_store import Reader
from catdog.errors import CatdogError, DataError
from catdog.inference.calibration import apply_temperature
from catdog.inference.predictor import Predictor
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.spec import to_yaml
from catdog.weights import read_weights, write_weights
from tests.analysis.test_html import Reader as PageReader
from tests.inference.test_predictor import train_val, trained
from tests.tool_run import run_tool

RECORD = DatasetParameter(
    width=24, height=24, equalize=True, interpolation="CUBIC", validation_every=3, seed=1
)


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Path:
    """Photos, LMDBs, a net that was never trained, as weights of both kinds and as a spec."""
    folder = tmp_path_factory.mktemp("job")
    draw_sample(folder / "input", train=40, test=2, seed=3)
    create(folder / "input", folder, RECORD)
    for name, outputs, loss in (
        ("two", 2, "SoftmaxWithLoss"),
        ("one", 1, "SigmoidCrossEntropyLoss"),
    ):
        weights, _, feed = trained(folder, outputs=outputs, loss=loss)
        feed.close()
        write_weights(folder / f"{name}.caffemodel", weights)
        (folder / f"{name}.yaml").write_text(to_yaml(train_val(folder, outputs, loss)))
    return folder


@pytest.fixture
def tool(monkeypatch, capsys, job):
    """Runs a tool in the job's folder; gives its lines, or the error."""
    monkeypatch.chdir(job)

    def run(name, *words):
        return run_tool(importlib.import_module(f"catdog.tools.{name}").main, capsys, *words)

    return run


def judge(candidate):
    predictor, place = candidate.open()
    with open_labelled(place, predictor) as data:
        return evaluation_of(
            candidate, predictor, place, collect(predict_photos(predictor, data))
        ), data


@pytest.mark.parametrize("name", ["one", "two"])
def test_an_lmdb_its_photos_and_the_model_give_the_same(job, name, monkeypatch):
    monkeypatch.chdir(job)
    weights = job / f"{name}.caffemodel"
    stored, data = judge(Candidate(weights, data=job / "validation_lmdb"))
    named, _ = judge(Candidate(weights, job / f"{name}.yaml"))
    folder = job / f"photos_{name}"
    folder.mkdir()
    for photo in data.names:
        shutil.copy(job / "input" / "train" / photo, folder)
    loose, other = judge(Candidate(weights, data=folder))
    packed, _ = judge(
        Candidate(weights, data=Path(shutil.make_archive(str(folder), "zip", folder)))
    )
    np.testing.assert_array_equal(loose.predictions.probabilities, packed.predictions.probabilities)
    np.testing.assert_array_equal(loose.predictions.label, packed.predictions.label)
    np.testing.assert_array_equal(stored.predictions.probabilities, named.predictions.probabilities)
    order = [other.names.index(photo) for photo in data.names]
    np.testing.assert_allclose(
        stored.predictions.probabilities, loose.predictions.probabilities[order], rtol=1e-6
    )
    assert list(stored.predictions.label) == list(loose.predictions.label[order])
    # and all of it is what the net says of each photo
    expected = Predictor(read_weights(weights)).predict([folder / photo for photo in data.names])
    for row, prediction in zip(stored.predictions.probabilities, expected, strict=True):
        np.testing.assert_allclose(row, prediction.probabilities, rtol=1e-5)


def test_several_nets_are_judged_by_the_mean_of_their_probabilities(tool, job):
    weights = read_weights(job / "two.caffemodel")
    for blob in weights.blobs["score"]:
        blob[:] = blob[::-1].copy()
    write_weights(job / "other.caffemodel", weights)
    lines = tool(
        "evaluate",
        *("--weights", "two.caffemodel,other.caffemodel", "--data", "validation_lmdb"),
        *("--report", "mean.html"),
    )
    found = json.loads((job / "mean.json").read_text())
    assert found["weights"] == "two.caffemodel, other.caffemodel"
    # two nets of which one says of each class what the other says of the other one
    assert found["log_loss"] == pytest.approx(np.log(2), abs=1e-6)
    assert any(line.startswith("log loss             0.6931  (0.69") for line in lines)
    assert "How good is the mean of 2 nets?" in (job / "mean.html").read_text()
    for words in (["--calibrate"], ["--iterations", "3"]):
        (error,) = tool(
            "evaluate",
            *("--weights", "two.caffemodel,other.caffemodel", "--data", "validation_lmdb", *words),
        )
        assert error.startswith(f"error: {words[0]}: a ")


def by_hand(predictor, picture, top, left, mirrored):
    """Scores of one look, in NumPy: cut, mirror, mean, scale, inner product, softmax."""
    mean = predictor.transform.mean_picture
    look = (picture.astype(np.float64) - mean)[:, top : top + 20, left : left + 20] * 0.02
    if mirrored:
        look = look[:, :, ::-1]
    weight, bias = (
        blob.numpy().astype(np.float64) for blob in predictor.net.layer_blobs()["score"]
    )
    powers = np.exp(weight @ look.ravel() + bias)
    return powers / powers.sum()


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_ten_looks_and_a_temperature_by_hand(job, temperature):
    predictor = Predictor(read_weights(job / "two.caffemodel"), views="10")
    predictor.temperature = temperature
    picture = np.random.default_rng(5).integers(0, 256, (3, 24, 24), np.uint8)
    places = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    looks = [by_hand(predictor, picture, *at, flip) for at in places for flip in (False, True)]
    powers = np.mean(looks, axis=0) ** (1 / temperature)
    expected = powers / powers.sum()
    np.testing.assert_allclose(predictor.probabilities([picture])[0], expected, rtol=1e-4)


def test_a_temperature_divides_the_scores():
    scores = np.random.default_rng(0).normal(0, 4, (20, 5))
    softmax = [np.exp(s) / np.exp(s).sum(1, keepdims=True) for s in (scores, scores / 3)]
    np.testing.assert_allclose(apply_temperature(softmax[0], 3), softmax[1], rtol=1e-9)
    certain = apply_temperature(np.array([[1, 0]], np.float32), 2)
    assert 0 < certain[0, 1] < 1e-18


@pytest.mark.parametrize("suffix", [".caffemodel", ".caffemodel.h5", ".safetensors"])
def test_the_temperature_rides_in_the_weights(job, tmp_path, suffix):
    weights = read_weights(job / "two.caffemodel")
    path = tmp_path / f"x{suffix}"
    write_weights(path, weights)
    set_temperature(path, 3.0)
    set_temperature(path, 1.75)
    found = read_weights(path)
    assert Predictor(found).temperature == 1.75
    assert found.net.deploy == weights.net.deploy
    for name, blobs in weights.blobs.items():
        for one, other in zip(blobs, found.blobs[name], strict=True):
            np.testing.assert_array_equal(one, other)


def test_calibration_lowers_the_log_loss_of_its_photos(job):
    evaluation, _ = judge(Candidate(job / "two.caffemodel", data=job / "train_lmdb"))
    after = calibrated(evaluation)
    assert after.metrics.log_loss < evaluation.metrics.log_loss
    assert after.metrics.accuracy == evaluation.metrics.accuracy
    assert after.temperature != 1


def test_what_is_wrong_with_the_data_is_said(job, tmp_path):
    weights = job / "two.caffemodel"
    with pytest.raises(CatdogError, match="nothing to judge the net on"):
        Candidate(weights).open()
    for field, value, said in (
        ("equalize", False, "equalize is true here, false there"),
        ("interpolation", 1, "interpolation is CUBIC here, LINEAR there"),
    ):
        predictor, _ = Candidate(weights, data=job).open()
        setattr(predictor.dataset, field, value)
        with (
            pytest.raises(DataError, match=said),
            open_labelled(job / "validation_lmdb", predictor),
        ):
            pass
    predictor, _ = Candidate(weights, data=job).open()
    with (
        pytest.raises(DataError, match=r"no such LMDB; `make lmdb OUT=.*` builds it"),
        open_labelled(tmp_path / "validation_lmdb", predictor),
    ):
        pass
    with (
        pytest.raises(DataError, match="no folder has such a name"),
        open_labelled(tmp_path / "shard-*", predictor),
    ):
        pass
    for index, photo in enumerate((job / "input" / "train").iterdir()):
        name = f"{('owl', 'cat')[index % 2]}.{index}{photo.suffix}"
        (tmp_path / name).write_bytes(photo.read_bytes())
    with (
        pytest.raises(DataError, match="the photos are of cat, owl, the net knows cat, dog"),
        open_labelled(tmp_path, predictor),
    ):
        pass


def test_labels_that_are_no_class_and_photos_that_are_none(job):
    predictor = Predictor(read_weights(job / "two.caffemodel"))
    with open_labelled(job / "validation_lmdb", predictor) as data:
        odd = LabelledPhotos(data.names, lambda at: data.read(at)._replace(label=7), data.picture)
        with pytest.raises(DataError, match="label 7, and the net has 2 classes"):
            list(predict_photos(predictor, odd))
        fault = Unreadable("empty file", where="x.jpg")
        part = LabelledPhotos(
            data.names, lambda at: fault if at == 1 else data.read(at), data.picture
        )
        judged = collect(predict_photos(predictor, part))
        assert list(judged.index) == [0, *range(2, len(data.names))]
        assert judged.unreadable == (fault,)
    with pytest.raises(DataError, match="no photo that can be read"):
        collect([fault])


def test_the_report(job, tool):
    lines = tool(
        "evaluate", "--weights", "two.caffemodel", "--data", "validation_lmdb", "--report", "r",
        "--device", "cpu",
    )  # fmt: skip
    found = json.loads((job / "r/report.json").read_text())
    low, high = found["accuracy_interval"]
    assert lines[0].split(maxsplit=2) == [
        *("accuracy", f"{found['accuracy']:.2%}", f"({low:.1%} to {high:.1%})")
    ]
    assert lines[-2:] == [f"written  {Path('r/report.html')}", f"written  {Path('r/report.json')}"]
    with Reader(job / "validation_lmdb") as reader:
        assert found["photos"] == len(reader)
    wrong = sum(found["confusion"][0][1:]) + found["confusion"][1][0]
    assert len(found["errors"]) == wrong > 0
    assert [e["loss"] for e in found["errors"]] == sorted(
        (e["loss"] for e in found["errors"]), reverse=True
    )
    page = PageReader((job / "r/report.html").read_text())
    shown = [a["src"] for tag, a in page.tags if tag == "img"]
    assert sum(src.startswith("data:image/jpeg") for src in shown) == min(wrong, 24)
    assert f"{found['log_loss']:.4f}" in page.text


def test_the_page_escapes_names(job):
    candidate = Candidate(job / "two.caffemodel", data=job / "validation_lmdb")
    evaluation, _ = judge(candidate)
    with open_labelled(job / "validation_lmdb", candidate.open()[0]) as data:
        evil = LabelledPhotos([f"<script>{name}" for name in data.names], data.read, data.picture)
        text = str(draw_page(evaluation, evil))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_places_of_reports():
    weights = Path("s/x_iter_4.caffemodel.h5")
    assert report_place(Path(), weights) == Path("s/x_iter_4.report.html")
    assert report_place(Path("out"), weights) == Path("out/report.html")
    assert report_place(Path("out/y.html"), weights) == Path("out/y.html")


def test_a_fitted_temperature_is_used_and_told(job, tool):
    shutil.copy(job / "two.caffemodel", job / "fit.caffemodel")
    words = ("evaluate", "--weights", "fit.caffemodel", "--data", "train_lmdb", "--device", "cpu")
    fitted = tool(*words, "--fit-temperature", "--tta", "flip")
    temperature = float(re.match(r"temperature (\S+),", fitted[0])[1])
    assert temperature == pytest.approx(Predictor(read_weights("fit.caffemodel")).temperature, 1e-4)
    (told,) = [line for line in fitted if line.startswith("log loss ")][:1]
    again = tool(*words, "--tta", "flip")
    assert told.split()[-1] == again[1].split()[2]
    # the second time it is fitted anew, from the net's own probabilities
    assert tool(*words, "--fit-temperature", "--tta", "flip")[0] == fitted[0]
    tool("predict", "input/test1", "--weights", "fit.caffemodel", "--tta", "10", "--device", "cpu")


def test_photos_to_look_at_are_written_beside_the_decisions_that_are_there(tool, job, tmp_path):
    path = tmp_path / "review.csv"
    words = ("evaluate", "--weights", "two.caffemodel", "--data", "train_lmdb", "--device", "cpu")
    lines = tool(*words, "--review", str(path), "--suspects", "2")
    first = read_review(path)
    assert lines[-1] == f"review   {path}: {len(first)} photos to look at"
    assert 2 <= len(first) <= 6
    assert not any(row.decision for row in first)
    decided = first[0]._replace(decision="drop", note="blurred")
    decide(path, [decided])
    lines = tool(*words, "--review", str(path), "--suspects", "4")
    again = read_review(path)
    assert again[: len(first)] == [decided, *first[1:]]
    new = f"{len(again) - len(first)} photos to look at, {len(first)} stood in it and stay"
    assert new in lines[-1]
    # a build takes the names as they are
    report = create(job / "input", tmp_path, RECORD, files=LabelFiles(review=path))
    assert report.dataset.count.dropped == 1


def test_flags_that_do_not_fit(tool):
    words = ("evaluate", "--weights", "two.caffemodel", "--data", "validation_lmdb")
    assert "--iterations" in tool(*words, "--iterations", "3")[0]


def test_a_store_of_other_classes_is_told(job, tmp_path, monkeypatch):
    monkeypatch.chdir(job)
    predictor = Predictor(read_weights("two.caffemodel"))
    assert list(store_remarks(job / "train_lmdb", predictor)) == []
    shutil.copytree(job / "train_lmdb", tmp_path / "other")
    record = DatasetParameter(class_name=["dog", "cat"], width=24, height=24)
    (tmp_path / "other/dataset.yaml").write_text(to_yaml(record))
    (told,) = store_remarks(tmp_path / "other", predictor)
    assert told.endswith(
        "other are dog, cat, those of the net cat, dog: labels are compared by their numbers"
    )
