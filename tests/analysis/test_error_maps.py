"""Heat maps of errors: those that `explain` draws, of the class taken for and the true one."""

import sys

import numpy as np
import pytest

from catdog.analysis.error_maps import error_maps
from catdog.analysis.explanation import GRAD_CAM, Explainer
from catdog.analysis.explanation_pictures import overlay
from catdog.analysis.label_errors import errors
from catdog.analysis.labelled import collect, labelled_photos, open_labelled, predict_photos
from catdog.cli import main as cli
from catdog.data.build.dataset import create
from catdog.data.build.listing import Photo
from catdog.data.images import load
from catdog.data.thumbnails import thumbnail
from catdog.errors import CatdogError
from catdog.inference.predictor import Predictor
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.weights import read_weights
from tests.analysis.explained_net import CHANNELS, CLASSES, HEAD, SIDE, write_net
from tests.pictures import picture, save_all
from tools import evaluate

pytest.importorskip("captum")
#: A net without a layer that has height and width.
FLAT = HEAD % {"blob": "prob", "bottom": "data", "count": 3, "kind": "Softmax"}


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Photos in folders of classes, two LMDBs of them, and nets that were never trained."""
    folder = tmp_path_factory.mktemp("maps")
    names = [f"photos/{name}/{at}.png" for name in CLASSES for at in range(6)]
    save_all(folder, {name: picture(20, 30, at) for at, name in enumerate(names)})
    write_net(folder / "net.caffemodel")
    write_net(folder / "flat.caffemodel", FLAT)
    record = DatasetParameter(width=SIDE, height=SIDE, validation=6)
    create(folder / "photos", folder / "input", record)
    return folder


def opened(job, name="net"):
    return Predictor(read_weights(job / f"{name}.caffemodel"))


def test_they_are_those_of_the_class_it_was_taken_for_and_of_its_own(job):
    predictor = opened(job)
    with open_labelled(job / "photos", predictor) as data:
        found = collect(predict_photos(predictor, data))
        worst = errors(found, 4)
        maps = error_maps(predictor, data, found, worst)
    assert (maps.layer, len(maps.rows)) == ("relu", 4)
    for place, (shown, taken, own) in zip(worst, maps.rows, strict=True):
        name = data.names[found.index[place]]
        classes = [CLASSES[found.predicted[place]], CLASSES[found.label[place]]]
        assert [shown.title, taken.title, own.title] == [name, *classes]
        assert taken.bad and not own.bad
        assert taken.note.startswith(f"{found.probabilities[place].max():.1%}")
        for card, wanted in ((taken, classes[0]), (own, classes[1])):
            explainer = Explainer(predictor, [GRAD_CAM], class_name=wanted)
            each = explainer.explain(job / "photos" / name)
            drawn = thumbnail(overlay(each.picture, each.maps[GRAD_CAM]))
            assert np.array_equal(card.picture, drawn)
            assert card.note.endswith("nowhere") == (each.maps[GRAD_CAM].max() <= 0)


def test_what_a_net_gets_of_stored_photos_is_what_it_gets_of_files(job):
    predictor = opened(job)
    for file in sorted((job / "photos/cat").iterdir()):
        pixels, batch = predictor.prepared(file)
        planes = load(file, predictor.dataset)
        again, same = predictor.seen(planes)
        assert (pixels == again).all() and (batch == same).all()
        # numbers that are none of a picture are shown from black to white
        shown, _ = predictor.seen(np.asarray(planes, np.float32) / 7 - 3)
        assert (shown.dtype, shown.min(), shown.max()) == (np.uint8, 0, 255)


def test_without_captum_or_a_layer_there_are_none(job, monkeypatch):
    predictor = opened(job, "flat")
    assert CHANNELS == 4
    with open_labelled(job / "photos", predictor) as data:
        found = collect(predict_photos(predictor, data))
        with pytest.raises(CatdogError, match="no layer of the net has height and width"):
            error_maps(predictor, data, found, [0])
        monkeypatch.setitem(sys.modules, "captum.attr", None)
        with pytest.raises(
            CatdogError, match=r"need captum.*pip install 'catdog-torch\[explain\]'"
        ):
            error_maps(opened(job), data, found, [0])


def test_a_photo_that_has_gone_since_is_told(job, tmp_path):
    predictor = opened(job)
    photo = tmp_path / "cat.1.png"
    photo.write_bytes((job / "photos/cat/0.png").read_bytes())
    data = labelled_photos([Photo(photo, photo.name, 0)], list(CLASSES), predictor)
    found = collect(predict_photos(predictor, data))
    photo.unlink()
    with pytest.raises(CatdogError, match=r"cat\.1\.png"):
        error_maps(predictor, data, found, [0])


@pytest.fixture
def tool(job, monkeypatch, capsys):
    monkeypatch.chdir(job)

    def run(weights, *words):
        given = ("--weights", weights, "--data", "input/train_lmdb", "--device", "cpu")
        cli.run_tool(evaluate.main, [*given, "--report", "r.html", *words])
        return capsys.readouterr().err.splitlines(), (job / "r.html").read_text()

    return run


def test_a_report_has_maps_of_so_many_errors(tool):
    _, page = tool("net.caffemodel", "--heat-maps", "3")
    assert page.count('class="triple"') == 3
    assert "What it looked at in the worst errors" in page
    _, page = tool("net.caffemodel", "--heat-maps", "0")
    assert "Worst errors" in page
    assert "What it looked at" not in page


def test_a_report_without_maps_says_why(tool, monkeypatch):
    lines, page = tool("flat.caffemodel")
    assert "no layer of the net has height and width" in "\n".join(lines)
    lines, _ = tool("net.caffemodel,net.caffemodel")
    assert "heat maps are those of one net: the report has none" in lines
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    lines, page = tool("net.caffemodel")
    (told,) = [line for line in lines if "captum" in line]
    assert told.endswith("pip install 'catdog-torch[explain]'; the report has no heat maps")
    assert "Worst errors" in page and "What it looked at" not in page
