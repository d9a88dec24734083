"""Where it listens, and which addresses need a token."""

import socket

import pytest

from catdog.errors import CatdogError
from catdog.web.address import Address, address
from catdog.web.server import listen


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(host):
    assert address(host, 5000, None).token == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "a-machine"])
def test_any_other_address_has_one(host):
    one, other = (address(host, 5000, None).token for _ in range(2))
    assert len(one) >= 24 and one != other


def test_a_token_can_be_given_and_asked_for():
    assert address("127.0.0.1", 5000, "").token
    assert address("0.0.0.0", 5000, "abcdefghij-_").token == "abcdefghij-_"


@pytest.mark.parametrize(
    "token", ["short", "with a space in it", "ümläüte-sind-keine", "semi;colon;semi"]
)
def test_a_token_that_keeps_nobody_out_is_refused(token):
    with pytest.raises(CatdogError, match="12 or more letters"):
        address("0.0.0.0", 5000, token)


def test_the_address_is_what_a_browser_opens():
    assert Address("127.0.0.1", 5000).url() == "http://127.0.0.1:5000/"
    assert Address("::1", 5000).url(81) == "http://[::1]:81/"
    assert Address("0.0.0.0", 5000, "t").url() == f"http://{socket.gethostname()}:5000/?token=t"


def test_a_port_that_is_taken_is_one_line():
    with listen(Address("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            CatdogError, match=f"127.0.0.1:{port}: cannot listen: .*in use; another"
        ):
            listen(Address("127.0.0.1", port))
    with pytest.raises(CatdogError, match="cannot listen"):
        listen(Address("127.0.0.1", 70000))
    with pytest.raises(CatdogError, match="cannot listen"):
        listen(Address("192.0.2.1", 0))
