"""A studio whose pages are asked by one module of tests: its processes begin once."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from catdog.studio.app import create_app, guarded, place_of, studio_of
from catdog.studio.here import Studio
from catdog.web.address import Address


@contextmanager
def asked(
    made: Path, folder: Path, photos: Sequence[Path] = ()
) -> Iterator[tuple[TestClient, Studio]]:
    """A client, and the studio of a copy of `made`; nothing that it is given begins."""
    shutil.copytree(made, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        studio = studio_of(place_of(folder, photos))
        app = guarded(create_app(studio), Address("127.0.0.1", 5000))
        with studio.desk, studio.bench:
            yield TestClient(app, base_url="http://127.0.0.1:5000"), studio


def texts(made: TestClient, name: str = "animals") -> dict[str, str]:
    """Texts that fit the store."""
    body = {"store": "input", "net": "small64", "name": name, "epochs": 1, "batch": 8}
    answer = made.post("/api/texts/fitted", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found
