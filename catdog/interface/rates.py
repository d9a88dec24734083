"""`catdog.lr_find`: a learning rate, by a short training in which it grows."""

from collections.abc import Mapping, Sequence
from os import PathLike

import torch

from catdog.interface.keywords import as_keywords
from catdog.interface.training import Weights, Words, options_of
from catdog.solver.events import Listener
from catdog.spec.shipped import find_solver
from catdog.training.range_test import RateRange, measure
from catdog.training.rate_curve import RateCurve


@as_keywords()
def lr_find(
    solver: str | PathLike[str],
    *,
    low: float = RateRange.low,
    high: float = RateRange.high,
    iterations: int = RateRange.iterations,
    weights: Weights = (),
    freeze: Words = (),
    device: str | torch.device | None = None,
    overrides: Mapping[str, object] | None = None,
    listeners: Sequence[Listener] = (),
    **fields: object,
) -> RateCurve:
    """Train with a rate that grows from `low` to `high` until the loss explodes.

        found = catdog.lr_find("small")
        found.curve().savefig("lr_find.png")
        catdog.train("small", base_lr=found.suggestion)

    Nothing is written. Raises CatdogError.

    Args:
        solver: its file, .yaml or .prototxt, or the name of one that ships, such as "quick".
        iterations: from one rate to the other, each by the same factor above the one before.
        weights, freeze, device, overrides, listeners, fields: as `catdog.train` takes them.
    """
    given = {**fields, **(overrides or {})}
    options = options_of(given, weights, freeze, device=device)
    wanted = RateRange(low, high, iterations)
    return measure(find_solver(str(solver)), options, wanted, listeners=listeners)
