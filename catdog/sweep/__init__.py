"""Trying many: trials over fields of a solver and its nets, each an ordinary run."""

from catdog.sweep.axis import Axis, parse_axis
from catdog.sweep.picture import draw
from catdog.sweep.plan import PRUNERS, SAMPLERS, Plan
from catdog.sweep.sweep import Sweep, sweep
from catdog.sweep.table import command_of_best, table, write_csv

__all__ = [
    "PRUNERS",
    "SAMPLERS",
    "Axis",
    "Plan",
    "Sweep",
    "command_of_best",
    "draw",
    "parse_axis",
    "sweep",
    "table",
    "write_csv",
]
