"""What a label is called."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog.errors import DataError
from catdog.runtime.text_file import read_text


def read_class_names(path: str | Path) -> list[str]:
    """The names of a file with one on each line, as Caffe's synset_words.txt has them.

    Of names that are there twice each gets the number of its class. Raises DataError for a file
    that cannot be read or has no names, and for an empty line between names.
    """
    try:
        text = read_text(Path(path))
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=str(path)) from error
    except UnicodeError as error:
        raise DataError("is no text in UTF-8 or UTF-16", where=str(path)) from error
    names = [line.strip() for line in text.rstrip().split("\n")]
    if "" in names:
        where = f"{path}:{names.index('') + 1}"
        raise DataError("an empty line", where=where, remedy="write the name of a class")
    count = Counter(names)
    return [name if count[name] == 1 else f"{name} ({at})" for at, name in enumerate(names)]


def picture_names(
    labels: Iterable[NDArray[np.float32] | np.float32] | None,
    mixed: NDArray[np.bool_] | None,
    count: int,
    classes: Sequence[str],
    *,
    vectors: bool = False,
) -> list[str]:
    """What to write at the pictures of a batch, `count` in number, with a mark at mixed ones.

    `vectors`: each has several labels, by the names of `classes`.
    """
    named = vector_name if vectors else name_of
    names = [""] * count if labels is None else [named(label, classes) for label in labels]
    if mixed is None:
        return names
    return [
        f"mix {name}".strip() if mark else name for name, mark in zip(names, mixed, strict=True)
    ]


def vector_name(labels: NDArray[np.float32] | np.float32, names: Sequence[str]) -> str:
    """The labels of a vector that are not 0: a 1 by its name, another number after it, `age 31`."""
    rows = [(_class(at, names), float(value)) for at, value in enumerate(np.atleast_1d(labels))]
    words = (name if value == 1 else f"{name} {value:.3g}" for name, value in rows if value)
    return ", ".join(words)


def name_of(label: NDArray[np.float32] | np.float32, classes: Sequence[str]) -> str:
    """The class of a label; of mixed ones the likeliest two, each with its share."""
    if np.ndim(label) == 0:
        return _class(int(label), classes) if label == int(label) else f"{label:.2f}"
    shares = np.asarray(label)
    likeliest = np.argsort(-shares, kind="stable")[:2]
    named = [(float(shares[number]), _class(int(number), classes)) for number in likeliest]
    if named[0][0] > 0.995:
        return named[0][1]
    return ", ".join(f"{share:.0%} {name}" for share, name in named if share >= 0.005)


def _class(number: int, classes: Sequence[str]) -> str:
    return classes[number] if 0 <= number < len(classes) else str(number)
