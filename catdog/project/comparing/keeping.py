"""Measurements that `catdog fit` chooses by from now on."""

import os
from collections.abc import Sequence
from pathlib import Path

from catdog.errors import CatdogError
from catdog.project.measured import SHIPPED, MeasuredNet, shipped_measurements, write_measured

_WHERE = "--keep"


def check_keepable() -> None:
    """Raise CatdogError where nothing can be written into catdog's own folder."""
    if not os.access(SHIPPED.parent, os.W_OK):
        raise CatdogError(
            f"{SHIPPED.parent} cannot be written",
            where=_WHERE,
            remedy="leave it out, and say `catdog fit --net NAME`",
        )


def keep_measurements(rows: Sequence[MeasuredNet]) -> Path:
    """Write rows, with their source, in place of those that `catdog fit` chose by; gives the file.

    Raises CatdogError where they leave it without a choice: it needs a net for machines without
    pretrained weights.
    """
    if not any(row.learned_from_scratch for row in rows):
        raise CatdogError(
            "no net from scratch was measured, which `catdog fit` takes without pretrained weights",
            where=_WHERE,
            remedy="measure one too: --nets small64",
        )
    write_measured(SHIPPED, rows, sourced=True)
    shipped_measurements.cache_clear()
    return SHIPPED
