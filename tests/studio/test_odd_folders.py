"""Folders of strangers: names that are no text, records that nobody can reckon with."""

import asyncio
import errno
import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from catdog.studio import downloads
from catdog.studio.events import changes
from catdog.studio.photo_places import photo_places
from catdog.studio.place import StudioFolder
from catdog.studio.sent_photos import SentPhotos
from catdog.studio.store_draft import look_at
from tests.studio.conftest import RUN

_NO_TEXT = os.fsdecode(b"odd-name\xe9")
_PAGES = ("/", "/api/runs", "/api/stores", "/classify", "/new/training", "/new/store", "/review")


def test_names_that_are_no_text_are_left_out(folder, client):
    for name in ("snapshots/first", "input", "photos"):
        shutil.copytree(folder / name, folder / f"{name}-{_NO_TEXT}", symlinks=True)
    (folder / f"{_NO_TEXT}.prototxt").write_text("layer { name: 'a' }\n")
    for page in _PAGES:
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert "odd-name" not in answer.text
    assert [run["name"] for run in client.get("/api/runs").json()] == [RUN]


def test_photos_whose_names_are_no_text_are_told_as_well_as_they_can(folder, studio, client):
    (folder / "photos/train/cat.0.jpg").rename(folder / f"photos/train/{_NO_TEXT}.0.jpg")
    assert _NO_TEXT in look_at("photos", StudioFolder(folder)).skipped[0][0]
    with studio.bench:
        found = client.post("/api/photos", json={"source": "photos"})
    assert found.status_code == 200
    assert found.json()["skipped"][0][0] == "odd-name?.0.jpg"


@pytest.mark.parametrize("path", ["/api/runs/delete", "/api/jobs/stop", "/api/run/go-on"])
def test_a_name_that_is_no_text_is_nobodys(client, path):
    headers = {"content-type": "application/json"}
    answer = client.post(path, content=b'{"name": "\\ud800"}', headers=headers)
    assert answer.status_code == 422
    assert "no such" in answer.json()["what"]


@pytest.mark.parametrize("field", ["seconds: ", "iteration: ", "process: ", "  loss: "])
def test_a_record_with_endless_numbers_is_none(folder, client, field):
    record = folder / f"{RUN}_run.yaml"
    lines = record.read_text().splitlines()
    assert any(line.startswith(field) for line in lines)
    changed = [f"{field}{'9' * 400}" if line.startswith(field) else line for line in lines]
    record.write_text("\n".join(changed))
    for page in _PAGES:
        assert client.get(page).status_code == 200, page
    assert client.get("/api/runs").json() == []


def test_a_record_of_a_folder_that_can_be_none_does_not_go_on(folder, client):
    record = folder / f"{RUN}_run.yaml"
    record.write_text(record.read_text().replace(f"folder: {folder}", r'folder: "\0"'))
    answer = client.post("/api/run/go-on", json={"name": RUN})
    assert answer.json()["what"] == "was begun in another folder"


def test_what_goes_away_while_a_page_watches_it_is_a_change(studio, client):
    """The stream goes on: the page asks, and shows that it is gone."""
    said = []

    async def gone() -> bool:
        return len(said) > 1

    async def watch() -> None:
        stream = changes(SimpleNamespace(is_disconnected=gone), studio, look)
        async for text in stream.body_iterator:
            said.append(text)

    def look() -> str:
        found = studio.run(RUN).status
        client.post("/api/runs/delete", json={"name": RUN})
        return found

    asyncio.run(asyncio.wait_for(watch(), 30))
    assert said[1].startswith("event: changed")


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EACCES, 422)])
def test_a_disk_that_is_full_is_told_in_a_line(client, monkeypatch, number, status):
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number), "/secret/place/photo")

    monkeypatch.setattr(SentPhotos, "keep", full)
    answer = client.post("/api/classify", files=[("photos", ("a.jpg", b"x"))])
    assert answer.status_code == status
    assert answer.json()["error"].startswith("photo: cannot be read or written: ")
    assert os.strerror(number) in answer.json()["error"]


def test_a_net_that_takes_too_long_to_convert_is_told_in_a_line(client, monkeypatch):
    def endless(*_: object, **given: float) -> None:
        raise subprocess.TimeoutExpired("catdog", given["timeout"])

    monkeypatch.setattr(downloads.subprocess, "run", endless)
    answer = client.get("/api/run/net.onnx", params={"name": RUN})
    assert (answer.status_code, answer.json()["what"]) == (422, "took too long to be converted")


def test_a_zip_that_came_to_a_studio_that_was_killed_is_not_offered_and_goes(folder, studio):
    (folder / "uploads").mkdir()
    for name in (".half.123.zip", "whole.zip"):
        (folder / "uploads" / name).write_bytes(b"PK")
    assert photo_places(studio.place) == ["photos", "uploads/whole.zip"]
    with studio.photo_desk:
        assert [path.name for path in (folder / "uploads").iterdir()] == ["whole.zip"]
