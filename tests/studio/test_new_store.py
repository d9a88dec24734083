"""The pages of a new store and of a store, and their JSON routes."""

import zipfile

import pytest

from catdog.cli.main import call_tool
from tests.studio.pages import asked
from tools.create_lmdb import _arguments, _dataset

_HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def there(made, tmp_path_factory):
    with asked(made, tmp_path_factory.mktemp("studio") / "work") as found:
        yield found


@pytest.fixture
def client(there):
    return there[0]


def test_the_page_names_what_has_photos(client):
    found = client.get("/api/photos/places").json()
    assert "photos" in found and not any("lmdb" in each for each in found)
    page = client.get(f"/new/store?source={_HOSTILE}").text
    assert 'data-place="photos"' in page and _HOSTILE not in page


def test_photos_are_looked_at(client):
    found = client.post("/api/photos", json={"source": "photos"}).json()
    assert sorted(map(tuple, found["classes"])) == [("cat", 16), ("dog", 16)]
    page = client.post("/parts/photos", json={"source": "photos"}).text
    assert "named for their class" in page and 'data-found="photos"' in page
    assert client.post("/parts/photos", json={"source": ""}).text == ""
    assert "no such folder" in client.post("/parts/photos", json={"source": "nothing"}).text


def test_what_is_previewed_is_the_command(client):
    form = {"source": "photos", "size": "32", "height": "", "crop": "", "equalize": "false"}
    shown = client.post("/api/photos/preview", json={**form, "count": 2}).json()
    assert len(shown) == 2 and all(each["after"] for each in shown)
    page = client.post("/parts/preview", json={**form, "resize": "PAD"}).text
    assert "--size 32 --resize pad --no-equalize" in page and "data:image/jpeg" in page
    assert "width" in client.post("/parts/preview", json={**form, "size": 9999}).text
    assert client.post("/api/photos/preview", json={**form, "count": 10**6}).status_code == 422


def test_a_store_is_built_by_the_command_line(there):
    client, studio = there
    body = {"source": "photos", "size": 32, "name": "small", "explore": "true", "validation": 0.25}
    answer = client.post("/api/stores", json=body)
    assert (
        answer.status_code == 201 and answer.headers["HX-Redirect"] == "/store?name=stores%2Fsmall"
    )
    build, explore = [job.order for job in studio.jobs.all()[-2:]]
    args = _arguments(list(build.words[1:]))
    assert str(args.out) == build.target == "stores/small"
    assert (_dataset(args).width, _dataset(args).validation) == (32, pytest.approx(0.25))
    page = client.get("/store?name=stores/small").text
    assert "waiting" in page
    for order in (build, explore):
        call_tool(order.words[0], order.words[1:])
    facts = client.get("/api/stores/facts?name=stores/small").json()
    assert [each["counts"] for each in facts["classes"]] == [[12, 4], [12, 4]]
    assert facts["has_mean"] and facts["explored"] and "equalised" in " ".join(facts["prepared"])
    page = client.get("/store?name=stores/small").text
    assert "Page on its photos" in page and "12 + 4" in page
    again = client.post("/api/stores", json=body)
    assert again.status_code == 422 and "exists already" in again.json()["error"]


def test_pictures_of_a_store(client):
    for path in ("mean.jpg?name=input", "photo.jpg?name=input&part=train&index=3"):
        answer = client.get(f"/store/{path}")
        assert answer.headers["content-type"] == "image/jpeg" and answer.content[:2] == b"\xff\xd8"
    assert client.get("/store/photo.jpg?name=input&part=train&index=999").status_code == 422
    assert client.get("/store/photo.jpg?name=input&part=../x&index=0").status_code == 422
    assert client.get("/store/mean.jpg?name=../input").status_code == 422


def test_the_page_on_photos_may_do_nothing(there):
    client, studio = there
    path = studio.place.folder / "input/exploration/index.html"
    path.parent.mkdir()
    path.write_text(_HOSTILE)
    policy = client.get("/store/photos?name=input").headers["content-security-policy"]
    assert "sandbox" in policy and "default-src 'none'" in policy and "script" not in policy


def packed(path, folder):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.*g"):
            archive.write(file, file.relative_to(folder))
    return path.read_bytes()


def test_a_zip_is_sent_and_stored(there, tmp_path):
    client, studio = there
    data = packed(tmp_path / "x.zip", studio.place.folder / "photos/train")
    answer = client.put("/api/uploads/mine.zip", content=data)
    assert answer.status_code == 201 and answer.json() == {"source": "uploads/mine.zip"}
    assert client.put("/api/uploads/mine.zip", content=data).json()["source"] != "uploads/mine.zip"
    found = client.post("/api/photos", json={"source": "uploads/mine.zip"}).json()
    assert found["photos"] == 32


@pytest.mark.parametrize("name", ["..%2Fx.zip", ".zip", "a%2Fb.zip", "x.zip"])
def test_what_is_no_zip_is_not_kept(there, name):
    client, studio = there
    before = sorted((studio.place.folder).rglob("*"))
    answer = client.put(f"/api/uploads/{name}", content=b"no zip")
    assert answer.status_code in (404, 405, 422)
    assert sorted(each for each in studio.place.folder.rglob("*") if each.name != "uploads") == [
        each for each in before if each.name != "uploads"
    ]


def test_what_is_no_store(client):
    answer = client.get("/store?name=../x")
    assert answer.status_code == 422 and "no such store" in answer.json()["error"]
    assert client.post("/api/stores", json={"source": "photos", "name": "a/b"}).status_code == 422
    body = {"source": "photos", "name": "x", "size": 0}
    assert "width" in client.post("/api/stores", json=body).json()["error"]
