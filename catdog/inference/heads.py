"""What the outputs of a net stand for: classes of which one is right, or labels of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.errors import CatdogError
from catdog.inference.conformal import members
from catdog.inference.foreign import Rejection
from catdog.layers import layer_class
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.spec.data_layers import brings_data

Row = NDArray[np.floating]

#: Classes of a set that are told by their names.
_NAMED = 5
#: Layers whose numbers are scores where nothing follows them but layers that change their shape.
_SCORING, _SHAPING = ("InnerProduct", "Convolution"), ("Flatten", "Reshape", "Dropout")


class ClassSets(NamedTuple):
    """How often sets of classes are to hold the right one; how likely each class in one is."""

    coverage: float
    least: float


@dataclass(frozen=True)
class Head:
    """An output of probabilities.

    Args:
        blob: the output.
        names: of the classes or labels, their numbers where they have none.
        title: what it tells of a photo, where a net tells several things.
        several: each number is the probability of a label of its own.
        scores: the numbers are scores of the classes: the largest is right, none is a probability.
        sets: how a set of classes is made for a photo; None where none is asked for.
        reject: from where on a photo is refused that shows none of the classes; None where none is.
    """

    blob: str
    names: tuple[str, ...]
    title: str
    several: bool
    scores: bool = False
    sets: ClassSets | None = None
    reject: Rejection | None = None

    def word(self, number: float, places: int = 2) -> str:
        """A number of a row for a person."""
        return f"{number:.3g}" if self.scores else f"{number:.{places}%}"

    def chosen(self, row: Row) -> list[int]:
        """The most probable class, or the labels that are more likely than not."""
        return np.flatnonzero(row > 0.5).tolist() if self.several else [int(row.argmax())]

    def likely(self, row: Row) -> list[int]:
        """What there is to say of a photo: the two likeliest classes, or the labels that apply."""
        return self.chosen(row) if self.several else row.argsort()[::-1][:2].tolist()

    def within(self, row: Row) -> list[int]:
        """The set of classes of a photo, likeliest first; empty where none is asked for."""
        if self.sets is None:
            return []
        inside = members(row[None], self.sets.least)[0]
        return [at for at in (-row).argsort(kind="stable").tolist() if inside[at]]

    def set_words(self, row: Row) -> str:
        """The set of classes of a photo for a person: `95%: cat or dog`; nothing without one."""
        if self.sets is None:
            return ""
        names = [self.names[at] for at in self.within(row)]
        named = " or ".join(names) if len(names) <= _NAMED else f"{len(names)} classes"
        return f"{100 * self.sets.coverage:.4g}%: {named}"

    def sureness(self, row: Row) -> float:
        """The probability of what is chosen; of several labels, of the least certain one."""
        return float(np.maximum(row, 1 - row).min() if self.several else row.max())

    def margin(self, row: Row) -> float:
        """How far the choice is from another one: the lead of the likeliest class over the second;
        of several labels, twice what the least certain one is away from a half."""
        if self.several:
            return float(2 * np.abs(row - 0.5).min())
        second, first = np.partition(row, -2)[-2:] if len(row) > 1 else (0.0, row[0])
        return float(first - second)


def heads_of(net: Net, trained: NetParameter, names: Sequence[str]) -> list[Head]:
    """What the outputs of a deploy net stand for, beginning with the one called prob, or the only.

    Others count where a Sigmoid or Softmax makes them for other labels, as the losses of the
    `trained` net tell. `names` are those of the data set: of its classes, or of the elements of
    its vectors of labels.

    Raises CatdogError where there are several outputs and none is called prob, where that is no
    vector, and for more names than classes.
    """
    main = _main(net)
    tops = dict.fromkeys(top for layer in net.message.layer for top in layer.top)
    blobs = [top for top in tops if top in net.outputs and len(_sides(net, top)) < 2]
    outputs = [_output(net, blob, trained) for blob in blobs]
    first = next((each for each in outputs if each.blob == main), None)
    if first is None:
        sides = " x ".join(map(str, _sides(net, main)))
        raise CatdogError(
            f"the net's {main} has {sides} numbers for a photo",
            remedy="prediction takes nets that judge a photo as a whole",
        )
    others = [each for each in outputs if each is not first and _counts(each, first)]
    head = _head(first, names)
    if _is_scored(net, first, trained):
        head = replace(head, scores=True)
    return [head, *(_head(each, names, main=False) for each in others)]


def _is_scored(net: Net, output: "_Output", trained: NetParameter) -> bool:
    """Whether an output has a score for each class, as a hinge loss or no loss at all leaves it."""
    blob, maker = output.blob, output.maker
    layers = {top: layer for layer in net.message.layer for top in layer.top}
    while maker in _SHAPING:
        blob = layers[blob].bottom[0]
        maker = layers[blob].type
    judges = {
        layer.type
        for layer in trained.layer
        if layer.type.endswith("Loss") and layer.bottom and layer.bottom[0] in (blob, output.blob)
    }
    return output.size > 1 and maker in _SCORING and judges <= {"HingeLoss"}


def renamed(heads: Sequence[Head], names: Sequence[str]) -> list[Head]:
    """The heads with other names, for all of them in their order.

    Raises CatdogError where there are too few or too many, and where they are no names.
    """
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise CatdogError(f"{names!r} is no list of names", where="labels")
    counts = [len(head.names) for head in heads]
    if sum(counts) != len(names):
        each = ", ".join(f"{head.blob} {len(head.names)}" for head in heads)
        of = f" ({each})" if len(heads) > 1 else ""
        raise CatdogError(
            f"{len(names)} names, and the net has {sum(counts)} classes{of}",
            where="--labels",
            remedy="write a name on each line",
        )
    left = iter(names)
    return [
        replace(head, names=tuple(islice(left, count)))
        for head, count in zip(heads, counts, strict=True)
    ]


class _Output(NamedTuple):
    """An output, how many numbers it has, and the label that its loss compares it with."""

    blob: str
    size: int
    maker: str
    label: "_Label | None"


class _Label(NamedTuple):
    """The top of a data layer, or a part of its vectors from an element on."""

    blob: str
    start: int = 0
    is_part: bool = False


def _main(net: Net) -> str:
    if "prob" in net.outputs:
        return "prob"
    if len(net.outputs) == 1:
        return net.outputs[0]
    raise CatdogError(
        f"the net has {len(net.outputs)} outputs: {', '.join(net.outputs)}",
        remedy="name the one with the probabilities prob",
    )


def _sides(net: Net, blob: str) -> list[int]:
    """The axes of an example that are longer than 1."""
    return [size for size in net.shapes[blob][1:] if size > 1]


def _output(net: Net, blob: str, trained: NetParameter) -> _Output:
    makers = [layer for layer in net.message.layer if blob in layer.top]
    scores = makers[-1].bottom[0] if makers and makers[-1].bottom else ""
    count = prod(net.shapes[blob][1:])
    return _Output(blob, count, makers[-1].type if makers else "", _label(trained, scores))


def _counts(output: _Output, main: _Output) -> bool:
    """Whether an output tells something of its own: more than the main one."""
    if output.maker not in ("Softmax", "Sigmoid"):
        return False
    if output.label and main.label:
        return output.label != main.label
    return output.maker == "Sigmoid"


def _label(net: NetParameter, scores: str) -> _Label | None:
    """What a loss compares these scores with, where that can be told."""
    for layer in net.layer:
        judges = len(layer.bottom) > 1 and layer_class(layer.type).probability_layer(layer)
        if judges and layer.bottom[0] == scores:
            return _from_data(net.layer, layer.bottom[1])
    return None


def _from_data(layers: Sequence[LayerParameter], blob: str) -> _Label | None:
    """Where a blob of labels comes from; None where other layers than a Slice stand between."""
    at = next((i for i in reversed(range(len(layers))) if blob in layers[i].top), None)
    if at is None or brings_data(layers[at]):
        return _Label(blob)
    maker = layers[at]
    points = [0, *maker.slice_param.slice_point]
    if maker.type != "Slice" or maker.slice_param.axis != 1 or len(points) != len(maker.top):
        return None
    # layers above alone: a damaged file may have a circle
    whole = _from_data(layers[:at], maker.bottom[0])
    start = points[list(maker.top).index(blob)]
    return whole and _Label(whole.blob, whole.start + start, is_part=True)


def _head(output: _Output, names: Sequence[str], *, main: bool = True) -> Head:
    blob, count, sigmoid = output.blob, output.size, output.maker == "Sigmoid"
    if output.label and output.label.is_part:
        elements = names[output.label.start :]
        if sigmoid:
            return Head(blob, _filled(elements[:count], count), blob, several=True)
        title = elements[0] if elements else blob
        return Head(blob, tuple(f"{title} {i}" for i in range(count)), title, several=False)
    several = sigmoid and (count > 1 or not main or len(names) == 1)
    if not several:
        # one sigmoid tells two classes apart
        count = max(2, count)
    if main and len(names) > count:
        raise CatdogError(
            f"the data set has {len(names)} classes, the net {count}",
            remedy="give --labels with a name on each line",
        )
    return Head(blob, _filled(names if main else (), count), blob, several)


def _filled(names: Sequence[str], count: int) -> tuple[str, ...]:
    """As many names, the last ones numbers where there are fewer."""
    return (*names, *map(str, range(len(names), count)))
