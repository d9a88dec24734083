"""Diverse subsets of the examples of one class: distances, scores and methods.

A method is a function of the distances, the size of the subset, its settings and a generator; it
returns distinct indices. A new one is a module here and a line in METHODS.
"""

from collections.abc import Mapping

from catdog.analysis.subset.annealing import anneal
from catdog.analysis.subset.best_draw import best_draw
from catdog.analysis.subset.distances import METRICS, Distances
from catdog.analysis.subset.exchange import exchange
from catdog.analysis.subset.farthest import farthest
from catdog.analysis.subset.method import Method, Settings
from catdog.analysis.subset.random_draw import random_draw
from catdog.analysis.subset.representative import representative
from catdog.analysis.subset.subset_scores import SubsetScores, subset_scores

METHODS: Mapping[str, Method] = {
    "random": random_draw,
    "draws": best_draw,
    "farthest": farthest,
    "annealing": anneal,
    "exchange": exchange,
    "representative": representative,
}

__all__ = ["METHODS", "METRICS", "Distances", "Method", "Settings", "SubsetScores", "subset_scores"]
