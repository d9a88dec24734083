"""Rows of words in columns, for a terminal."""

from collections.abc import Iterable, Sequence


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of columns under their heads; columns of numbers stand to the right."""
    rows = [list(row) for row in rows]
    columns = list(zip(head, *rows, strict=True))
    right = [any(column[1:]) and all(map(_is_number, column[1:])) for column in columns]
    widths = [max(map(len, column)) for column in columns]
    lines = (
        "  ".join(
            word.rjust(width) if to_the_right else word.ljust(width)
            for word, width, to_the_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [list(head), *rows]
    )
    return "\n".join(lines)


def _is_number(word: str) -> bool:
    return not word or word[0] in "-+0123456789."
