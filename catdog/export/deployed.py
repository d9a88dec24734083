"""The deploy net of a spec or of a snapshot, with its weights: what leaves the house."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catdog.data.datum import array_to_legacy_blob
from catdog.data.mean import read_mean
from catdog.data.preprocessing import dataset_of
from catdog.data.shapes import data_shapes
from catdog.data.sources import Context
from catdog.errors import CatdogError, DataError, LayerError, SpecError, did_you_mean
from catdog.layers.base import Setting
from catdog.net import wiring
from catdog.net.abstract import python_sources, shapes_of_source
from catdog.net.batch_statistics import (
    by_batch,
    changed_for_single_photos,
    check_stored,
    for_single_photos,
)
from catdog.net.deploy import deploy_net, label_blobs
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet, resolve_tested
from catdog.net.unsplit import as_written, without_loose_ends
from catdog.proto.caffe_pb2 import TEST, DatasetParameter, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.spec import Spec, net_state, read_net
from catdog.spec.rules import check_stages
from catdog.spec.shape import Shape
from catdog.weights import Weights, copy_weights, read_weights

_GIVE = "give the net: convert net.prototxt net.onnx --weights FILE, to_torch.py with --model"


@dataclass(frozen=True)
class Deployed:
    """A deploy net with its parameters, and how its photos were prepared where that is known.

    `carried` is the net that its weights carry, with the mean and the temperature; without weights
    what is recorded beside the data of the spec. `remarks` are lines on what the net does otherwise
    than its text says; see `for_single_photos`.
    """

    net: Net
    dataset: DatasetParameter | None = None
    carried: NetParameter = field(default_factory=NetParameter)
    remarks: Sequence[str] = ()


def deployed(
    model: Path | None,
    weights: Path | None,
    given: Mapping[str, Shape] | None = None,
    tell: Callable[[str], object] = lambda _: None,
    stages: Sequence[str] = (),
    fork: str = "",
) -> Deployed:
    """The TEST net without labels, with probabilities on top, on the CPU.

    It comes from the spec `model`, or else from weights that carry their deploy net, or their
    layers as Caffe writes them; without weights its parameters are those of its fillers, always
    the same. `given` are shapes of data that are not there; what is assumed of others is told.
    `stages` are of the spec's rules, `fork` is the fork of Caffe that wrote the weights. Raises
    CatdogError when there is neither, LayerError for a Python layer, and what reading and building
    raise.
    """
    carried = read_weights(weights, fork) if weights else None
    if model:
        found = _derived(read_net(model), given or {}, tell, stages)
    elif carried and carried.net.HasField("deploy"):
        found = NetParameter(deploy=_shaped(carried.net.deploy, given or {}))
    elif carried and carried.as_net().layer:
        found = _of_layers(carried, given or {}, tell, stages)
    elif weights:
        raise CatdogError("carries no net", where=str(weights), remedy=_GIVE)
    else:
        raise CatdogError("carries no deploy net", remedy="give the net with --model")
    _check_python(found.deploy)
    remarks = changed_for_single_photos(found.deploy)
    net = _opened(found.deploy, carried)
    if carried:
        for name in ("dataset", "mean"):
            if carried.net.HasField(name):
                # what the weights were trained on counts
                found.ClearField(name)
        found.ClearField("deploy")
        found.MergeFrom(carried.net)
    dataset = found.dataset if found.HasField("dataset") else None
    return Deployed(net.requires_grad_(False), dataset, found, remarks)


def _opened(deploy: NetParameter, carried: Weights | None) -> Net:
    """The net with the parameters of the weights, else with those of its fillers."""
    net = Net(for_single_photos(deploy), setting=Setting(Randomness(0)))
    if carried:
        copy_weights(net, carried)
        check_stored(net, by_batch(deploy), carried.source)
    return net


def _shaped(deploy: NetParameter, given: Mapping[str, Shape]) -> NetParameter:
    """A deploy net with inputs of other shapes."""
    shapes = wiring.input_shapes(deploy)
    for name in given:
        if name not in shapes:
            remedy = did_you_mean(name, shapes) or f"its inputs are {', '.join(shapes)}"
            raise CatdogError(f'no input is named "{name}"', where="--shape", remedy=remedy)
    return wiring.with_input_shapes(deploy, {**shapes, **given})


def _check_python(net: NetParameter) -> None:
    for layer in net.layer:
        if layer.type == "Python":
            raise LayerError(
                "(Python) cannot be written out: only its code knows what it computes",
                layer=layer.name,
                field="type",
                remedy="write out a net without it",
            )


def _of_layers(
    weights: Weights,
    given: Mapping[str, Shape],
    tell: Callable[[str], object],
    stages: Sequence[str],
) -> NetParameter:
    """The deploy net of the layers that a weight file has beside its blobs."""
    layers = as_written(weights.net)
    if not any(layer.top for layer in layers.layer):
        what = "names its layers, but not how they are wired"
        raise CatdogError(what, where=weights.source, remedy=_GIVE)
    spec = Spec(layers, Path(weights.source))
    try:
        found = _derived(spec, {**_of_labels(layers, given), **given}, tell, stages)
    except DataError as error:
        error.remedy = f"{error.remedy}, or say its shape: --shape BLOB=N,C,H,W"
        raise
    found.deploy.CopyFrom(without_loose_ends(found.deploy))
    return found


def _of_labels(net: NetParameter, given: Mapping[str, Shape]) -> dict[str, Shape]:
    """Shapes for what comes beside pictures whose shape is given: they count for nothing here."""
    return {
        top: given[layer.top[0]][:1]
        for layer in net.layer
        if not layer.bottom and layer.top and layer.top[0] in given
        for top in layer.top
    }


def _derived(
    spec: Spec[NetParameter],
    given: Mapping[str, Shape],
    tell: Callable[[str], object],
    stages: Sequence[str],
) -> NetParameter:
    """The deploy net of a spec, with the record and the mean of its data where they are there.

    Data layers give pictures one by one, Input layers as they are.
    """
    check_stages(spec.message, stages)
    net = resolve_tested(spec, net_state(TEST, stages=stages))
    with net.located():
        context = Context(TEST, locate=net.locate)
        shapes = dict(wiring.input_shapes(net.rest))
        for layer in net.data_layers:
            assumed = data_shapes(layer, context, given)
            shapes |= {name: (1, *shape[1:]) for name, shape in assumed.shapes.items()}
            if assumed.assumed:
                tell(assumed.assumed)
        if faults := wiring.faults(net.rest, shapes):
            raise SpecError(faults)
        for layer in python_sources(net.rest):
            shapes |= shapes_of_source(layer, given)
        found = _recorded(net)
        # a loss of the training alone shows them too
        labels = label_blobs(spec.message)
        found.deploy.CopyFrom(deploy_net(net.message, {**shapes, **given}, labels))
        return found


def _recorded(net: ResolvedNet) -> NetParameter:
    """The record and the mean of the data that a net names."""
    found = NetParameter()
    for layer in net.data_layers:
        if not found.HasField("dataset") and (record := dataset_of(layer, net.locate)):
            found.dataset.CopyFrom(record)
        mean = net.locate(layer.transform_param.mean_file)
        if layer.transform_param.mean_file and mean.is_file():
            found.mean.CopyFrom(array_to_legacy_blob(read_mean(mean)))
    return found
