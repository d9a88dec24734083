"""A studio of a folder in which the tools have drawn, built and trained."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from catdog.cli.main import call_tool
from catdog.studio.app import create_app, place_of, studio_of
from catdog.studio.here import Studio
from tests.studio.browser import chromium

RUN = "snapshots/first/small64"
_SMALL = ["max_iter=8", "display=2", "test_interval=4", "snapshot=4", "snapshot_best=accuracy"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, a store and a run; copy it to change it."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call_tool("draw_sample", ["photos", "--train", "32", "--test", "4"])
        call_tool("create_lmdb", ["--data", "photos", "--out", "input", "--size", "64"])
        words = [*_SMALL, f"snapshot_prefix={RUN}", "net.*.data_param.batch_size=8"]
        sets = [part for word in words for part in ("--set", word)]
        call_tool("train", ["--solver", "small", *sets, "--resources", "0"])
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; for a module, since playwright's loop would be in the way of others in a worker."""
    with chromium() as found:
        yield found


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `made`, which is the working directory."""
    copy = tmp_path / "work"
    shutil.copytree(made, copy, symlinks=True)
    record = copy / f"{RUN}_run.yaml"
    record.write_text(record.read_text().replace(f"folder: {made}", f"folder: {copy}"))
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def studio(folder: Path) -> Studio:
    """A studio there."""
    return studio_of(place_of(folder, []))


@pytest.fixture
def client(studio: Studio) -> Iterator[TestClient]:
    """What asks it; nothing that it is given begins."""
    yield TestClient(create_app(studio), base_url="http://127.0.0.1:5000")
