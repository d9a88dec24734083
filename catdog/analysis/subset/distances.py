"""Distances between the examples of one class."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])
Indices = NDArray[np.int64]

HELD = 512 << 20
"""Bytes of distances that are kept in memory, those of 11,585 examples; for more examples they are
computed on demand."""

_BLOCK = 1024
_DRAWS = 64


class Distances:
    """Euclidean or cosine distances between examples, features being count x numbers.

    A cosine distance is 1 - cos, from 0 to 2; an example of nothing but zeros is 1 from all others.
    """

    def __init__(self, features: NDArray[np.generic], metric: str, *, held: int = HELD) -> None:
        self.metric = metric
        self._points = _PREPARE[metric](features.astype(np.float32))
        self._squares: Array = np.einsum("ij,ij->i", self._points, self._points)
        self.count = len(self._points)
        fits = self.count**2 * self._points.itemsize <= held
        self._all = self._table() if fits else None

    def rows(self, indices: Indices) -> Array:
        """Distances of these examples to all, len(indices) x count."""
        if self._all is not None:
            rows: Array = self._all[indices]
            return rows
        rows = self._between(indices, np.arange(self.count))
        rows[np.arange(len(indices)), indices] = 0
        return rows

    def means(self, draws: Indices) -> NDArray[np.float64]:
        """The mean pairwise distance within each draw; `draws` is draws x examples."""
        first, second = np.triu_indices(draws.shape[1], 1)
        if not len(first):
            return np.zeros(len(draws))
        if self._all is None:
            return np.array([self.exact(draw)[first, second].mean() for draw in draws])
        flat = self._all.reshape(-1)
        parts = np.array_split(draws, range(_DRAWS, len(draws), _DRAWS))
        means = [flat.take(part[:, first] * self.count + part[:, second]).mean(1) for part in parts]
        found: NDArray[np.float64] = np.concatenate(means).astype(np.float64)
        return found

    def exact(self, indices: Indices) -> NDArray[np.float64]:
        """Distances between some examples, in double precision."""
        points = self._points[indices].astype(np.float64)
        squares = np.einsum("ij,ij->i", points, points)
        between: NDArray[np.float64] = points @ points.T
        between = _distances(self.metric, between, squares, squares)
        np.fill_diagonal(between, 0)
        return between

    def outermost(self) -> int:
        """The index of the example that is farthest from the mean of all."""
        middle = self._points.mean(0, keepdims=True)
        squares = np.einsum("ij,ij->i", middle, middle)
        away = _distances(self.metric, self._points @ middle.T, self._squares, squares)
        return int(away.argmax())

    def _table(self) -> Array:
        """All distances; each block is computed once and mirrored."""
        table = np.zeros((self.count, self.count), np.float32)
        for start in range(0, self.count, _BLOCK):
            stop = min(start + _BLOCK, self.count)
            block = self._between(np.arange(start, stop), np.arange(start, self.count))
            table[start:stop, start:] = block
            table[start:, start:stop] = block.T
        np.fill_diagonal(table, 0)
        return table

    def _between(self, some: Indices, others: Indices) -> Array:
        # a slice is a view, an array of indices copies
        every = slice(others[0], others[-1] + 1)
        products = self._points[some] @ self._points[every].T
        return _distances(self.metric, products, self._squares[some], self._squares[every])


def _distances(metric: str, products: Floats, first: Floats, second: Floats) -> Floats:
    """From scalar products, first x second, and squares; the products are used up."""
    if metric == "cosine":
        np.subtract(1, products, out=products)
        return np.clip(products, 0, 2, out=products)
    products *= -2
    products += first[:, None]
    products += second
    np.maximum(products, 0, out=products)
    return np.sqrt(products, out=products)


def _centred(features: Array) -> Array:
    """Around their mean: small numbers lose less when squares are subtracted."""
    features -= features.mean(0, dtype=np.float64).astype(np.float32)
    return features


def _unit(features: Array) -> Array:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    features /= np.where(lengths > 0, lengths, 1)
    return features


_PREPARE: Mapping[str, Callable[[Array], Array]] = {"euclidean": _centred, "cosine": _unit}
METRICS = tuple(_PREPARE)
