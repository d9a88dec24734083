"""The first page and its actions, over a run and a store that the tools made."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from catdog.studio import app
from catdog.studio.app import create_app, guarded
from catdog.studio.jobs.job import Order
from catdog.tracking.run_file import read_run
from catdog.web.address import Address
from tests.studio.conftest import RUN

_HOSTILE = "<script>alert(1)</script>"


def test_it_lists_what_the_tools_made(client):
    (run,) = client.get("/api/runs").json()
    record = read_run_of(RUN)
    assert (run["name"], run["status"], run["iteration"]) == (RUN, "done", 8)
    assert run["best"] == record["best"]["accuracy"]["value"]
    (store,) = client.get("/api/stores").json()
    assert store["classes"] == ["cat", "dog"]
    assert sum(part["records"] for part in store["parts"]) == 32
    page = client.get("/").text
    assert RUN in page and "64 × 64" in page


@pytest.mark.parametrize(
    ("q", "count"),
    [
        ("", 1),
        ("small64", 1),
        ("SMALL64 done", 1),
        ("done failed", 0),
        ("max_iter=8", 1),
        ("max_iter=80", 0),
        ("batch_size=8", 1),
        ("size=8", 0),
        ("=8", 0),
        ("tag-of-it", 0),
    ],
)
def test_runs_are_filtered_by_words_and_fields(client, q, count):
    assert len(client.get("/api/runs", params={"q": q}).json()) == count


def test_a_note_is_kept_in_the_record_and_escaped_on_the_page(client):
    asked = {"name": RUN, "note": _HOSTILE, "tags": "good, first ,,"}
    assert client.post("/api/runs/note", json=asked).json()["tags"] == ["good", "first"]
    assert read_run_of(RUN)["note"] == _HOSTILE
    page = client.get("/").text
    assert "&lt;script&gt;" in page and _HOSTILE not in page
    assert len(client.get("/api/runs", params={"q": "good"}).json()) == 1


def test_a_run_is_deleted_and_nothing_beside_it(client, folder):
    other = folder / "snapshots/first/mine.txt"
    other.write_text("stays")
    removed = client.post("/api/runs/delete", json={"name": RUN}).json()
    assert f"{RUN}_run.yaml" in removed
    assert client.get("/api/runs").json() == []
    assert [path.name for path in other.parent.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "name", ["../work/snapshots/first/small64", "/etc/passwd", "nothing", "", "a\0b", "x" * 999]
)
@pytest.mark.parametrize("action", ["note", "delete"])
def test_a_run_that_is_none_is_one_line(client, action, name):
    answer = client.post(f"/api/runs/{action}", json={"name": name})
    if name.startswith("../work"):
        # another way to say what lies in the folder
        assert answer.status_code == 200
    else:
        assert answer.status_code == 422
        assert answer.json()["error"]


def test_a_record_that_is_damaged_is_left_out(client, folder):
    (folder / "broken_run.yaml").write_text("status: [")
    (folder / "odd_run.yaml").write_text("status: done\nsolver: 'max_iter: x'\n")
    assert len(client.get("/api/runs").json()) == 1


def read_run_of(name):
    return read_run(Path(f"{name}_run.yaml"))


def test_a_mistake_in_the_address_is_a_page_and_for_programs_json(client):
    asked = {"name": "<b>nothing</b>"}
    page = client.get("/run", params=asked, headers={"accept": "text/html"})
    assert page.status_code == 422
    assert "&lt;b&gt;nothing&lt;/b&gt;: no such run" in page.text
    assert client.get("/run", params=asked).json()["what"] == "no such run"
    missing = client.get("/nowhere", headers={"accept": "text/html"})
    assert missing.status_code == 404 and "no such page" in missing.text
    assert client.get("/nowhere").json() == {"error": "Not Found"}


def test_jobs_that_ended_are_taken_off_the_list(client, studio):
    waiting, cancelled = (studio.jobs.add(Order(title, ("list",))) for title in "ab")
    cancelled.stop()
    client.post("/api/jobs/clear")
    assert [job["title"] for job in client.get("/api/jobs").json()] == ["a"]
    assert client.post("/api/jobs/stop", json={"name": waiting.name}).json()["state"] == "cancelled"
    client.post("/api/jobs/forget", json={"name": waiting.name})
    assert client.get("/api/jobs").json() == []


def test_whoever_watches_over_it_needs_no_token(studio):
    address = Address("127.0.0.1", 5000, "a-token-of-the-test")
    asked = TestClient(guarded(create_app(studio), address), base_url="http://127.0.0.1:5000")
    assert asked.get("/healthz").json() == {"status": "ok"}
    assert asked.get("/").status_code == 401


def test_every_action_is_told_to_programs(client):
    page = client.get("/api").text
    schema = client.get("/api/openapi.json").json()
    for path, verbs in schema["paths"].items():
        assert path in page
        assert all(said.get("description") for said in verbs.values()), path
    routes = [route for router in app._ROUTERS for route in router.routes]
    posted = {route.path for route in routes if "GET" not in route.methods}
    # what changes something has a place in the schema; parts of pages change nothing
    assert {path for path in posted if not path.startswith("/parts/")} <= set(schema["paths"])


def test_a_run_that_is_judged_by_its_loss_shows_its_accuracy_too(client, folder):
    assert client.get("/api/runs").json()[0]["accuracy"] is None
    record = folder / f"{RUN}_run.yaml"
    record.write_text(record.read_text().replace("score: accuracy", "score: loss"))
    (run,) = client.get("/api/runs").json()
    best = read_run_of(RUN)["best"]
    assert (run["best"], run["accuracy"]) == (best["loss"]["value"], best["accuracy"]["value"])
    assert "best accuracy" in client.get("/run", params={"name": RUN}).text
