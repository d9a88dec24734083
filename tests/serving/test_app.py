"""What clients send, and what they get: the numbers of the predictor, or one clear line."""

import base64
import json

import numpy as np
import pytest
from starlette.testclient import TestClient

from catdog.inference.predictor import Predictor
from tests.pictures import encoded, picture
from tests.serving.served import CLASSES, served, write_small_net

PHOTOS = {f"{seed}.jpg": encoded(picture(seed=seed)) for seed in range(5)}
TRUNCATED = PHOTOS["0.jpg"][:-40]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_small_net(tmp_path_factory.mktemp("net") / "small.caffemodel")


@pytest.fixture(scope="module")
def client(weights):
    with served(weights, photos=6, body=100_000, seconds=5) as (_, client):
        yield client


def form(*photos: tuple[str, bytes]) -> list:
    return [("photo", (name, content, "image/jpeg")) for name, content in photos]


def in_json(*contents: bytes) -> dict:
    named = [{"name": str(at), "data": base64.b64encode(each)} for at, each in enumerate(contents)]
    return {"photos": [{**each, "data": each["data"].decode()} for each in named]}


def test_the_answers_are_those_of_the_predictor(client, weights):
    found = client.post("/predict", files=form(*PHOTOS.items())).json()["photos"]
    wanted = Predictor.load(weights)(list(PHOTOS.values()))
    assert [each["name"] for each in found] == list(PHOTOS)
    for told, said in zip(found, wanted, strict=True):
        numbers = {each["name"]: each["probability"] for each in told["classes"]}
        assert numbers == pytest.approx(said.probabilities, abs=1e-6)
        assert (told["label"], told["probability"]) == (
            told["classes"][0]["name"],
            told["classes"][0]["probability"],
        )
        assert told["label"] == said.label


def test_a_photo_alone_has_exactly_the_numbers_of_the_predictor(client, weights):
    told = client.post("/predict?top=9", content=PHOTOS["1.jpg"], headers=JPEG).json()
    said = Predictor.load(weights)(PHOTOS["1.jpg"])
    numbers = {
        each["name"]: np.float32(each["probability"]) for each in told["photos"][0]["classes"]
    }
    assert numbers == {name: np.float32(each) for name, each in said.probabilities.items()}


JPEG = {"content-type": "image/jpeg"}


def test_a_form_json_and_a_bare_picture_say_the_same(client):
    content = PHOTOS["2.jpg"]
    answers = [
        client.post("/predict", files=form(("x", content))),
        client.post("/predict", json=in_json(content)),
        client.post("/predict", json={"photos": [base64.b64encode(content).decode()]}),
        client.post("/predict", content=content, headers=JPEG),
    ]
    classes = [each.json()["photos"][0]["classes"] for each in answers]
    assert all(each == classes[0] for each in classes)
    assert {each["name"] for each in classes[0]} == set(CLASSES)


def test_so_many_classes_as_are_asked_for(client):
    found = client.post("/predict?top=2", content=PHOTOS["0.jpg"], headers=JPEG).json()
    assert len(found["photos"][0]["classes"]) == 2


def test_a_broken_photo_spoils_no_other(client):
    answer = client.post("/predict", files=form(("a", PHOTOS["0.jpg"]), ("b", TRUNCATED)))
    good, broken = answer.json()["photos"]
    assert answer.status_code == 200
    assert "label" in good and "error" not in good
    assert broken == {"name": "b", "error": "b: truncated JPEG: its end is missing"}


def test_where_all_are_broken_that_is_the_answer(client):
    answer = client.post("/predict", files=form(("b.jpg", TRUNCATED)))
    assert answer.status_code == 422
    assert answer.json() == {"error": "b.jpg: truncated JPEG: its end is missing"}


def test_a_bomb_is_refused_by_its_header(client):
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4) * 2 + b"\x08\x02\0\0\0"
    answer = client.post("/predict", content=head, headers={"content-type": "image/png"})
    assert answer.status_code == 422
    assert "3,600,000,000 pixels, more than 50,000,000; send it smaller" in answer.json()["error"]


def test_names_come_back_in_one_line(client):
    name = "a\x00b\n<script>\u202e\ud7ff.jpg"
    answer = client.post("/predict", json={"photos": [{"name": name, "data": "AAAA"}]})
    assert answer.json()["error"].startswith("a\\x00b\\n<script>\u202e")
    assert b"\\u202e" in answer.content


@pytest.mark.parametrize(
    ("sent", "status", "what"),
    [
        ({"content": b""}, 400, "the body is empty; send"),
        ({"content": b"x"}, 415, "no Content-Type"),
        (
            {"content": b"x", "headers": {"content-type": "a/b"}},
            415,
            '"a/b" is no type',
        ),
        ({"json": {"photos": []}}, 400, "no photo in the body"),
        ({"json": []}, 422, "body: has no list of photos"),
        ({"json": {"photos": ["AAAA"], "top": 5}}, 422, 'there is no "top"'),
        ({"json": {"photos": [7]}}, 422, "photo 0: has no data in base64"),
        ({"json": {"photos": ["?"]}}, 422, "photo 0: is no base64"),
        ({"json": {"photos": ["AAAA"] * 7}}, 413, "more than 6 photos; send them in several"),
        ({"files": [("a", b"x")] * 7}, 413, "more than 6 photos"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "is no JSON"),
        ({"content": b"[" * 90_000, "headers": {"content-type": "application/json"}}, 413, "JSON"),
        ({"content": b"[" * 400, "headers": {"content-type": "application/json"}}, 400, "is no"),
        ({"content": b"x" * 100_001, "headers": JPEG}, 413, "body: more than 100,000 bytes"),
        ({"content": b"x", "headers": {**JPEG, "content-length": "-1"}}, 400, "Content-Length"),
    ],
)
def test_what_cannot_be_answered_is_one_line(client, sent, status, what):
    answer = client.post("/predict", **sent)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert what in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


FORM = "multipart/form-data; boundary=XX"


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        ("multipart/form-data", b"--XX--", "without its boundary"),
        (FORM, b"nothing", "without its parts"),
        (FORM, b"--XX\r\nContent-Disposition: form-data\r\n\r\nabc", "without its end"),
        (FORM, b"--XX\r\nabc\r\n--XX--", "part 0: has no headers"),
        (FORM, b"--XX--\r\n", "no photo in the body"),
    ],
)
def test_a_damaged_form_is_one_line(client, kind, body, what):
    answer = client.post("/predict", content=body, headers={"content-type": kind})
    assert answer.status_code == 400
    assert what in answer.json()["error"]


@pytest.mark.parametrize("query", ["top=0", "top=-1", "top=x", "top=", "tops=3", "top=9999999"])
def test_a_query_that_says_nothing_is_told(client, query):
    answer = client.post(f"/predict?{query}", content=PHOTOS["0.jpg"], headers=JPEG)
    assert answer.status_code == 422
    assert "top" in answer.json()["error"]


def test_other_paths_and_methods_are_told(client):
    answer = client.get("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json() == {"error": "/predict: GET is not taken; it takes POST"}
    assert client.get("/x").json() == {"error": "/x: there is nothing; /docs tells what there is"}
    assert client.get("/", headers={"host": "evil.example"}).json()["error"]


def test_the_state_is_told(client):
    assert client.get("/healthz").json() == {"status": "lives"}
    assert client.get("/readyz").json() == {"status": "ready"}
    about = client.get("/net").json()
    assert (about["classes"], about["width"]) == (list(CLASSES), 8)


def test_a_server_that_stops_or_is_cold_is_not_ready(weights):
    with served(weights) as (service, client):
        for name, value, what in (
            ("is_warm", False, "warm"),
            ("is_stopping", True, "stopping"),
        ):
            before = getattr(service, name)
            setattr(service, name, value)
            for answer in (client.get("/readyz"), client.post("/predict", content=b"x")):
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert what in answer.json()["error"]
            setattr(service, name, before)


def test_a_queue_without_room_says_when_to_come_again(weights):
    with served(weights, queue=2) as (_, client):
        answer = client.post("/predict", files=form(*PHOTOS.items()))
        assert answer.status_code == 503
        assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_metrics_count(weights):
    with served(weights) as (_, client):
        client.post("/predict", files=form(("a", PHOTOS["0.jpg"]), ("b", TRUNCATED)))
        client.get("/x")
        lines = client.get("/metrics").text.splitlines()
    wanted = (
        'catdog_requests_total{code="200"} 1.0',
        'catdog_requests_total{code="404"} 1.0',
        'catdog_photos_total{outcome="answered"} 1.0',
        'catdog_photos_total{outcome="failed"} 1.0',
        "catdog_batch_photos_count 1.0",
        "catdog_decode_seconds_count 2.0",
        "catdog_queue_photos 0.0",
        "catdog_held_bytes 0.0",
        "catdog_ready 1.0",
    )
    assert set(wanted) <= set(lines)


def test_the_description_has_the_addresses_and_pages_need_no_other_site(client: TestClient):
    schema = client.get("/openapi.json").json()
    assert {"/predict", "/net", "/healthz", "/readyz", "/metrics"} <= set(schema["paths"])
    assert set(schema["paths"]["/predict"]["post"]["requestBody"]["content"]) == {
        "multipart/form-data",
        "application/json",
        "image/jpeg",
    }
    for path in ("/", "/docs", "/static/page.css", "/static/photo.js", "/static/docs.js"):
        page = client.get(path)
        assert page.status_code == 200
        assert "http://" not in page.text.replace("http://www.w3.org/", "")
        assert "https://" not in page.text
        assert "style=" not in page.text and "onclick" not in page.text


def test_an_answer_is_json_that_others_read(client):
    content = client.post("/predict", content=PHOTOS["0.jpg"], headers=JPEG).content
    assert content.isascii()
    assert json.loads(content)["photos"][0]["name"] == "photo"
