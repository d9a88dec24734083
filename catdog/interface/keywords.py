"""Mistakes in the words of who calls from Python: arguments are no flags."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from catdog.errors import CatdogError, SpecError

_FLAG = re.compile(r"--([a-z]+(?:-[a-z]+)*)")


@contextmanager
def as_keywords() -> Iterator[None]:
    """Name arguments by their keywords where an error names the flags of a command line."""
    try:
        yield
    except SpecError as error:
        raise SpecError(
            replace(fault, where=_keyword(fault.where)) for fault in error.faults
        ) from None
    except CatdogError as error:
        error.where = _keyword(error.where)
        raise


def _keyword(where: str) -> str:
    """`--set max_iter=3` is max_iter=3, `--class-weights` is class_weights."""
    return _FLAG.sub(lambda flag: flag[1].replace("-", "_"), where.replace("--set ", ""))
