"""Trying many: trials over fields of a solver and its nets, each an ordinary run."""

from catdog.training.sweep.axis import Axis, parse_axis
from catdog.training.sweep.picture import draw
from catdog.training.sweep.plan import PRUNERS, SAMPLERS, Plan
from catdog.training.sweep.sweep import Sweep, sweep
from catdog.training.sweep.table import PICTURE, TABLE, command_of_best, places, table, write_csv

__all__ = [
    "PICTURE",
    "PRUNERS",
    "SAMPLERS",
    "TABLE",
    "Axis",
    "Plan",
    "Sweep",
    "command_of_best",
    "draw",
    "parse_axis",
    "places",
    "sweep",
    "table",
    "write_csv",
]
