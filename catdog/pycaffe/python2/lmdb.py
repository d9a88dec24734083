"""lmdb with keys and values that are str in Python 2: text or bytes in, ByteStrings out."""

from collections.abc import Iterator
from typing import Any

import lmdb
from lmdb import *  # noqa: F403 the module as it is, but for what is below

from catdog.pycaffe.python2.text import as_bytes, native


class _Wrapped:
    """Something of lmdb's whose methods take text for bytes and give ByteStrings."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return _Method(found) if callable(found) else found

    def __enter__(self) -> "_Wrapped":
        self.inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self.inner.__exit__(*error)


class _Cursor(_Wrapped):
    def __iter__(self) -> Iterator[Any]:
        return map(native, self.inner)

    def __next__(self) -> bool:
        # `cursor.next()`, translated: a move, no item
        return bool(self.inner.next())


class _Method:
    """A method of lmdb's, with its arguments and its result."""

    def __init__(self, method: Any) -> None:
        self._method = method

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        options = {name: _taken(value) for name, value in named.items()}
        return _outer(self._method(*map(_taken, arguments), **options))


def _taken(value: Any) -> Any:
    """An argument as lmdb takes it."""
    if isinstance(value, _Wrapped):
        return value.inner
    return type(value)(map(_taken, value)) if isinstance(value, (list, tuple)) else as_bytes(value)


def _outer(value: Any) -> Any:
    if isinstance(value, lmdb.Cursor):
        return _Cursor(value)
    if isinstance(value, lmdb.Transaction):
        return _Wrapped(value)
    return map(native, value) if isinstance(value, Iterator) else native(value)


def open(path: Any, *arguments: Any, **named: Any) -> Any:  # noqa: A001 lmdb's name
    """lmdb.open: an environment; `path` is text."""
    return _Wrapped(lmdb.open(str(path), *arguments, **named))


Environment = open  # type: ignore[misc,assignment]
