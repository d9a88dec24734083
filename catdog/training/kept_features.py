"""Features that several trainings of one process share, as the folds of a store do."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catdog.data.sources import RecordSource
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import LayerParameter

Array = NDArray[np.float32]


class KeptFeatures:
    """What frozen layers made of the records of stores, by the place of each in its store.

    They stay as long as this object does; the arrays are those that are given, not copies.
    """

    def __init__(self) -> None:
        #: Rows of arrays by the place of their record, the arrays by what made them.
        self._made: dict[bytes, dict[int, tuple[Mapping[str, Array], int]]] = {}

    def keep(self, maker: bytes, places: Sequence[int], blobs: Mapping[str, Array]) -> None:
        """Keep arrays with a row for each of these records; those that are known stay."""
        known = self._made.setdefault(maker, {})
        for row, place in enumerate(places):
            known.setdefault(place, (blobs, row))

    def fill(self, maker: bytes, places: Sequence[int], blobs: Mapping[str, Array]) -> bool:
        """Write the rows of these records into arrays; False, and nothing, unless all are known.

        No places: the records have none, and are not known.
        """
        known = self._made.get(maker, {})
        if not places or not all(place in known for place in places):
            return False
        for row, place in enumerate(places):
            kept, at = known[place]
            for name, blob in blobs.items():
                blob[row] = kept[name][at]
        return True


def maker_of(trunk: Net, source: RecordSource, store: str) -> bytes:
    """What tells apart the makers of features: store, transformation, layers and their numbers.

    Not the phase: what may be cached does the same in both.
    """
    shapes = {name: shape[1:] for name, shape in trunk.inputs.items()}
    digest = hashlib.sha256(repr((store, shapes, source.layer.transform_param)).encode())
    for layer in trunk.message.layer:
        bare = LayerParameter()
        bare.CopyFrom(layer)
        bare.ClearField("phase")
        digest.update(repr(bare).encode())
    for blobs in trunk.layer_blobs().values():
        for blob in blobs:
            digest.update(blob.cpu().numpy().tobytes())
    return digest.digest()
