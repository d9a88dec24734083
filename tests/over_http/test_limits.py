"""Bodies that are larger than may be, announced or not."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from catdog.web.limits import BodyLimit


def client() -> TestClient:
    app = FastAPI()

    @app.post("/")
    async def take(request: Request) -> int:
        return len(await request.body())

    return TestClient(BodyLimit(app, most=1000))


def test_what_may_come_comes():
    assert client().post("/", content=bytes(1000)).json() == 1000


def test_more_is_refused_before_it_comes():
    answer = client().post("/", content=bytes(1001))
    assert answer.status_code == 413
    assert "1,000 bytes" in answer.text


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"99999999999999999999", b""])
def test_a_length_that_is_none_is_refused(length):
    assert client().post("/", content=b"", headers={b"content-length": length}).status_code == 413


def test_more_than_was_announced_is_refused_as_it_comes():
    def parts() -> Iterator[bytes]:
        for _ in range(3):
            yield bytes(500)

    assert client().post("/", content=parts()).status_code == 413
