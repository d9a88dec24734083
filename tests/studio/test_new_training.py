"""The page of a new training and its JSON routes, over a store that the tools built."""

import re

import pytest
import yaml

from catdog.spec import read_solver
from tests.studio.pages import asked, texts

_HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def there(made, tmp_path_factory):
    with asked(made, tmp_path_factory.mktemp("studio") / "work") as found:
        yield found


@pytest.fixture
def client(there):
    return there[0]


def test_the_page_offers_what_there_is(client):
    page = client.get("/new/training?store=input").text
    assert 'value="input" selected' in page and ">resnet18<" in page
    assert "<script>" not in page and "style=" not in page and " onclick" not in page
    found = client.get("/api/choices").json()
    assert {"small", "quick"} <= {each["name"] for each in found["solvers"]}
    assert found["devices"][-1] == ["cpu", "CPU"]


def test_texts_that_fit_a_store_are_whole(client):
    found = client.post("/api/drafts", json=texts(client)).json()
    assert found["is_whole"] and not found["faults"] and not found["needs"]
    assert found["net"]["parameters"] == sum(row["parameters"] for row in found["net"]["rows"])
    assert found["memory"]["total"] > 0 and found["iterations"] > 0
    assert len(found["rates"]["rates"]) == len(found["rates"]["iterations"])


def test_shipped_texts_come_with_their_net(client):
    found = client.get("/api/texts", params={"kind": "solver", "name": "small"}).json()
    assert "net: net_specs/small64.yaml" in found["solver"] and "name: small64" in found["net"]
    assert client.get("/api/texts", params={"kind": "net", "name": "vgg8"}).json()["net"]
    answer = client.get("/api/texts", params={"kind": "net", "name": "../net.yaml"})
    assert answer.status_code == 422 and "no such net" in answer.json()["error"]


def test_faults_are_marked_at_their_lines(client):
    given = texts(client)
    given["net"] = given["net"].replace("kernel_size", f"kernal_size {_HOSTILE}", 1)
    line = given["net"][: given["net"].index("kernal_size")].count("\n") + 1
    page = client.post("/parts/draft", json=given).text
    assert f'data-text="net" data-line="{line}"' in page
    assert _HOSTILE not in page and "can be trained" not in page


def test_data_that_are_not_there_are_told(client):
    given = client.get("/api/texts", params={"kind": "solver", "name": "resnet18"}).json()
    given["net"] = given["net"].replace("input/", "elsewhere/")
    found = client.post("/api/drafts", json=given).json()
    assert not found["faults"] and not found["is_whole"]
    assert "no data at elsewhere/train_lmdb" in found["needs"][0]
    assert {row["weights"] for row in found["start"]["layers"]} >= {"fetched"}


def test_the_picture_of_a_net(client):
    answer = client.post("/api/drafts/picture", json=texts(client))
    assert answer.headers["content-type"] == "image/svg+xml" and "<svg" in answer.text
    assert client.post("/api/drafts/picture", json={"net": "a: ["}).status_code == 422


def test_how_long_it_would_take(client):
    given = texts(client)
    assert client.post("/api/drafts/time", json=given).json() is None
    assert "Measure a few steps" in client.post("/parts/time", json=given).text
    found = client.post("/api/drafts/time", json={**given, "measure": True}).json()
    assert found["total"] > found["iteration"] > 0
    assert "error" in client.post("/api/drafts/time", json={**given, "solver": "x"}).json()


def test_a_training_is_written_and_waits(there):
    client, studio = there
    answer = client.post("/api/trainings", json={**texts(client, "one"), "name": "one"})
    assert answer.status_code == 201, answer.text
    job = studio.jobs.find(answer.json()["name"])
    assert job.order.words == ("train", "--solver", "trainings/one/solver.yaml", "--device", "cpu")
    assert job.order.target == "trainings/one/snapshots/one"
    assert answer.headers["HX-Redirect"].endswith(job.name)
    solver = read_solver(studio.place.folder / "trainings/one/solver.yaml").message
    assert (solver.net, solver.snapshot_prefix) == ("trainings/one/net.yaml", job.order.target)
    again = client.post("/api/trainings", json={**texts(client, "one"), "name": "one"})
    assert again.status_code == 422 and "exists already" in again.json()["error"]


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("name", "../x", "is no name"),
        ("device", "cuda:99", "no such device"),
        ("solver", "base_lr: x", "base_lr"),
        ("net", "layer: {name: a, type: Python, top: b}", "code of its own"),
    ],
)
def test_what_is_not_started(there, field, value, word):
    client, studio = there
    before = len(studio.jobs.all())
    answer = client.post("/api/trainings", json={**texts(client), "name": "two", field: value})
    assert answer.status_code == 422 and word in answer.json()["error"]
    assert len(studio.jobs.all()) == before
    assert not (studio.place.folder / "trainings/two").exists()


def test_a_solver_alone_has_its_net_beside_it(there):
    client, studio = there
    given = texts(client)
    (studio.place.folder / "own.yaml").write_text(given["net"])
    solver = yaml.safe_dump({**yaml.safe_load(given["solver"]), "net": "own.yaml"})
    body = {"net": "", "solver": solver, "name": "alone"}
    assert client.post("/api/trainings", json=body).status_code == 201
    assert (studio.place.folder / "trainings/alone/net.yaml").read_text() == given["net"]


def test_another_site_starts_nothing(client):
    headers = {"origin": "http://evil.example"}
    body = {**texts(client), "name": "three"}
    assert client.post("/api/trainings", json=body, headers=headers).status_code == 403


def test_a_net_for_larger_photos_than_the_stored_ones_is_not_offered_first(client):
    page = client.get("/new/training", params={"store": "input"}).text
    assert re.findall(r'<option value="(\w+)"[^>]*title=[^>]* selected>', page) == ["small64"]
