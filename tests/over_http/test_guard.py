"""Requests of other sites, under other names and without a token."""

from urllib.parse import quote, unquote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from catdog.web.guard import COOKIE, Guard

TOKEN = "a-token-of-the-test"
#: How the cookie is called on the port of these tests.
_NAME = f"{COOKIE}_5000"


def pages() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    @app.get("/healthz")
    def read() -> str:
        return "read"

    @app.post("/")
    def change() -> str:
        return "changed"

    return app


def client(token: str = "", host: str = "127.0.0.1:5000") -> TestClient:
    guard = Guard(pages(), token=token, open_paths=["/healthz"])
    return TestClient(guard, base_url=f"http://{host}", follow_redirects=False)


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost", "[::1]:80", "LOCALHOST:5000"])
def test_this_machine_is_answered(host):
    assert client(host=host).get("/").status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5000", "127.0.0.1.evil.example", "", "[", "localhost.", "@"],
)
def test_a_name_of_another_site_is_refused(host):
    answer = client().get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "--token" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:5000"},
    ],
)
def test_a_page_of_another_site_changes_nothing(headers):
    assert client().post("/", headers=headers).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest"), [("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")]
)
def test_a_page_of_another_site_loads_nothing_into_itself(site, mode, dest):
    headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
    for method in ("GET", "HEAD", "OPTIONS"):
        assert client().request(method, "/", headers=headers).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin"])
def test_a_link_from_anywhere_opens_a_page(site):
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client().get("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:5000"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_an_own_page_and_a_program_may(headers):
    assert client().post("/", headers=headers).status_code == 200


def test_without_the_token_there_is_no_answer_but_to_health_checks():
    asked = client(TOKEN)
    assert asked.get("/").status_code == 401
    assert asked.get("/?token=wrong").status_code == 401
    assert asked.post(f"/?token={TOKEN}").status_code == 401
    assert asked.get("/", headers={"authorization": f"Bearer {TOKEN}x"}).status_code == 401
    for cookie in (f"{_NAME}=", f"{_NAME}={TOKEN}x", f"x{_NAME}={TOKEN}", f"{COOKIE}_81={TOKEN}"):
        assert asked.get("/", headers={"cookie": cookie}).status_code == 401
    assert asked.get("/healthz").status_code == 200


def test_with_a_token_it_is_reached_under_any_name():
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert client(TOKEN, "a-machine:5000").post("/", headers=headers).status_code == 200


def test_an_address_with_the_token_opens_the_pages_and_does_not_stay_in_sight():
    asked = client(TOKEN)
    answer = asked.get(f"/?token={TOKEN}&q=a+b")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?q=a+b")
    assert "HttpOnly; SameSite=Strict" in answer.headers["set-cookie"]
    assert asked.get("/").status_code == 200


def test_the_way_to_an_address_without_token_leads_to_no_other_site():
    answer = client(TOKEN).get(f"http://127.0.0.1:5000//evil.example/x?token={TOKEN}")
    assert answer.headers["location"] == "/evil.example/x"


@pytest.mark.parametrize("path", ["/%5Cevil.example", "/%09/evil.example", "/%0D%0Ax-y:%20z", "/é"])
def test_what_a_browser_would_read_otherwise_stays_quoted(path):
    answer = client(TOKEN).get(f"{path}?token={TOKEN}")
    assert answer.headers["location"] == quote(unquote(path))
    assert set(answer.headers["location"]).isdisjoint("\\\t\r\n")


def test_cookies_of_other_ports_are_in_nobodys_way():
    others = f'a[b]="x y"; {COOKIE}_81=other; é={{}}; {_NAME}={TOKEN}; {_NAME}=old'
    headers = {"cookie": others.encode("latin-1")}
    assert client(TOKEN).get("/", headers=headers).status_code == 200


def test_an_answer_says_what_a_browser_may():
    headers = client().get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_there_are_no_websockets():
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/"):
        pass


def test_a_server_may_refuse_in_its_own_form():
    async def refuse(send, status, reason):
        body = f"{status} {reason}".encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    asked = TestClient(Guard(pages(), refuse=refuse), base_url="http://evil.example")
    answer = asked.get("/")
    assert answer.text.startswith("421 this server is reached as")
    assert "content-security-policy" in answer.headers
