"""Split layers where a blob has several readers, as Caffe inserts them
(caffe/util/insert_splits.cpp)."""

from collections import Counter, defaultdict
from itertools import count
from typing import NamedTuple

from catdog.proto.caffe_pb2 import LayerParameter, NetParameter


class _Top(NamedTuple):
    """A top by its place: the number of its layer and its own."""

    layer: int
    number: int


def insert_splits(net: NetParameter) -> NetParameter:
    """A copy in which every top has at most one reader, a loss counting as one.

    The layer is named `<blob>_<maker>_<top number>_split`, its tops the same with `_<n>`. A top
    with a loss_weight gives it to the first of them. Bottoms that nobody makes stay as they are.
    """
    sources, readers = _read(net)
    split = NetParameter()
    split.CopyFrom(net)
    del split.layer[:]
    numbers: defaultdict[_Top, count[int]] = defaultdict(count)
    for i, param in enumerate(net.layer):
        layer = split.layer.add()
        layer.CopyFrom(param)
        for j, bottom in enumerate(param.bottom):
            top = sources.get((i, j))
            if top is not None and readers[top] > 1:
                name = _layer_name(net, top, bottom)
                layer.bottom[j] = f"{name}_{next(numbers[top])}"
        for j, blob in enumerate(param.top):
            top = _Top(i, j)
            if readers[top] > 1:
                weight = _loss_weight(param, j)
                split.layer.append(_split(_layer_name(net, top, blob), blob, readers[top], weight))
                if weight:
                    layer.ClearField("loss_weight")
                    next(numbers[top])
    return split


def _read(net: NetParameter) -> tuple[dict[tuple[int, int], _Top], Counter[_Top]]:
    """For each bottom the top it reads, and for each top how often it is read."""
    made: dict[str, _Top] = {}
    sources: dict[tuple[int, int], _Top] = {}
    readers: Counter[_Top] = Counter()
    for i, layer in enumerate(net.layer):
        for j, bottom in enumerate(layer.bottom):
            if bottom in made:
                sources[i, j] = made[bottom]
                readers[made[bottom]] += 1
        for j, blob in enumerate(layer.top):
            made[blob] = _Top(i, j)
            readers[made[blob]] += bool(_loss_weight(layer, j))
    return sources, readers


def _loss_weight(layer: LayerParameter, index: int) -> float:
    return layer.loss_weight[index] if index < len(layer.loss_weight) else 0.0


def _layer_name(net: NetParameter, top: _Top, blob: str) -> str:
    return f"{blob}_{net.layer[top.layer].name}_{top.number}_split"


def _split(name: str, blob: str, readers: int, loss_weight: float) -> LayerParameter:
    layer = LayerParameter(name=name, type="Split", bottom=[blob])
    layer.top.extend(f"{name}_{k}" for k in range(readers))
    if loss_weight:
        layer.loss_weight.extend([loss_weight] + [0.0] * (readers - 1))
    return layer
