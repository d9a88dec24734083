"""The deploy net of a train_val net: what prediction runs, derived instead of written twice."""

from collections.abc import Mapping, Sequence

from catdog.errors import Fault, SpecError
from catdog.proto.caffe_pb2 import TEST, BlobShape, LayerParameter, NetParameter, NetState
from catdog.spec.rules import filter_net

# the layer that gives the probabilities of what a loss is trained on
_PROBABILITY = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
_PARAMETER = {"Softmax": "softmax_param", "Sigmoid": "sigmoid_param"}


def deploy_net(
    net: NetParameter, shapes: Mapping[str, Sequence[int]], state: NetState | None = None
) -> NetParameter:
    """The TEST net with Input layers for its data, without labels, with probabilities on top.

    `shapes` are those of the data blobs, by name. The data layer's transformation stays with
    its Input layer. A loss on scores becomes the layer that gives its probabilities, named
    `prob` where it is the only or the last one; everything else that needs labels goes. Raises
    SpecError when nothing is left to predict with.
    """
    kept = filter_net(net, state or NetState(phase=TEST))
    labels = _labels(kept)
    deploy = NetParameter(name=net.name)
    deploy.state.CopyFrom(kept.state)
    without = set(labels)
    losses = [
        layer.name for layer in kept.layer if layer.type in _PROBABILITY and not layer.loss_weight
    ] or [layer.name for layer in kept.layer if layer.type in _PROBABILITY]
    for layer in kept.layer:
        if _is_data(layer):
            deploy.layer.extend(_inputs(layer, without, shapes))
        elif layer.type in _PROBABILITY and layer.bottom[0] not in without:
            deploy.layer.append(_probability(layer, last=layer.name == losses[-1]))
        elif without.intersection(layer.bottom):
            without.update(layer.top)
        elif layer.top:
            deploy.layer.append(layer)
    if all(layer.type == "Input" for layer in deploy.layer):
        raise SpecError([Fault("nothing is left of the net without its labels")])
    _drop_rules(deploy)
    return deploy


def _is_data(layer: LayerParameter) -> bool:
    return not layer.bottom and layer.type != "Parameter"


def _labels(net: NetParameter) -> set[str]:
    """Data blobs that only losses and metrics read, and not as their first bottom.

    Layers may stand between, such as a Slice of several labels.
    """
    data: set[str] = set()
    compared: set[str] = set()
    for layer in reversed(net.layer):
        judges = layer.type.endswith("Loss") or layer.type == "Accuracy"
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


def _probability(loss: LayerParameter, *, last: bool) -> LayerParameter:
    kind = _PROBABILITY[loss.type]
    name = "prob" if last else loss.name
    layer = LayerParameter(name=name, type=kind, bottom=[loss.bottom[0]], top=[name])
    parameter = _PARAMETER[kind]
    if loss.HasField(parameter):
        getattr(layer, parameter).CopyFrom(getattr(loss, parameter))
    return layer


def _drop_rules(net: NetParameter) -> None:
    for layer in net.layer:
        del layer.include[:]
        del layer.exclude[:]
