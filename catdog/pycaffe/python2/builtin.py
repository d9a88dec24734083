"""Functions that Python 3 has no more, or with other arguments."""

from collections.abc import Callable, Iterable
from functools import cmp_to_key
from typing import Any

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


def message(error: BaseException) -> Any:
    """`error.message`: its own, or what it was raised with where that is one thing."""
    if hasattr(error, "message"):
        return error.message
    return error.args[0] if len(error.args) == 1 else ""


def setdefaultencoding(_: str) -> None:
    """sys.setdefaultencoding: nothing, text is not tied to an encoding."""
