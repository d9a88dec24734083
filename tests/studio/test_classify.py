"""The page for photos: answers equal to those of the command line, looks, and what is refused."""

import html
import io
import shutil
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from catdog.analysis.explanation import Explainer
from catdog.analysis.explanation_pictures import overlay
from catdog.data.thumbnails import in_base64
from catdog.errors import CatdogError
from catdog.inference.given_pictures import StoredPicture
from catdog.inference.predictor import Predictor
from catdog.solver.solverstate import prefix_of as prefix
from catdog.studio import weights_list
from catdog.studio.app import create_app, guarded, place_of, studio_of
from catdog.studio.looks import LookShown, PhotoLooks
from catdog.studio.open_nets import OpenNets
from catdog.studio.sent_photos import SentPhotos
from catdog.web.address import Address
from tests.studio.conftest import RUN

PHOTO = "photos/train/cat.0.jpg"
_BEST = f"{RUN}_best.caffemodel"


@pytest.fixture(scope="module")
def asking(made):
    """A client of a studio that changes nothing in its folder but the studio's own files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        studio = studio_of(place_of(made, []))
        with studio.photo_desk:
            yield TestClient(create_app(studio), base_url="http://127.0.0.1:5000")


def sent(*names):
    return [("photos", (Path(name).name, Path(name).read_bytes(), "image/jpeg")) for name in names]


def test_the_weights_are_those_of_the_run_its_best_first(asking):
    rows = asking.get("/api/classify/weights").json()
    assert rows[0] == {"name": _BEST, "run": RUN, "label": "best"}
    assert {row["label"] for row in rows} == {"best", "iteration 4", "iteration 8"}
    page = asking.get("/classify").text
    assert _BEST in page and "iteration 8" in page
    other = f"{RUN}_iter_4.caffemodel"
    assert f'value="{other}" selected' in asking.get("/classify", params={"weights": other}).text
    assert f'value="{_BEST}" selected' in asking.get("/classify", params={"run": RUN}).text


def test_of_many_runs_each_file_is_looked_at_once(folder, studio, monkeypatch):
    record = (folder / f"{RUN}_run.yaml").read_text()
    wanted = {}
    for at in range(20):
        run = f"snapshots/r{at}/net"
        (folder / f"snapshots/r{at}").mkdir()
        (folder / f"{run}_run.yaml").write_text(record)
        for number in (2, 10):
            (folder / f"{run}_iter_{number}.caffemodel").touch()
        wanted[run] = ["iteration 10", "iteration 2"]
    (folder / "alone.caffemodel").touch()
    asked = []
    monkeypatch.setattr(weights_list, "prefix_of", lambda path: asked.append(path) or prefix(path))
    rows = studio.photo_desk.weights.rows(studio.watch)
    found = {run: [row.label for row in rows if row.run == run] for run in wanted}
    assert found == wanted
    assert rows[-1] == weights_list.WeightsRow("alone.caffemodel", "", "alone.caffemodel")
    assert len(asked) == len(rows)


def test_answers_are_those_of_the_predictor(asking):
    names = [PHOTO, "photos/train/dog.1.jpg"]
    wanted = Predictor.load(_BEST)(names)
    found = asking.post("/api/classify", files=sent(*names), data={"weights": _BEST}).json()
    by_path = asking.post("/api/classify", data={"weights": RUN, "paths": names}).json()
    for answers in (found, by_path):
        for answer, prediction in zip(answers, wanted, strict=True):
            (head,) = answer["heads"]
            assert head["label"] == prediction.label
            told = {each["name"]: each["value"] for each in head["classes"]}
            assert told == prediction.probabilities
            assert [each["value"] for each in head["classes"]] == sorted(told.values())[::-1]
    assert [each["name"] for each in found] == [Path(name).name for name in names]


def test_the_last_weights_are_taken_without_a_name_and_damage_is_one_photos(asking):
    files = [*sent(PHOTO), ("photos", ("b.jpg", b"no picture", "image/jpeg"))]
    good, bad = asking.post("/api/classify", files=files).json()
    assert good["heads"] and not good["error"]
    assert not bad["heads"] and "not a picture" in bad["error"]
    page = asking.post("/parts/classify", files=files).text
    assert page.count("<article") == 2 and "not a picture" in page


def test_a_name_is_escaped_and_leads_nowhere(asking, made):
    hostile = "../../<img src=x onerror=alert(1)>.jpg"
    files = [("photos", (hostile, Path(PHOTO).read_bytes(), "image/jpeg"))]
    page = asking.post("/parts/classify", files=files).text
    assert "<img src=x" not in page and html.escape("<img src=x onerror=alert(1)>.jpg") in page
    kept = made / ".studio/uploads/photos"
    assert all(path.parent == kept for path in kept.rglob("*"))
    assert not list(made.parent.glob("*onerror*"))


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/etc/passwd", "outside"),
        ("../x.jpg", "outside"),
        ("photos/nothing.jpg", "no such file"),
        ("input/dataset.yaml", "no photo by its name"),
        (".studio/jobs/x.jpg", "belongs to the studio"),
        ("photos", "no photo by its name"),
    ],
)
def test_paths_that_may_not_be_read(client, path, what):
    answer = client.post("/api/classify", data={"paths": path})
    assert answer.status_code == 422 and what in answer.json()["error"]


@pytest.mark.parametrize("name", ["nothing", "/etc/passwd", "../x", "input", PHOTO, "a\0b"])
def test_weights_that_are_none(asking, name):
    answer = asking.post("/api/classify", data={"paths": PHOTO, "weights": name})
    assert answer.status_code == 422 and answer.json()["error"]


def test_too_many_photos_none_and_too_large_ones(asking):
    assert "no photo" in asking.post("/api/classify", data={"weights": RUN}).json()["error"]
    files = [("photos", (f"{at}.jpg", b"x", "image/jpeg")) for at in range(1001)]
    assert "65 photos" in asking.post("/api/classify", files=files[:65]).json()["error"]
    # the framework's own limit
    assert "1000" in asking.post("/api/classify", files=files).json()["error"]
    # a header that speaks of 900 million pixels, in a small file
    whole = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()
    bomb = whole[:16] + (30000).to_bytes(4) * 2 + whole[24:]
    files = [("photos", ("b.png", bomb, "image/png"))]
    (answer,) = asking.post("/api/classify", files=files).json()
    assert "900,000,000 pixels" in answer["error"]


def test_bodies_are_limited_by_their_routes(studio):
    app = guarded(create_app(studio), Address("127.0.0.1", 5000, ""))
    client = TestClient(app, base_url="http://127.0.0.1:5000")
    large = {"photos": ("a.jpg", io.BytesIO(b"x" * (9 << 20)), "image/jpeg")}
    assert client.post("/api/runs/note", files=large).status_code == 413
    assert client.post("/api/classify", files=large).status_code == 200


def look(client, **asked):
    found = client.post("/api/classify/look", json=asked).json()
    while not found["ended"]:
        time.sleep(0.02)
        found = client.get("/api/classify/look", params={"look": found["look"]}).json()
    return found


def test_a_heat_map_is_that_of_the_tool(asking):
    found = look(asking, photo=PHOTO, method="grad-cam", class_name="dog", layer="conv2")
    explainer = Explainer(Predictor.load(_BEST), ["grad-cam"], class_name="dog", layer="conv2")
    wanted = explainer.explain(Path(PHOTO))
    (picture,) = found["shown"]["pictures"]
    assert picture["source"].endswith(
        in_base64(overlay(wanted.picture, wanted.maps["grad-cam"]), 88)
    )
    assert "dog" in found["shown"]["title"] and "conv2" in found["shown"]["title"]


def test_occlusion_counts_its_views(asking):
    (kept,) = asking.post("/api/classify", files=sent(PHOTO)).json()
    found = look(asking, photo=kept["photo"], method="occlusion")
    assert found["done"] == found["total"] > 100
    assert len(found["shown"]["pictures"]) == 1


def test_the_inside_of_a_layer(asking):
    shown = look(asking, photo=PHOTO, method="layer", layer="conv1")["shown"]
    assert [each["title"] for each in shown["histograms"]] == ["activations", "weights"]
    weights = Predictor.load(_BEST).net
    conv = next(node for node in weights if node.name == "conv1").layer.blobs[0]
    histogram = shown["histograms"][1]
    assert histogram["count"] == conv.numel()
    assert histogram["median"] == pytest.approx(float(np.median(conv.numpy())))
    assert "kernels" in shown["pictures"][1]["title"]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"class_name": "horse"}, "no class"),
        ({"layer": "nothing"}, "nothing"),
        ({"photo": "kept:nothing"}, "not kept"),
        ({"photo": "/etc/passwd"}, "outside"),
        ({"method": "magic"}, "method"),
    ],
)
def test_looks_that_cannot_be(asking, asked, what):
    answer = asking.post("/api/classify/look", json={"photo": PHOTO, "method": "grad-cam"} | asked)
    assert answer.status_code == 422 and what in answer.json()["error"]


def test_a_look_that_nobody_waits_for_ends(monkeypatch):
    monkeypatch.setattr("catdog.studio.looks.FIRST", 0.0)
    monkeypatch.setattr("catdog.studio.looks.PATIENCE", 0.0)
    seen = []

    def work(viewed):
        for at in range(1000):
            time.sleep(0.001)
            viewed(1)
            seen.append(at)
        return LookShown("", ())

    found = PhotoLooks().begin(work, 1000)
    assert found.ended.wait(10)
    assert len(seen) < 999 and "nobody" in found.error


@pytest.mark.usefixtures("folder")
def test_nets_are_kept_until_their_file_changes():
    nets = OpenNets(most=1)
    best, other = Path(_BEST), Path(f"{RUN}_iter_8.caffemodel")
    first = nets.net(best)
    assert nets.net(best) is first
    nets.net(other)
    assert nets.net(best) is not first
    second = nets.net(best)
    shutil.copyfile(other, best)
    assert nets.net(best) is not second


def test_what_came_is_gone_at_the_end(studio, folder):
    with TestClient(create_app(studio), base_url="http://127.0.0.1:5000") as client:
        client.post("/api/classify", files=sent(PHOTO))
        assert list((folder / ".studio/uploads").rglob("*"))
    assert not (folder / ".studio/uploads").exists()


def test_the_oldest_photos_go(tmp_path, monkeypatch):
    sent_photos = SentPhotos(tmp_path / "sent")
    monkeypatch.setattr("catdog.studio.sent_photos.KEPT", 3)
    monkeypatch.setattr("catdog.studio.sent_photos.KEPT_BYTES", 20)
    tokens = [sent_photos.keep(StoredPicture(b"123456", str(at))) for at in range(5)]
    assert len(list((tmp_path / "sent/photos").iterdir())) == 3
    with pytest.raises(CatdogError, match="not kept"):
        sent_photos.photo(tokens[1])
    assert sent_photos.photo(tokens[4]).name == "4"
    large = sent_photos.keep(StoredPicture(b"1" * 19, "large"))
    assert [path.name for path in (tmp_path / "sent/photos").iterdir()] == [large]
