"""Many photos on the page Classify: sent, predicted and judged by jobs, looked at as pages."""

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from catdog.cli.main import call_tool
from catdog.studio.app import create_app, guarded, place_of, studio_of
from catdog.studio.jobs.worker import main as do_job
from catdog.studio.predicted_rows import PAGE, PredictedRow, likeliest, page_of
from catdog.studio.sent_photos import named_parts
from catdog.web.address import Address
from tests.studio.conftest import RUN

PHOTO = "photos/train/cat.0.jpg"
_BEST = f"{RUN}_best.caffemodel"


@pytest.fixture(scope="module")
def work(made, tmp_path_factory):
    """A copy of the folder in which results stay from test to test, and a client of its studio."""
    folder = tmp_path_factory.mktemp("many") / "work"
    shutil.copytree(made, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        studio = studio_of(place_of(folder, []))
        app = guarded(create_app(studio), Address("127.0.0.1", 5000, ""))
        with studio.photo_desk:
            yield TestClient(app, base_url="http://127.0.0.1:5000"), studio


def done(studio, row):
    """Do the job of predictions here and now."""
    job = studio.jobs.find(row["asked"]["job"])
    assert do_job(job.folder) == 0, job.output
    return studio.predictions.row(row["name"])


def begun(client, **asked):
    answer = client.post("/api/classify/many", json={"weights": _BEST, **asked})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_folder_is_what_the_command_line_says_of_it(work):
    client, studio = work
    row = begun(client, name="test", source="photos/test1", probability=True)
    assert row["asked"]["photos"] == 4 and row["state"] == "waiting"
    found = done(studio, row)
    assert set(found.files) == {"submission.csv", "table.csv"} and found.state == "done"
    call_tool(
        "predict",
        ["photos/test1", "--weights", _BEST, "--out", "mine.csv", "--probability"],
    )
    got = client.get("/api/predictions/file", params={"name": "test", "file": "submission.csv"})
    assert got.content == Path("mine.csv").read_bytes()
    assert got.headers["content-disposition"].startswith("attachment")
    job = client.get("/job", params={"name": row["asked"]["job"]}).text
    assert 'href="/predictions?name=test"' in job
    assert found.job == row["asked"]["job"]
    studio.jobs.forget(studio.jobs.find(found.job))
    again = studio.predictions.row("test")
    assert (again.job, again.state) == ("", "done")
    page = client.get("/predictions", params={"name": "test"}).text
    assert "/job?" not in page
    assert "Likeliest of each class" in page
    photo = client.get("/parts/predictions/photo", params={"name": "test", "at": 0})
    assert cv2.imdecode(np.frombuffer(photo.content, np.uint8), 1).shape[2] == 3
    for at in (-1, 4):
        answer = client.get("/parts/predictions/photo", params={"name": "test", "at": at})
        assert answer.status_code == 422


def test_photos_that_are_sent_in_parts_keep_their_folders(work):
    client, studio = work
    token = ""
    for name in ("a/cat/1.jpg", "a/dog/1.jpg", "a/cat/1.jpg", "../../x.jpg", "run.sh", ".b.jpg"):
        files = [("photos", (name, Path(PHOTO).read_bytes(), "image/jpeg"))]
        answer = client.post("/api/classify/photos", files=files, data={"sent": token}).json()
        token = answer["sent"]
        assert len(answer["refused"]) == (name == "run.sh")
    assert answer["photos"] == 5
    row = begun(client, name="sent", sent=token)
    done(studio, row)
    with Path("predictions/sent/table.csv").open(newline="") as file:
        files = {each["file"] for each in csv.DictReader(file)}
    below = "predictions/sent/photos"
    names = {"a/cat/1.jpg", "a/dog/1.jpg", "a/cat/1-2.jpg", "x.jpg", "b.jpg"}
    assert files == {f"{below}/{name}" for name in names}
    again = client.post("/api/classify/many", json={"name": "again", "sent": token})
    assert again.status_code == 422
    assert client.post("/api/predictions/delete", json={"name": "sent"}).status_code == 200
    assert not Path("predictions/sent").exists()


def test_a_zip_is_read_where_it_is_and_a_net_judged_by_it(work):
    client, studio = work
    with zipfile.ZipFile("some.zip", "w") as archive:
        for path in sorted(Path("photos/train").iterdir())[:12]:
            archive.write(path, f"{path.name.split('.')[0]}/{path.name}")
        archive.writestr("../escape.jpg", b"x")
    told = done(studio, begun(client, name="zip", source="some.zip"))
    assert "table.csv" in told.files and not Path("../escape.jpg").exists()
    photo = client.get("/parts/predictions/photo", params={"name": "zip", "at": 1})
    assert photo.headers["content-type"] == "image/jpeg"
    found = done(studio, begun(client, name="judged", source="input", judged=True))
    assert found.asked.source == "input/validation_lmdb"
    assert set(found.files) == {"report.html", "report.json"}
    page = client.get("/predictions", params={"name": "judged"}).text
    accuracy = json.loads(Path("predictions/judged/report.json").read_text())["accuracy"]
    assert f"{accuracy:.2%}" in page and "<iframe" in page


def test_a_report_runs_apart(work):
    client, _ = work
    Path("page.html").write_text("<script>alert(1)</script>")
    answer = client.get("/report", params={"name": "page.html"})
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy and "connect-src" not in policy
    for name in (
        "/etc/hostname",
        "../x.html",
        "input/dataset.yaml",
        "nothing.html",
        ".studio/a.html",
    ):
        assert client.get("/report", params={"name": name}).status_code == 422


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"name": "../x"}, "no name"),
        ({"name": ""}, "no name"),
        ({"name": "a/b"}, "no name"),
        ({"name": "n", "source": "/etc"}, "outside"),
        ({"name": "n", "source": "../"}, "outside"),
        ({"name": "n", "source": "nothing"}, "no such"),
        ({"name": "n", "source": "@list"}, "no such"),
        ({"name": "n", "source": ""}, "one source"),
        ({"name": "n", "sent": "x"}, "one source"),
        ({"name": "n", "source": "", "sent": "x"}, "no set"),
        ({"name": "n", "source": "input/train_lmdb"}, "a store"),
        ({"name": "n", "device": "cuda:0 --out /etc/x"}, "device"),
        ({"name": "n", "weights": "nothing"}, "no such"),
        ({"name": "n", "source": "bomb.zip"}, "times as many"),
    ],
)
def test_what_is_not_begun(work, asked, what, monkeypatch):
    client, studio = work
    with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.jpg", bytes(2_000_000))
    monkeypatch.setattr("catdog.data.archives._SMALL", 1000)
    before = len(studio.jobs.all())
    body = {"source": "photos/test1", "weights": _BEST} | asked
    answer = client.post("/api/classify/many", json=body)
    assert answer.status_code == 422 and what in answer.json()["error"]
    assert len(studio.jobs.all()) == before and not Path("predictions/n").exists()


def test_what_is_at_work_is_not_removed_and_no_name_is_taken_twice(work):
    client, studio = work
    row = begun(client, name="busy", source="photos/test1")
    body = {"name": "busy"}
    assert "at work" in client.post("/api/predictions/delete", json=body).json()["error"]
    again = client.post("/api/classify/many", json={"source": "photos/test1", **body})
    assert "there already" in again.json()["error"]
    studio.jobs.find(row["asked"]["job"]).stop()
    assert client.post("/api/predictions/delete", json=body).status_code == 200
    assert client.post("/api/predictions/delete", json=body).status_code == 422
    for name in ("..", "../input", "."):
        answer = client.post("/api/predictions/delete", json={"name": name})
        assert answer.status_code == 422 and Path("input").exists()


def test_files_that_are_none_of_predictions(work):
    client, _ = work
    for file in ("../../input/dataset.yaml", "asked.json", "photos", "/etc/passwd"):
        answer = client.get("/api/predictions/file", params={"name": "x", "file": file})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../etc/a.jpg", "etc/a.jpg"),
        ("C:\\photos\\a.jpg", "C:/photos/a.jpg"),
        ("/a.jpg", "a.jpg"),
        ("./.hidden/..//a.jpg", "hidden/a.jpg"),
        ("a\nb.jpg", "a\\nb.jpg"),
    ],
)
def test_names_lead_nowhere_else(name, path):
    found = named_parts(name)
    assert not found.is_absolute() and ".." not in found.parts
    assert path == "a\\nb.jpg" or str(found) == path


def test_rows_by_class_and_order():
    values = [0.6, 0.9, 0.7, 0.8]
    rows = [
        PredictedRow(at, str(at), f"{at}.jpg", (("cat" if at % 2 else "dog", value),))
        for at, value in enumerate(values * 40)
    ]
    assert [row.sureness for row in page_of(rows, sorting="surest").rows[:2]] == [0.9, 0.9]
    assert page_of(rows, sorting="doubt").rows[0].sureness == 0.6
    last = page_of(rows, 99, label="dog")
    assert (last.count, last.pages, last.number) == (80, 2, 2) and len(last.rows) == 80 - PAGE
    assert {row.label for row in last.rows} == {"dog"}
    for label, photos in likeliest(rows):
        assert {row.label for row in photos} == {label}
        assert {row.sureness for row in photos} == {max(values[label == "cat" :: 2])}


def test_a_photo_of_too_many_pixels_is_refused_among_others(work):
    client, _ = work
    whole = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()
    bomb = whole[:16] + (30000).to_bytes(4) * 2 + whole[24:]
    files = [
        ("photos", ("b.png", io.BytesIO(bomb), "image/png")),
        ("photos", ("a.png", io.BytesIO(whole), "image/png")),
    ]
    answer = client.post("/api/classify/photos", files=files).json()
    assert answer["photos"] == 1 and "pixels" in answer["refused"][0]
