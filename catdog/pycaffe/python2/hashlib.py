"""hashlib, which takes a str and whose digest is one."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from catdog.pycaffe.python2.text import as_bytes, native


class _Hash:
    """A hash of hashlib's that takes text for bytes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def update(self, text: Any) -> None:
        """Add a str."""
        self._inner.update(as_bytes(text))

    def digest(self) -> Any:
        """The hash of all so far."""
        return native(self._inner.digest())

    def copy(self) -> "_Hash":
        """Another one that goes on from here."""
        return _Hash(self._inner.copy())

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":
            raise AttributeError(name)
        return getattr(self._inner, name)


def new(name: str, text: Any = b"") -> _Hash:
    """A hash by its name; raises ValueError for one that is not there."""
    return _Hash(hashlib.new(str(name), as_bytes(text)))


def _named(name: str) -> Callable[..., _Hash]:
    return partial(new, name)


md5, sha1, sha224 = _named("md5"), _named("sha1"), _named("sha224")
sha256, sha384, sha512 = _named("sha256"), _named("sha384"), _named("sha512")
