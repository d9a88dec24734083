"""How the loss went while the learning rate grew, and the rate that this suggests."""

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catdog.runtime.files import replacing

if TYPE_CHECKING:
    from catdog.runtime.shown_figure import ShownFigure

Array = NDArray[np.float64]

#: The losses around a rate count by a Gaussian of so many decades.
_WIDTH = 0.15
#: The loss rises where its mean is by so much, and by so many standard errors, above its least.
_RISEN, _ERRORS = 0.1, 3.0
#: The standard deviation of normal numbers by the median of their sizes.
_NORMAL = 1.4826
COLUMNS = ("iteration", "learning_rate", "loss", "smoothed_loss")


@dataclass(frozen=True)
class RateCurve:
    """The losses of a learning-rate range test.

    Args:
        rates: the rate of each iteration, rising; that of the solver, which lr_mult multiplies.
        losses: the loss before each update, as many.
        base_lr: that of the solver as it is.
        exploded: whether it ended because the loss exploded.
        interrupted: whether it ended because somebody asked for it.
    """

    rates: Array
    losses: Array
    base_lr: float = 0.0
    exploded: bool = False
    interrupted: bool = False

    @cached_property
    def smoothed(self) -> Array:
        """The mean of the losses around each rate."""
        smoothed: Array = self._weights @ self.losses
        return smoothed

    @cached_property
    def suggestion(self) -> float | None:
        """The rate from which on the loss rises, in two digits; None where it does not."""
        if not len(self.rates):
            return None
        curve, each = self.smoothed, np.abs(self.losses - self.smoothed)
        errors = _NORMAL * np.median(each) * np.sqrt((self._weights**2).sum(1))
        least = np.minimum.accumulate(curve)
        risen = curve > least + np.maximum(_RISEN * least, _ERRORS * errors)
        return float(f"{self.rates[int(risen.argmax())]:.2g}") if risen.any() else None

    def in_words(self) -> str:
        """What the curve says, on one line."""
        if self.suggestion is None:
            tried = f"up to a rate of {self.rates[-1]:.3g}" if len(self.rates) else "yet"
            wanted = "it was stopped" if self.interrupted else "try a larger --to"
            return f"the loss does not rise {tried}, so no rate is suggested: {wanted}"
        return f"the loss rises from a rate of {self.suggestion:g} on, which is suggested"

    @cached_property
    def _weights(self) -> Array:
        """How much each loss counts in the mean at each rate, in rows with a sum of 1."""
        at = np.log10(self.rates)
        counts = np.exp(-0.5 * ((at[:, None] - at) / _WIDTH) ** 2)
        weights: Array = counts / counts.sum(1, keepdims=True)
        return weights

    def curve(self) -> "ShownFigure":
        """The losses over the rates, as a matplotlib figure."""
        from catdog.training.rate_picture import draw

        return draw(self)

    def write(self, path: Path) -> None:
        """Write the numbers as CSV, with COLUMNS."""
        with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            rows = zip(self.rates, self.losses, self.smoothed, strict=True)
            table.writerows([at, *(f"{x:.7g}" for x in row)] for at, row in enumerate(rows))

    def _repr_png_(self) -> bytes:
        """The picture, for a notebook."""
        return self.curve().png()
