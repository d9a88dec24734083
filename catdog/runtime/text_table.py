"""Rows of words in columns, for a terminal."""

import re
from collections.abc import Iterable, Sequence

#: `1,234`, `-0.5`, `1e-05`, `97.20%`, `1.5 GB`, `12:30`; nothing or a dash where one is missing.
_NUMBER = re.compile(r"[-+]?([\d.,:]+(e[-+]?\d+)?(%| [a-zA-Z/]{1,3})?|inf|nan)|[-–]?")


def text_table(head: Sequence[str] | None, rows: Iterable[Sequence[str]]) -> str:
    """Lines of columns, two spaces apart, under their heads if there are any.

    Columns of numbers are aligned to the right, others to the left.
    """
    rows = [list(row) for row in rows]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(head or ())
    right = [any(column) and all(map(_NUMBER.fullmatch, column)) for column in columns]
    lines = rows if head is None else [list(head), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            word.rjust(width) if to_the_right else word.ljust(width)
            for word, width, to_the_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )
