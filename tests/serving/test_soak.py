"""Requests that are broken or hostile, among good ones: each gets its answer, and none a 500."""

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.hostile import KINDS
from benchmarks.http_server import catdog_server
from benchmarks.soak import FLAGS, Soak, table
from tests.pictures import encoded, picture
from tests.serving.served import write_small_net


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    weights = write_small_net(tmp_path_factory.mktemp("net") / "small.caffemodel")
    # slow clients are given up sooner than in a long soak
    with catdog_server(weights, *FLAGS, "--seconds", "1", "--device", "cpu") as (_, port):
        yield port


def test_each_kind_gets_its_answer(port):
    photo = encoded(picture(300, 200))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda kind: kind.send(port, photo), KINDS))
    pairs = zip(KINDS, found, strict=True)
    assert not [(kind.name, status) for kind, status in pairs if status not in kind.allowed]


def test_a_soak_counts_all_of_its_requests(port):
    soak = Soak(port, [encoded(picture(seed=seed)) for seed in range(3)])
    soak.run(200)
    assert sum(counts.total() for counts in soak.found.values()) == 200
    assert soak.found["a photo"].total() == 180
    assert len(table(soak).splitlines()) == 1 + len(soak.found)
    assert not soak.odd


def test_afterwards_nothing_is_held(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    assert "catdog_queue_photos 0.0" in lines
    assert "catdog_held_bytes 0.0" in lines
    assert not [line for line in lines if line.startswith('catdog_requests_total{code="5')]
