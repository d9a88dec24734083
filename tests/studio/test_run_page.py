"""The page of a run: its curves and weights against the files that they are of."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from catdog.errors import CatdogError
from catdog.studio.going_on import words_to_go_on
from catdog.tracking.log_reader import read_log
from tests.studio.conftest import RUN


def test_its_curves_are_those_of_the_log(client):
    charts = client.get("/api/run/charts", params={"name": RUN}).json()
    lines = {line["name"]: line for chart in charts for line in chart["lines"]}
    log = read_log(Path(RUN).parent / "train.log")
    assert lines["train loss"]["x"] == [at for at, _ in log.train_loss]
    assert lines["train loss"]["y"] == pytest.approx([value for _, value in log.train_loss])
    tested = [value.value for value in log.test_outputs if value.name == "accuracy"]
    assert lines["test accuracy"]["y"] == pytest.approx(tested)
    assert [chart["unit"] for chart in charts if chart["title"] == "Accuracy"] == ["%"]


def test_its_weights_have_the_scores_of_their_tests(client):
    found = client.get("/api/run", params={"name": RUN}).json()["snapshots"]
    log = read_log(Path(RUN).parent / "train.log")
    tested = {
        (value.iteration, value.name): value.value for value in log.test_outputs if not value.net
    }
    assert [each["is_best"] for each in found] == [True, False, False]
    assert [each["iteration"] for each in found][1:] == [8, 4]
    for each in found:
        assert each["scores"]["accuracy"] == tested[each["iteration"], "accuracy"]


def test_the_page_shows_the_log_escaped(client):
    log = Path(RUN).parent / "train.log"
    log.write_text(log.read_text() + "<img src=x onerror=alert(1)>\n")
    page = client.get("/run", params={"name": RUN}).text
    assert "&lt;img src=x" in page and "<img src=x" not in page
    assert "Iteration 8" in page


def test_a_file_of_it_is_given_as_it_is(client):
    path = f"{RUN}_iter_8.caffemodel"
    answer = client.get("/api/run/file", params={"name": RUN, "path": path})
    assert answer.content == Path(path).read_bytes()
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    "path",
    ["photos/train/cat.0.jpg", "../secret", "/etc/passwd", f"{RUN}_iter_9.caffemodel", "", "."],
)
def test_other_files_are_not_given(client, folder, path):
    (folder.parent / "secret").write_text("mine")
    assert client.get("/api/run/file", params={"name": RUN, "path": path}).status_code == 422


def test_a_link_among_its_files_is_not_followed(client, folder):
    weights = folder / f"{RUN}_iter_8.caffemodel"
    weights.unlink()
    weights.symlink_to("/etc/passwd")
    asked = {"name": RUN, "path": f"{RUN}_iter_8.caffemodel"}
    assert client.get("/api/run/file", params=asked).status_code == 422


def test_everything_comes_as_a_zip(client):
    answer = client.get("/api/run/files.zip", params={"name": RUN})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert archive.read("train.log") == (Path(RUN).parent / "train.log").read_bytes()
    assert {"small64_run.yaml", "small64_best.caffemodel", "metrics.csv"} <= set(names)


def test_runs_are_compared(client, folder):
    import shutil

    shutil.copytree(folder / "snapshots/first", folder / "snapshots/second")
    record = folder / "snapshots/second/small64_run.yaml"
    record.write_text(record.read_text().replace("momentum: 0.9", "momentum: 0.5"))
    names = [RUN, "snapshots/second/small64"]
    found = client.get("/api/compare", params={"name": names}).json()
    assert found["fields"] == {"momentum": ["0.9", "0.5"]}
    assert {line["of"] for chart in found["charts"] for line in chart["lines"]} == set(names)
    assert client.get("/compare", params={"name": names}).status_code == 200


def test_a_run_goes_on_with_its_own_words(client):
    job = client.post("/api/run/go-on", json={"name": RUN, "max_iter": 12}).json()
    assert job["command"].startswith("catdog train --solver small --set ")
    assert job["command"].endswith("--set max_iter=12 --snapshot auto")
    assert "max_iter=8" not in job["command"]
    assert (job["state"], job["device"], job["target"]) == ("waiting", "cpu", RUN)


def test_a_run_goes_on_once_at_a_time_and_only_forwards(client):
    done = client.get("/api/run", params={"name": RUN}).json()["run"]["iteration"]
    back = client.post("/api/run/go-on", json={"name": RUN, "max_iter": done})
    assert back.status_code == 422
    assert f"has {done} iterations already" in back.json()["error"]
    assert client.post("/api/run/go-on", json={"name": RUN, "max_iter": 99}).status_code == 200
    again = client.post("/api/run/go-on", json={"name": RUN, "max_iter": 100})
    assert again.status_code == 422
    assert "is being trained already" in again.json()["error"]


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("catdog train --solver small --when-done 'touch x'", "--when-done"),
        ("catdog train --solver small --allow-python", "--allow-python"),
        ("catdog train --solver ../evil.yaml", "outside"),
        ("catdog train --solver small --set snapshot_prefix=/tmp/x", "outside"),
        ("catdog train --solver small --set net.data.data_param.source=../x", "outside"),
        ("catdog train --solver small --set 'snapshot_prefix=\"/tmp/x\"'", "outside"),
        ("catdog train --solver small --set 'snapshot_prefix= /tmp/x'", "outside"),
        ("catdog train --solver small --set 'weights=[x, /tmp/y]'", "outside"),
        ("catdog train --solver small --set 'net.data.data_param={source: /tmp/x}'", "outside"),
        ("catdog train --solver small --set 'net.data.data_param.source=a{b,/../../x}'", "outside"),
        ("catdog train --solver small --set 'gamma=1\nweights: x'", "--set gamma"),
        ("catdog train --solver small --set 'gamma={'", "--set gamma"),
        ("sh -c 'touch x'", "no command"),
        ("catdog predict x", "no command"),
        ("catdog train 'unclosed", "no command"),
        ("", "no command"),
    ],
)
def test_a_record_that_asks_for_more_is_refused(studio, command, what):
    run = studio.run(RUN)
    run.content["command"] = command
    with pytest.raises(CatdogError, match=what):
        words_to_go_on(run, studio.place)


def test_a_run_of_another_folder_is_not_gone_on_with(studio):
    run = studio.run(RUN)
    run.content["folder"] = str(Path.home())
    with pytest.raises(CatdogError, match="another folder"):
        words_to_go_on(run, studio.place)


def test_only_a_run_under_way_is_stopped(client, monkeypatch):
    sent = []
    monkeypatch.setattr(os, "kill", lambda *words: sent.append(words))
    answer = client.post("/api/run/stop", json={"name": RUN})
    assert answer.status_code == 422 and "is done" in answer.json()["error"]
    assert not sent


def test_why_a_run_ended_early_is_told(client):
    log = Path(RUN).parent / "train.log"
    assert "ended early" not in client.get("/run", params={"name": RUN}).text
    line = "I1129 22:55:57.866395 11557 solver.cpp:1] Stopping early: no better accuracy in 5 tests"
    log.write_text(log.read_text() + line + "\n")
    assert "ended early: no better accuracy" in client.get("/run", params={"name": RUN}).text
