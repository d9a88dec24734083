"""What each class counts in the losses of a training: counted from its data, or given; and told."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.data.preprocessing import dataset_of
from catdog.data.sources import Context, Source, open_source
from catdog.errors import CatdogError
from catdog.layers import LAYERS
from catdog.layers.loss import Loss
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import TRAIN, LayerParameter
from catdog.runtime.text_table import text_table
from catdog.training.options import Options, train_net

BALANCED = "balanced"
#: The fields of loss_param that weigh classes, and outputs that each say yes or no.
_CLASSES, _OUTPUTS = "class_weight", "pos_weight"
_WHERE = "--class-weights"
#: A number from here on is no class.
_MOST = 10**6


class _Counts(NamedTuple):
    """How many examples each class has, or how many of each output are 1, and how many 0."""

    names: Sequence[str]
    ones: Sequence[int]
    zeros: Sequence[int] = ()

    def balanced(self) -> list[float]:
        """The weights with which all classes, or both answers of each output, count alike."""
        if not self.zeros:
            return balanced(self.ones)
        pairs = zip(self.ones, self.zeros, strict=True)
        return [zeros / ones if ones and zeros else 1.0 for ones, zeros in pairs]


def balanced(counts: Sequence[int]) -> list[float]:
    """n / (k n_c) for n examples of k classes, n_c of class c: scikit-learn's "balanced".

    A class without examples is not among the k; its weight is 1.
    """
    there = sum(count > 0 for count in counts)
    return [sum(counts) / (there * count) if count else 1.0 for count in counts]


def with_class_weights(path: str | Path, options: Options) -> Options:
    """The options with `class_weights` as what sets fields of a solver's train net.

    That is class_weight of each SoftmaxWithLoss, pos_weight of each SigmoidCrossEntropyLoss, whose
    labels come straight from a data layer. Raises CatdogError where there is none, for data whose
    labels cannot be counted, and for numbers that are none; else as the nets and their data do.
    """
    given = options.class_weights
    if given is None:
        return options
    numbers = None if isinstance(given, str) and given == BALANCED else _numbers(given)
    net = train_net(path, options)
    tops = {top for layer in net.data_layers for top in layer.top}
    losses = [layer for layer in net.rest.layer if _field(layer) and layer.bottom[1] in tops]
    if not losses:
        raise CatdogError(
            "no SoftmaxWithLoss or SigmoidCrossEntropyLoss has its labels straight from the data",
            where=f"{net.spec.path}: {_WHERE}",
            remedy="leave it out, or write class_weight into the loss_param of a SoftmaxWithLoss",
        )
    found = _balanced(net, losses) if numbers is None else [numbers] * len(losses)
    added = [
        f"train_net.{layer.name}.loss_param.{_field(layer)}=[{', '.join(map(_digits, weights))}]"
        for layer, weights in zip(losses, found, strict=True)
    ]
    return replace(options, class_weights=None, overrides=[*options.overrides, *added])


def weight_lines(net: Net, sources: Sequence[Source]) -> Iterator[str]:
    """Of each loss of a train net that weighs classes a table of them."""
    makers = {top: source for source in sources for top in source.tops}
    for node in net.nodes:
        layer = node.layer
        if net.phase != TRAIN or not isinstance(layer, Loss) or layer.weights is None:
            continue
        field, weights = _field(layer.param), [f"{w:.4g}" for w in layer.weights.tolist()]
        source = makers.get(node.bottoms[1])
        counts = _counts(source, node.bottoms[1], layer.param) if source else None
        yield f'layer "{node.name}" has a {field} for each {_kind(field)}:'
        yield from _table(_kind(field), weights, counts).splitlines()


def _table(kind: str, weights: Sequence[str], counts: _Counts | None) -> str:
    if counts is None or len(counts.ones) != len(weights):
        rows = ((str(at), word) for at, word in enumerate(weights))
        return text_table((kind, "weight"), rows)
    examples = (f"{number:,}" for number in counts.ones)
    return text_table(
        (kind, "examples", "weight"), zip(counts.names, examples, weights, strict=True)
    )


def _kind(field: str) -> str:
    return "class" if field == _CLASSES else "output"


def _digits(weight: float) -> str:
    return f"{weight:.7g}"


def _numbers(given: str | Sequence[float]) -> list[float]:
    words = given.split(",") if isinstance(given, str) else given
    with suppress(TypeError, ValueError):
        if numbers := [float(word) for word in words]:
            return numbers
    remedy = f"{BALANCED}, or numbers with commas between them: 1,2,0.5"
    raise CatdogError(f"{given!r} is no weight for each class", where=_WHERE, remedy=remedy)


def _field(layer: LayerParameter) -> str:
    """The field of loss_param by which a layer weighs its labels, or nothing."""
    kind = LAYERS.get(layer.type)
    reads = kind.reads if kind and issubclass(kind, Loss) else frozenset()
    return next(iter(reads & {_CLASSES, _OUTPUTS}), "")


def _balanced(net: ResolvedNet, losses: Sequence[LayerParameter]) -> Iterator[list[float]]:
    context = Context(TRAIN, locate=net.locate)
    with ExitStack() as stack, net.located():
        sources = {}
        for data in net.data_layers:
            source = open_source(data, context)
            stack.callback(source.close)
            sources.update(dict.fromkeys(source.tops, source))
        for layer in losses:
            source = sources[layer.bottom[1]]
            counts = _counts(source, layer.bottom[1], layer)
            if counts is None:
                remedy = "give a number for each class: --class-weights 1,2"
                raise source.error("its labels cannot be counted", field="type", remedy=remedy)
            yield counts.balanced()


def _counts(source: Source, top: str, loss: LayerParameter) -> _Counts | None:
    """What a loss finds in the labels of all examples; None where they cannot be looked at."""
    labels = source.all_labels(top)
    if labels is None:
        return None
    with np.errstate(invalid="ignore"):
        whole = labels.astype(np.int64)
    param = loss.loss_param
    valid = np.ones_like(whole, bool)
    if param.HasField("ignore_label"):
        valid = whole != param.ignore_label
    dataset = dataset_of(source.layer, source.context.locate)
    names = list(dataset.class_name) if dataset else []
    if _field(loss) == _OUTPUTS:
        return _of_outputs(labels, valid, names)
    # what is no class is told of when the net is built
    index = whole[valid & (whole >= 0) & (whole < _MOST)]
    ones = np.bincount(index, minlength=len(names)).tolist()
    return _Counts(_named(names, len(ones)), ones)


def _of_outputs(
    labels: NDArray[np.float32], valid: NDArray[np.bool_], names: Sequence[str]
) -> _Counts:
    flat, valid = labels.reshape(len(labels), -1), valid.reshape(len(labels), -1)
    ones = (valid & (flat >= 0.5)).sum(0).tolist()
    zeros = (valid & (flat < 0.5)).sum(0).tolist()
    # one output for two classes says whether it is the second
    names = names[1:] if len(ones) == 1 and len(names) == 2 else names
    return _Counts(_named(names, len(ones)), ones, zeros)


def _named(names: Sequence[str], count: int) -> Sequence[str]:
    return names if len(names) == count else list(map(str, range(count)))
