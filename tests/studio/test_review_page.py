"""The page of reviews, over photos, a store and a run that the tools made."""

import shutil

import cv2
import numpy as np
import pytest

from catdog.cli.main import call_tool
from catdog.data.build.review import ReviewRow, decide, propose, read_review
from catdog.data.preprocessing import dataset_at
from catdog.errors import CatdogError
from catdog.studio.review_words import rebuild_words, rebuilt_source
from tests.studio.conftest import RUN
from tests.studio.pages import asked
from tools.create_lmdb import _arguments, _dataset

_HOSTILE = "<script>alert(1)</script>"
_FILE, _PART = "reviews/input.csv", "input/train_lmdb"


@pytest.fixture(scope="module")
def there(made, tmp_path_factory):
    with asked(made, tmp_path_factory.mktemp("studio") / "work") as found:
        client, studio = found
        client.post("/api/reviews", json={"weights": RUN, "data": _PART}).raise_for_status()
        (job,) = studio.jobs.all()
        # as its process does
        call_tool(job.order.words[0], job.order.words[1:])
        job.end(0)
        yield client, studio


@pytest.fixture
def client(there):
    return there[0]


@pytest.fixture
def file(there, tmp_path):
    """A review of its own for each test, on the same photos."""
    folder = there[1].place.folder
    name = f"reviews/{tmp_path.name}.csv"
    (folder / name).write_bytes((folder / _FILE).read_bytes())
    opened(there[0], name).raise_for_status()
    yield folder / name
    (folder / name).unlink()


def opened(client, name, data=_PART):
    return client.post("/api/reviews/open", json={"file": name, "data": data})


def name_of(file):
    return f"reviews/{file.name}"


def rows(client, file, **wanted):
    answer = client.get("/api/reviews/photos", params={"file": name_of(file), **wanted})
    answer.raise_for_status()
    return answer.json()


def decided(client, file, key, decision, new_label=""):
    body = {"file": name_of(file), "key": key, "decision": decision, "new_label": new_label}
    return client.post("/api/reviews/decide", json=body)


def picture(client, file, key):
    return client.get("/review/photo.jpg", params={"file": name_of(file), "key": key})


def test_the_job_is_the_command_that_a_terminal_takes_and_its_photos_are_listed(there):
    client, studio = there
    (job,) = studio.jobs.all()
    words = ("--weights", RUN, "--data", _PART, "--review", _FILE, "--suspects", "50")
    assert job.order.words == ("evaluate", *words)
    listed = client.get("/api/reviews").json()
    found = next(each for each in listed if each["file"] == _FILE)
    assert (found["data"], found["weights"]) == (_PART, RUN)
    assert found["counts"]["photos"] == len(read_review(studio.place.folder / _FILE)) > 0
    assert _FILE in client.get("/review").text
    assert "/review?name=reviews%2Finput.csv" in client.get(f"/job?name={job.name}").text


def test_what_the_net_said_is_told_of_each_photo(client, file):
    answer = rows(client, file)
    assert answer["classes"] == ["cat", "dog"]
    for photo in answer["photos"]:
        said = f"{photo['reason']}: the net says {photo['taken_for']} {photo['probability']:.1%}"
        assert photo["note"] == said
        assert photo["label"] == photo["photo"].split(".")[0]


@pytest.mark.parametrize(
    ("decision", "new_label"), [("keep", ""), ("drop", ""), ("relabel", "other"), ("", "")]
)
def test_a_decision_stands_in_the_file_at_once(client, file, decision, new_label):
    photo = rows(client, file)["photos"][1]
    if new_label:
        new_label = "dog" if photo["label"] == "cat" else "cat"
    before = read_review(file)
    answer = decided(client, file, photo["key"], decision, new_label)
    assert answer.status_code == 200 and "changed" in answer.headers["hx-trigger"]
    after = read_review(file)
    assert after[1] == before[1]._replace(decision=decision, new_label=new_label)
    assert after[:1] + after[2:] == before[:1] + before[2:]
    assert decided(client, file, photo["key"], "").status_code == 200
    assert read_review(file) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"decision": "burn"},
        {"decision": "relabel", "new_label": "wolf"},
        {"decision": "relabel", "new_label": ""},
        {"key": "nothing"},
        {"file": "../review.csv"},
        {"file": ".studio/review.csv"},
        {"file": "snapshots/first/small64_run.yaml"},
        {"file": "/etc/passwd"},
    ],
)
def test_what_is_no_decision_is_one_line_and_changes_nothing(client, file, wrong):
    key = rows(client, file)["photos"][0]["key"]
    before = file.read_bytes()
    body = {"file": name_of(file), "key": key, "decision": "keep"} | wrong
    answer = client.post("/api/reviews/decide", json=body)
    assert answer.status_code == 422 and answer.json()["error"]
    assert file.read_bytes() == before


def test_the_label_that_a_photo_has_is_no_other_one(client, file):
    photo = rows(client, file)["photos"][0]
    answer = decided(client, file, photo["key"], "relabel", photo["label"])
    assert answer.status_code == 422 and "write keep" in answer.json()["error"]


def test_decisions_of_two_windows_are_both_there(client, file):
    first, second = rows(client, file)["photos"][:2]
    decided(client, file, first["key"], "keep")
    # another window, or a person at a terminal
    decide(file, [read_review(file)[1]._replace(decision="drop")])
    counts = rows(client, file)["counts"]
    assert (counts["kept"], counts["dropped"]) == (1, 1)
    page = client.get("/parts/review", params={"file": name_of(file)}).text
    assert first["key"] not in page and second["key"] not in page


def test_photos_are_chosen_by_decision_reason_and_label(client, file):
    every = rows(client, file)["photos"]
    decided(client, file, every[0]["key"], "keep")
    shown = {show: rows(client, file, show=show)["photos"] for show in ("decided", "undecided")}
    assert [each["key"] for each in shown["decided"]] == [every[0]["key"]]
    assert [each["key"] for each in shown["undecided"]] == [each["key"] for each in every[1:]]
    for field in ("reason", "label"):
        value = every[-1][field]
        wanted = [each["key"] for each in every if each[field] == value]
        found = rows(client, file, **{field: value})["photos"]
        assert [each["key"] for each in found] == wanted


def test_a_photo_is_shown_small_and_the_one_of_the_store_where_its_file_is_gone(there, file):
    client, studio = there
    photo = rows(client, file)["photos"][0]
    path = studio.place.folder / "photos/train" / photo["photo"]
    own = cv2.imread(str(path))
    answer = picture(client, file, photo["key"])
    assert answer.headers["content-type"] == "image/jpeg"
    shown = pixels(answer)
    assert max(shown.shape[:2]) <= 360
    small = cv2.resize(own, shown.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - shown).mean() < 6
    content = path.read_bytes()
    path.unlink()
    try:
        # 64 x 64, twice as large
        assert pixels(picture(client, file, photo["key"])).shape == (128, 128, 3)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    ["../../secret.png", "/etc/passwd", "gone.jpg", "a\0b.jpg", f"{_HOSTILE}.jpg", "\udcff.jpg"],
)
def test_a_name_that_leads_elsewhere_or_nowhere_is_no_picture(there, file, name):
    client, studio = there
    secret = np.zeros((8, 8, 3), np.uint8)
    cv2.imwrite(str(studio.place.folder / "secret.png"), secret)
    file.write_bytes(b"photo,label,decision,new_label,note\n")
    row = f"{name},{_HOSTILE},,,{_HOSTILE}\n"
    with file.open("a", encoding="utf-8", errors="surrogateescape", newline="") as at:
        at.write(row.replace("\0", ""))
    (photo,) = rows(client, file)["photos"]
    answer = picture(client, file, photo["key"])
    assert answer.status_code == 422 and "not there any more" in answer.json()["error"]
    page = client.get("/review", params={"name": name_of(file)})
    assert page.status_code == 200
    assert _HOSTILE not in page.text and "&lt;script&gt;" in page.text
    assert decided(client, file, photo["key"], "drop").status_code == 200


def test_the_line_of_a_damaged_file_is_told_on_the_page(client, file):
    file.write_text("photo,label,decision,new_label,note\ncat.1.jpg,cat,keep,,\nb.jpg,cat,burn,,\n")
    for path, query in (("/review", "name"), ("/parts/review", "file")):
        page = client.get(path, params={query: name_of(file)}).text
        assert f"{name_of(file)}:3: " in page and "is no decision" in page
    found = {each["file"]: each for each in client.get("/api/reviews").json()}
    assert ":3: " in found[name_of(file)]["fault"]


def test_a_file_whose_photos_are_not_known_asks_for_them(there):
    client, studio = there
    path = studio.place.folder / "mine.csv"
    propose(path, [ReviewRow("cat.1.jpg", "cat")])
    page = client.get("/review?name=mine.csv").text
    assert "Which photos is it on?" in page and "cat.1.jpg" in page
    assert opened(client, "mine.csv", "nothing").status_code == 422
    answer = opened(client, "mine.csv", "photos")
    assert answer.headers["hx-redirect"] == "/review?name=mine.csv"
    assert rows_named(client, "mine.csv")["classes"] == ["cat", "dog"]
    key = rows_named(client, "mine.csv")["photos"][0]["key"]
    shown = client.get("/review/photo.jpg", params={"file": "mine.csv", "key": key})
    assert shown.status_code == 200


def rows_named(client, name):
    return client.get("/api/reviews/photos", params={"file": name}).json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": "nothing"},
        {"weights": "/etc/passwd"},
        {"data": ""},
        {"data": "nothing"},
        {"data": "/etc"},
        {"folder": "../.."},
        {"name": "../x"},
        {"suspects": 0},
    ],
)
def test_what_cannot_be_looked_at_begins_nothing(there, wrong):
    client, studio = there
    count = len(studio.jobs.all())
    answer = client.post("/api/reviews", json={"weights": RUN, "data": _PART} | wrong)
    assert answer.status_code == 422 and answer.json()["error"]
    assert len(studio.jobs.all()) == count


def test_the_store_is_built_again_as_it_was_without_what_is_dropped(there, file):
    client, studio = there
    first = rows(client, file)["photos"][0]
    body = {"file": name_of(file), "out": "again"}
    unchanged = client.post("/api/reviews/build", json=body).json()["error"]
    assert "no photo is dropped" in unchanged
    decided(client, file, first["key"], "drop")
    page = client.get("/review", params={"name": name_of(file)}).text
    assert f"--review {name_of(file)}" in page
    answer = client.post("/api/reviews/build", json=body)
    answer.raise_for_status()
    job = studio.jobs.find(answer.json()["name"])
    call_tool(job.order.words[0], job.order.words[1:])
    before, after = (dataset_at(studio.place.folder / name) for name in ("input", "again"))
    assert (after.count.train, after.count.dropped) == (before.count.train - 1, 1)
    for each in (before, after):
        each.ClearField("count")
        each.ClearField("review")
    assert after == before
    assert "exists already" in client.post("/api/reviews/build", json=body).json()["error"]
    studio.jobs.forget(ended(job))
    # a second look, at the store that was built with it, goes on in the same file
    found = client.post("/api/reviews", json={"weights": RUN, "data": "again/train_lmdb"}).json()
    assert found["target"] == name_of(file)


def ended(job):
    job.end(0)
    return job


@pytest.mark.parametrize(
    "words",
    [
        "--size 32",
        "--width 40 --height 30 --resize pad --gray --interpolation area",
        "--size 32 --no-equalize --validation 0.25 --seed 7 --shards 3",
        "--size 32 --stratify --encoded jpeg --quality 80",
        "--encoded keep --validation 5000 --validation-every 6",
        "--size 9 --validation-every 3",
        "--size 9 --validation 0",
    ],
)
def test_the_words_of_a_build_are_those_of_its_record(words):
    words = words.replace("--validation 5000 --validation-every 6", "--validation 5000")
    wanted = _dataset(_arguments(words.split()))
    tool, *found = rebuild_words(wanted, "-photos", "out", "r.csv")
    args = _arguments(found)
    assert (tool, args.data, str(args.review)) == ("create_lmdb", "./-photos", "r.csv")
    assert _dataset(args) == wanted


def test_a_store_that_its_record_does_not_tell_all_of_is_built_at_a_terminal(there):
    folder = there[1].place.folder
    record = dataset_at(folder / "input")
    assert rebuilt_source(record, folder) == "photos"
    (folder / "empty").mkdir()
    for source in ("photos.txt", "a drawn sample, as there are no photos", "", "empty"):
        record.source, record.count.test = source, 3
        with pytest.raises(CatdogError, match="catdog create_lmdb builds it"):
            rebuilt_source(record, folder)
    (folder / "empty/test").mkdir()
    assert rebuilt_source(record, folder) == "empty"


def test_the_likeliest_of_many_classes_is_one_click_away(there):
    client, studio = there
    for name in ("ape", "bee", "cow"):
        (studio.place.folder / f"many/{name}").mkdir(parents=True)
        (studio.place.folder / f"many/{name}/1.jpg").touch()
    note = "hard: the net says bee 60.0%"
    rows = [ReviewRow("ape/1.jpg", "ape", note=note), ReviewRow("bee/1.jpg", "bee", note=note)]
    propose(studio.place.folder / "many.csv", rows)
    opened(client, "many.csv", "many").raise_for_status()
    page = client.get("/review?name=many.csv").text
    # not for the one that is a bee
    assert page.count('data-to="bee"') == 1 and page.count("Other…") == 2
    decide(
        studio.place.folder / "many.csv", [rows[0]._replace(decision="relabel", new_label="cow")]
    )
    page = client.get("/parts/review?file=many.csv&show=all").text
    assert page.count('aria-pressed="true"') == 1 and 'aria-pressed="true">→ cow' in page


def pixels(answer):
    return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)


def test_all_of_it_is_in_the_description_of_the_api(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    assert {"/api/reviews", "/api/reviews/decide", "/api/reviews/build"} <= paths.keys()
    assert not any(path.startswith(("/parts", "/review")) for path in paths)


def test_photos_outside_are_read_where_the_studio_was_started_with_them(made, tmp_path):
    outside = tmp_path / "outside"
    shutil.copytree(made / "photos", outside)
    with asked(made, tmp_path / "work", [outside]) as (client, studio):
        name = next(outside.glob("train/*.jpg")).name
        propose(studio.place.folder / "r.csv", [ReviewRow(name, name.split(".")[0])])
        opened(client, "r.csv", str(outside)).raise_for_status()
        (photo,) = rows_named(client, "r.csv")["photos"]
        query = {"file": "r.csv", "key": photo["key"]}
        assert client.get("/review/photo.jpg", params=query).status_code == 200
        assert opened(client, "r.csv", str(made)).status_code == 422
