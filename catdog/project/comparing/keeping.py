"""Measurements that `catdog fit` chooses by from now on."""

import os
from collections.abc import Sequence
from pathlib import Path

from catdog.errors import CatdogError
from catdog.project.advice import TABLE
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
    bare = [each.net for each in TABLE if not each.pretrained]
    if not any(row.net in bare for row in rows):
        raise CatdogError(
            f"none of {', '.join(bare)} was measured, which `catdog fit` takes without pretrained "
            "weights",
            where=_WHERE,
            remedy=f"measure one too: --nets {bare[-1]}",
        )
    write_measured(SHIPPED, rows, sourced=True)
    shipped_measurements.cache_clear()
    return SHIPPED
