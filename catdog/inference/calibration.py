"""Calibration by one temperature (Guo et al., On Calibration of Modern Neural Networks, 2017)."""

import importlib

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from catdog.runtime.optional import scikit

Floats = NDArray[np.float64]

#: The smallest probability that float32 tells from 0.
_TINY = float(np.finfo(np.float32).tiny)
#: Bounds of the fitted temperature.
_COLDEST, _HOTTEST = 0.01, 100.0


def apply_temperature(probabilities: NDArray[np.floating], temperature: float) -> Floats:
    """Probabilities, rows x classes, as if the scores had been divided by the temperature.

    Above 1 they are less confident, below 1 more; the order of the classes stays.
    """
    scaled = torch.from_numpy(scores_of(probabilities)) / temperature
    softmax: Floats = scaled.softmax(1).numpy()
    return softmax


def fit_temperature(scores: Floats, labels: NDArray[np.int64]) -> float:
    """The temperature T that minimises the log loss of softmax(scores / T).

    `scores` are rows x classes. Raises CatdogError where scikit-learn, and so SciPy, is missing.
    """
    scikit("metrics")
    optimize = importlib.import_module("scipy.optimize")
    bounds = (np.log(_COLDEST), np.log(_HOTTEST))
    found = optimize.minimize_scalar(
        lambda log: softmax_log_loss(scores / np.exp(log), labels), bounds=bounds, method="bounded"
    )
    return float(np.exp(found.x))


def softmax_log_loss(scores: Floats, labels: NDArray[np.int64]) -> float:
    """The mean log loss of the softmax of scores, rows x classes."""
    return float(F.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels)))


def scores_of(probabilities: NDArray[np.floating]) -> Floats:
    """Scores whose softmax is these probabilities: their logarithms."""
    logs: Floats = np.log(np.maximum(probabilities.astype(np.float64), _TINY))
    return logs
