"""catdog serve as a process: signals, ports, and mistakes in one line."""

import http.client
import json
import signal
import socket
import time
from urllib.request import urlopen

import pytest
from catdog.tools.serve import main

from tests.pictures import encoded, picture
from tests.serving.served import running, write_small_net
from tests.tool_run import run_tool

JPEG = {"content-type": "image/jpeg"}
PHOTO = encoded(picture())


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_small_net(tmp_path_factory.mktemp("net") / "small.caffemodel")


def ask(port: int, method: str = "GET", path: str = "/readyz", body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def until_ready(port: int) -> None:
    for _ in range(200):
        if ask(port)[0] == 200:
            return
        time.sleep(0.05)
    pytest.fail("it does not get ready")


def test_a_server_answers_drains_and_ends(weights):
    with running(weights, "--seconds", 20) as (process, port):
        until_ready(port)
        assert ask(port, "POST", "/predict", PHOTO, JPEG)[0] == 200
        # a request that is under way: its body is not whole yet
        slow = socket.create_connection(("127.0.0.1", port))
        head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        slow.sendall(f"{head}Content-Length: {len(PHOTO)}\r\n\r\n".encode() + PHOTO[:100])
        until_under_way(port)
        process.send_signal(signal.SIGTERM)
        until_stopping(port)
        status, told = ask(port, "POST", "/predict", PHOTO, JPEG)
        assert (status, told) == (
            503,
            {"error": "the server is stopping; send it again after Retry-After"},
        )
        assert ask(port, path="/healthz")[0] == 200
        slow.sendall(PHOTO[100:])
        assert b"200 OK" in slow.recv(1000)
        slow.close()
        assert process.wait(20) == 0
        assert process.stderr.read().splitlines() == [
            "stopping: 1 requests are under way; a second signal ends it at once",
            "all that was taken is answered",
        ]


def until_under_way(port: int) -> None:
    for _ in range(200):
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            if b"catdog_held_bytes 0.0" not in answer.read():
                return
        time.sleep(0.02)
    pytest.fail("nothing is read")


def until_stopping(port: int) -> None:
    for _ in range(200):
        if ask(port)[0] == 503:
            return
        time.sleep(0.02)
    pytest.fail("it does not stop")


def test_a_second_signal_ends_it_at_once(weights):
    with running(weights, "--seconds", 60) as (process, port):
        until_ready(port)
        slow = socket.create_connection(("127.0.0.1", port))
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1")
        until_under_way(port)
        process.send_signal(signal.SIGINT)
        until_stopping(port)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
        slow.close()


def test_mistakes_are_one_line(weights, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (line,) = run_tool(main, capsys, weights, "--port", port)
        assert f"127.0.0.1:{port}: cannot listen" in line
    for words, what in (
        ([], "required: WEIGHTS"),
        (["no.caffemodel", "--port=0"], "no.caffemodel"),
        ([weights, "--port=x"], '"x" is no whole number'),
        ([weights, "--batch=0"], "from 1 on"),
        ([weights, "--max-mib=0"], "no number above 0"),
        ([weights, "--port=0", "--token=short"], "--token"),
        ([weights, "--port=0", "--engine=none"], "--engine"),
        ([weights, "--port=0", "--amp=int8"], "torch computes no int8 here"),
        ([weights, "--port=0", "--gpu=7"], "--gpu"),
        ([weights, "--prot=0"], "--port"),
    ):
        (line,) = run_tool(main, capsys, *words)
        assert line.startswith("error: ") and what in line
