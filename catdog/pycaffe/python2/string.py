"""string with the functions that are methods of str by now."""

from collections.abc import Iterable
from string import *  # noqa: F403 the module as it is, but for what is below
from string import ascii_letters, ascii_lowercase, ascii_uppercase

letters, lowercase, uppercase = ascii_letters, ascii_lowercase, ascii_uppercase
atoi, atol, atof = int, int, float
maketrans = str.maketrans
capitalize, count, expandtabs, find, rfind = (
    *(str.capitalize, str.count, str.expandtabs),
    *(str.find, str.rfind),
)
index, rindex, ljust, rjust, center = str.index, str.rindex, str.ljust, str.rjust, str.center
lower, upper, swapcase, zfill, translate = (
    *(str.lower, str.upper, str.swapcase),
    *(str.zfill, str.translate),
)
lstrip, rstrip, strip, replace = str.lstrip, str.rstrip, str.strip, str.replace
split, rsplit = str.split, str.rsplit


def join(words: Iterable[str], separator: str = " ") -> str:
    """The words with the separator between them."""
    return separator.join(words)


joinfields, splitfields = join, split
