"""How foreign a photo is to a net: what shows neither of its classes should be refused.

Two scores, both higher for what is more foreign. The distance of a photo's features, of length 1,
to the k-th nearest of photos that were learned from (Sun et al., Out-of-Distribution Detection with
Deep Nearest Neighbors, 2022); and the energy -ln sum exp of the scores before the Softmax (Liu et
al., Energy-based Out-of-distribution Detection, 2020). Photos from elsewhere, by which one could
choose, are not there when a net is calibrated: the distance is taken where there are features,
since it looks at all that the last layer gets, and not only at what that keeps of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from catdog.errors import CatdogError
from catdog.inference.conformal import REMEDY, check_views, some_misfits, upper_quantile
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import ConfidenceParameter, ForeignParameter

Floats = NDArray[np.float32]

#: What a photo is called that is refused.
NEITHER = "neither"
#: The rank of the neighbor, of so many features at most, and in so many bytes.
NEIGHBORS, MOST, MOST_BYTES = 10, 2000, 2 << 20
#: Numbers of a photo that are taken for features.
_LARGEST = 4096
_SHAPING = ("Flatten", "Reshape", "Dropout", "BatchNorm", "Scale")


class Foreignness(NamedTuple):
    """How foreign a photo is, and from where on photos are refused."""

    score: float
    limit: float

    @property
    def is_refused(self) -> bool:
        """Whether the photo shows neither of the classes."""
        return self.score > self.limit

    @property
    def words(self) -> str:
        """For a person: `foreign 0.831 > 0.52`."""
        return f"foreign {self.score:.3g} {'>' if self.is_refused else '<='} {self.limit:.3g}"


class Rejection(NamedTuple):
    """The share of known photos that may be refused, and the score above which one is."""

    share: float
    limit: float


class Inside(NamedTuple):
    """The blobs of a net that tell how foreign a photo is: scores, and features where it has them.
    Empty where it has not."""

    scores: str
    features: str


def inside(net: Net, blob: str) -> Inside:
    """Those behind an output of probabilities: what its Softmax or Sigmoid gets, and what the
    InnerProduct or Convolution gets that makes it."""
    layers = {top: layer for layer in net.message.layer for top in layer.top}
    maker = layers.get(blob)
    if maker is None or maker.type not in ("Softmax", "Sigmoid") or not maker.bottom:
        return Inside("", "")
    scores = maker.bottom[0]
    if not net.can_keep(scores):
        return Inside("", "")
    maker = layers.get(scores)
    while maker is not None and maker.type in _SHAPING and maker.bottom[0] != maker.top[0]:
        maker = layers.get(maker.bottom[0])
    if maker is None or maker.type not in ("InnerProduct", "Convolution"):
        return Inside(scores, "")
    features = maker.bottom[0]
    is_small = prod(net.shapes[features][1:]) <= _LARGEST
    fit = is_small and features not in net.inputs and net.can_keep(features)
    return Inside(scores, features if fit else "")


def energies(scores: Floats) -> Floats:
    """The energy of each row of scores; that of one sigmoid is half for a class and half against
    the other, so that neither is the more foreign one."""
    if scores.shape[1] == 1:
        scores = np.concatenate((-scores / 2, scores / 2), axis=1)
    return (-torch.from_numpy(scores).logsumexp(1)).numpy()


def of_length_1(features: Floats) -> Floats:
    """Rows of length 1."""
    return functional.normalize(torch.from_numpy(features)).numpy()


@dataclass(frozen=True)
class ForeignScore:
    """Gives photos a score, by what weights carry.

    Args:
        blob: of the net, from whose numbers it is computed.
        bank: features of photos that were learned from, rows of length 1; None for the energy.
        neighbors: the rank of the neighbor.
    """

    blob: str
    bank: Floats | None = None
    neighbors: int = NEIGHBORS

    def of(self, values: Floats) -> Floats:
        """How foreign each photo is, by the numbers of the blob: rows to numbers."""
        if self._bank is None:
            return energies(values)
        near = functional.normalize(torch.from_numpy(values)) @ self._bank
        rank = min(self.neighbors, near.shape[1])
        kth = near.topk(rank).values[:, -1]
        return (2 - 2 * kth).clamp(min=0).sqrt().numpy()

    @cached_property
    def _bank(self) -> torch.Tensor | None:
        return None if self.bank is None else torch.from_numpy(self.bank).T.contiguous()

    def carried(self, known: Floats) -> ForeignParameter:
        """What weights carry, with the scores of photos that are known."""
        found = ForeignParameter(known=some_misfits(known.astype(np.float64)), blob=self.blob)
        if self.bank is not None:
            found.neighbors, found.size = self.neighbors, self.bank.shape[1]
            found.features = self.bank.astype("<f2").tobytes()
        return found


def score_of(carried: ForeignParameter) -> ForeignScore:
    """The score that weights carry. Raises CatdogError for features that are none."""
    if not carried.features:
        return ForeignScore(carried.blob)
    rows, rest = divmod(len(carried.features), 2 * max(carried.size, 1))
    if rest or not rows or not carried.neighbors:
        what = "the features in the weights are damaged"
        raise CatdogError(what, where="--reject", remedy=f"calibrate anew: {REMEDY}")
    bank = np.frombuffer(carried.features, "<f2").reshape(rows, -1).astype(np.float32)
    return ForeignScore(carried.blob, bank, carried.neighbors)


def known_scores(carried: ConfidenceParameter, flag: str) -> NDArray[np.float64]:
    """The scores of known photos that weights carry; CatdogError where they carry none."""
    if not carried.foreign.known:
        what = "the weights do not tell what is foreign to the net"
        raise CatdogError(what, where=flag, remedy=REMEDY)
    return np.array(carried.foreign.known, np.float64)


def rejection(
    carried: ConfidenceParameter, share: float, net: Net, views: str
) -> tuple[ForeignScore, Rejection]:
    """The score that weights carry, and the limit that this share of known photos is above.

    Raises CatdogError where they carry none, of too few photos, of other looks at a photo, or of
    another net than this.
    """
    known = known_scores(carried, "--reject")
    check_views(carried, views, "--reject")
    score = score_of(carried.foreign)
    size = carried.foreign.size if score.bank is not None else 0
    shape = net.shapes.get(score.blob)
    if shape is None or (size and prod(shape[1:]) != size):
        what = f'the net has not the blob "{score.blob}" that the weights were calibrated on'
        raise CatdogError(what, where="--reject", remedy=f"calibrate anew: {REMEDY}")
    return score, Rejection(share, upper_quantile(known, 1 - share, f"--reject {share:g}"))


def bank_size(features: int) -> int:
    """How many photos' features are carried, of so many numbers each."""
    return min(MOST, max(NEIGHBORS, MOST_BYTES // (2 * features)))


def spread(count: int, most: int) -> Sequence[int]:
    """Places of at most so many of `count` photos, drawn at random."""
    places: list[int] = np.sort(np.random.default_rng(0).permutation(count)[:most]).tolist()
    return places
