"""The deploy net of a train_val net: what prediction runs, derived instead of written twice."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set

from catdog.errors import Fault, SpecError
from catdog.layers import layer_class
from catdog.layers.shape import Parameter
from catdog.net import wiring
from catdog.proto.caffe_pb2 import (
    BlobShape,
    ConcatParameter,
    LayerParameter,
    NetParameter,
    SliceParameter,
)


def deploy_net(
    net: NetParameter, shapes: Mapping[str, Sequence[int]], labels: Set[str] = frozenset()
) -> NetParameter:
    """The TEST net with Input layers for its data, without labels, with probabilities on top.

    `net` has the layers of its TEST phase alone, see `ResolvedNet.message`; `shapes` are those of
    the data blobs, by name. The data layer's transformation stays with its Input layer. A loss on
    scores becomes the layer that gives its probabilities, named `prob` where it is the only or the
    last one; everything else that needs labels goes, `labels` too, which are those of layers that
    `net` is without. Of pictures of several sources, joined to one batch, one stays. Raises
    SpecError when nothing is left to predict with.
    """
    deploy = NetParameter(name=net.name, state=net.state)
    without = {*label_blobs(net), *labels}
    with_probability = [layer for layer in net.layer if _probability(layer)]
    losses = [layer.name for layer in with_probability if not layer.loss_weight] or [
        layer.name for layer in with_probability
    ]
    for layer in net.layer:
        if _is_data(layer):
            deploy.layer.extend(_inputs(layer, without, shapes))
        elif (made := _probability(layer)) and layer.bottom[0] not in without:
            made.name = "prob" if layer.name == losses[-1] else layer.name
            made.top.append(made.name)
            deploy.layer.append(made)
        elif without.intersection(layer.bottom):
            without.update(layer.top)
        elif layer.top:
            deploy.layer.append(layer)
    if all(layer.type == "Input" for layer in deploy.layer):
        raise SpecError([Fault("nothing is left of the net without its labels")])
    _drop_rules(deploy)
    sources = {top for layer in net.layer if _is_data(layer) for top in layer.top}
    return _of_one_source(deploy, sources.difference(wiring.input_shapes(net)))


def _of_one_source(net: NetParameter, sources: Set[str]) -> NetParameter:
    """The net with one Input where a Concat joins the batches of several data layers, whose tops
    are `sources`: the first, by the name of what the Concat makes. A net that cuts batches up again
    stays as it is."""
    read = (layer for layer in net.layer if layer.type == "Input" and sources >= set(layer.top))
    inputs = {layer.top[0]: layer for layer in read}
    if any(layer.type == "Slice" and _axis(layer.slice_param) == 0 for layer in net.layer):
        return net
    readers = Counter(bottom for layer in net.layer for bottom in layer.bottom)
    for layer in list(net.layer):
        joined = [inputs[each] for each in layer.bottom if each in inputs and readers[each] == 1]
        is_along_batch = layer.type == "Concat" and _axis(layer.concat_param) == 0
        if is_along_batch and joined and len(joined) == len(layer.bottom):
            first, *others = joined
            first.name = first.top[0] = layer.top[0]
            for gone in (*others, layer):
                net.layer.remove(gone)
    return net


def _axis(param: ConcatParameter | SliceParameter) -> int:
    """By the name that it has in older nets, too."""
    old = param.concat_dim if isinstance(param, ConcatParameter) else param.slice_dim
    return param.axis if param.HasField("axis") else old


def _is_data(layer: LayerParameter) -> bool:
    return not layer.bottom and layer_class(layer.type) is not Parameter


def label_blobs(net: NetParameter) -> set[str]:
    """Data blobs that only losses and metrics read, and not as their first bottom.

    Layers may stand between, such as a Slice of several labels.
    """
    data: set[str] = set()
    compared: set[str] = set()
    for layer in reversed(net.layer):
        kind = layer_class(layer.type)
        judges = kind.compares or kind.higher_is_better is not None
        passes = bool(layer.top) and compared.issuperset(layer.top) and data.isdisjoint(layer.top)
        for index, bottom in enumerate(layer.bottom):
            (compared if (judges and index) or (passes and not judges) else data).add(bottom)
    return {top for layer in net.layer if _is_data(layer) for top in layer.top if top not in data}


def _inputs(
    layer: LayerParameter, labels: set[str], shapes: Mapping[str, Sequence[int]]
) -> list[LayerParameter]:
    inputs = []
    for top in layer.top:
        if top in labels:
            continue
        made = LayerParameter(name=top, type="Input", top=[top])
        made.input_param.shape.append(BlobShape(dim=shapes[top]))
        if layer.HasField("transform_param"):
            made.transform_param.CopyFrom(layer.transform_param)
            made.transform_param.ClearField("mirror")
            made.transform_param.ClearField("augment_param")
        inputs.append(made)
    return inputs


def _probability(loss: LayerParameter) -> LayerParameter | None:
    """The layer, still without a name, that makes probabilities of what a loss compares."""
    made = layer_class(loss.type).probability_layer(loss)
    if made:
        made.bottom.append(loss.bottom[0])
    return made


def _drop_rules(net: NetParameter) -> None:
    for layer in net.layer:
        del layer.include[:]
        del layer.exclude[:]
