"""A folder of photos predicted by one process, or by several that each take a part."""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Protocol

import numpy as np

from catdog.data.images import Readable
from catdog.inference.heads import Head
from catdog.inference.predictor import BATCH, Outcome, Predictor
from catdog.runtime.columns import Picked
from catdog.runtime.distributed.group import ALONE, Group


class PhotoPredictor(Protocol):
    """What predicts photos: a net, or several."""

    @property
    def heads(self) -> Sequence[Head]:
        """What it tells of a photo."""

    @property
    def members(self) -> Sequence[Predictor]:
        """The nets, each by itself."""

    def batches(self, photos: Sequence[Readable]) -> Generator[list[Outcome], None, None]:
        """What becomes of each BATCH photos, in their order."""


def portion(photos: Sequence[Readable], group: Group) -> Sequence[Readable]:
    """The photos of this process, in whole batches: numbers do not depend on who computes them."""
    numbers = np.arange(len(photos))
    return Picked(photos, numbers[numbers // BATCH % group.world == group.rank])


def predict_all(
    predictor: PhotoPredictor, photos: Sequence[Readable], group: Group = ALONE
) -> Generator[list[Outcome], None, None]:
    """What becomes of each batch of the photos, in their order, as it comes; for all processes."""
    with closing(predictor.batches(portion(photos, group))) as mine:
        for _ in range(0, len(photos), group.world * BATCH):
            yield from filter(None, group.gather(next(mine, [])))
