"""Functions that Python 3 has no more, or with other arguments."""

from collections.abc import Callable, Iterable
from functools import cmp_to_key
from itertools import zip_longest
from typing import Any

from catdog.pycaffe.python2.text import ByteString, as_bytes, as_text

#: What is a str or unicode.
KINDS = (str, ByteString)

Compare = Callable[[Any, Any], int]


def cmp(left: Any, right: Any) -> int:
    """-1, 0 or 1: less, equal or greater."""
    return int(left > right) - int(left < right)


def sorted_by(values: Iterable[Any], *arguments: Any, **named: Any) -> list[Any]:
    """sorted(values, cmp, key, reverse)."""
    return sorted(values, **_ordering(*arguments, **named))


def sort(owner: Any, *arguments: Any, **named: Any) -> Any:
    """`owner.sort(...)`, where a list takes cmp, key, reverse and anything else what it takes."""
    if isinstance(owner, list):
        return owner.sort(**_ordering(*arguments, **named))
    return owner.sort(*arguments, **named)


def _ordering(
    cmp: Compare | None = None, key: Callable[[Any], Any] | None = None, reverse: bool = False
) -> dict[str, Any]:
    if cmp is None:
        return {"key": key, "reverse": reverse}
    by = cmp_to_key(cmp)
    return {"key": by if key is None else lambda value: by(key(value)), "reverse": reverse}


def mapped(function: Callable[..., Any] | None, *many: Iterable[Any]) -> list[Any]:
    """map: a list as long as the longest, None in place of what the shorter ones lack."""
    rows: Iterable[Any] = zip_longest(*many) if len(many) > 1 else zip(*many, strict=True)
    if function is None:
        return list(rows if len(many) > 1 else many[0])
    return [function(*row) for row in rows]


def filtered(function: Callable[[Any], Any] | None, values: Any) -> Any:
    """filter: a str of a str, a tuple of a tuple, a list of anything else."""
    kept = [value for value in values if (value if function is None else function(value))]
    if isinstance(values, ByteString):
        return ByteString(b"".join(map(as_bytes, kept)))
    if isinstance(values, str):
        return "".join(map(as_text, kept))
    return tuple(kept) if isinstance(values, tuple) else kept


def kind_of(value: Any) -> type:
    """type(value), where a ByteString is a str."""
    return str if isinstance(value, ByteString) else type(value)


def message(error: BaseException) -> Any:
    """`error.message`: its own, or what it was raised with where that is one thing."""
    if hasattr(error, "message"):
        return error.message
    return error.args[0] if len(error.args) == 1 else ""


def setdefaultencoding(_: str) -> None:
    """sys.setdefaultencoding: nothing, text is not tied to an encoding."""
