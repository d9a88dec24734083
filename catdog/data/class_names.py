"""What a label is called."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


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
