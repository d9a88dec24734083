"""Classes that compare by `__cmp__`."""

import operator
from collections.abc import Callable
from typing import Any

_OPERATORS = {
    f"__{name}__": getattr(operator, name) for name in ("lt", "le", "eq", "ne", "gt", "ge")
}


class compares:  # noqa: N801 a decorator
    """`__cmp__` of a class as the comparisons that it has no methods of its own for."""

    def __init__(self, method: Callable[[Any, Any], Any]) -> None:
        self.method = method

    def __set_name__(self, owner: type, name: str) -> None:
        setattr(owner, name, self.method)
        for each, against_zero in _OPERATORS.items():
            if each not in vars(owner):
                setattr(owner, each, _comparison(against_zero))


def _comparison(against_zero: Callable[[Any, int], bool]) -> Callable[[Any, Any], Any]:
    def compare(self: Any, other: Any) -> Any:
        found = self.__cmp__(other)
        return found if found is NotImplemented else against_zero(found, 0)

    return compare
