"""Where a server listens, and who may reach it there."""

import ipaddress
import secrets
import socket
from dataclasses import dataclass

from catdog.errors import CatdogError
from catdog.web.guard import LOOPBACK

#: A token has at least so many characters, and none that a cookie or an address would change.
_SHORTEST = 12


@dataclass(frozen=True)
class Address:
    """A host and a port, and the token that requests must bring; empty where none is needed."""

    host: str
    port: int
    token: str = ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which it may be reached without a token."""
        return (*LOOPBACK, self.host)

    def url(self, port: int | None = None) -> str:
        """What a browser opens, with the token."""
        name = self.host if _is_loopback(self.host) else _reachable(self.host)
        name = f"[{name}]" if ":" in name else name
        end = f"?token={self.token}" if self.token else ""
        return f"http://{name}:{port or self.port}/{end}"


def address(host: str, port: int, token: str | None) -> Address:
    """An address that is safe: one that other machines reach has a token, given or made.

    Args:
        token: None: only where one is needed; empty: one is made; else it.

    Raises CatdogError for a token that is too short to keep anyone out.
    """
    if token and (len(token) < _SHORTEST or not token.isascii() or not _is_plain(token)):
        what = f"has to be {_SHORTEST} or more letters, digits, - and _"
        raise CatdogError(what, where="--token", remedy="without a value one is made")
    if token is None and _is_loopback(host):
        return Address(host, port)
    return Address(host, port, token or secrets.token_urlsafe(24))


def _is_plain(token: str) -> bool:
    return token.replace("-", "").replace("_", "").isalnum()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reachable(host: str) -> str:
    """A name for an address that means all of this machine's."""
    try:
        unspecified = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host
    return socket.gethostname() if unspecified else host
