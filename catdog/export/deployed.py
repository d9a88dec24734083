"""The deploy net of a spec or of a snapshot, with its weights: what leaves the house."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catdog.data.shapes import data_shapes
from catdog.data.sources import Context
from catdog.errors import CatdogError, LayerError, SpecError
from catdog.layers.base import Setting
from catdog.net import wiring
from catdog.net.abstract import python_sources, shapes_of_source
from catdog.net.deploy import deploy_net
from catdog.net.net import Net
from catdog.net.resolved import resolve_tested
from catdog.proto.caffe_pb2 import TEST, DatasetParameter, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.spec import net_state, read_net
from catdog.spec.rules import check_stages
from catdog.spec.shape import Shape
from catdog.weights import copy_weights, read_weights


@dataclass(frozen=True)
class Deployed:
    """A deploy net with its parameters, and how its photos were prepared where that is known.

    `carried` is the net that its weights carry, with the mean and the temperature; empty without.
    """

    net: Net
    dataset: DatasetParameter | None = None
    carried: NetParameter = field(default_factory=NetParameter)


def deployed(
    model: Path | None,
    weights: Path | None,
    given: Mapping[str, Shape] | None = None,
    tell: Callable[[str], object] = lambda _: None,
    stages: Sequence[str] = (),
) -> Deployed:
    """The TEST net without labels, with probabilities on top, on the CPU.

    It comes from the spec `model`, or else from weights that carry their deploy net; without
    weights its parameters are those of its fillers, always the same. `given` are shapes of data
    that are not there; what is assumed of others is told. `stages` are of the spec's rules. Raises
    CatdogError when there is neither, LayerError for a Python layer, and what reading and building
    raise.
    """
    carried = read_weights(weights) if weights else None
    if model:
        message = _derived(model, given or {}, tell, stages)
    elif carried and carried.net.HasField("deploy"):
        message = carried.net.deploy
    else:
        raise CatdogError(
            "carries no deploy net", where=str(weights or ""), remedy="give the net with --model"
        )
    _check_python(message)
    net = Net(message, setting=Setting(Randomness(0)))
    if carried:
        copy_weights(net, carried)
    dataset = carried.net.dataset if carried and carried.net.HasField("dataset") else None
    return Deployed(net.requires_grad_(False), dataset, carried.net if carried else NetParameter())


def _check_python(net: NetParameter) -> None:
    for layer in net.layer:
        if layer.type == "Python":
            raise LayerError(
                "(Python) cannot be written out: only its code knows what it computes",
                layer=layer.name,
                field="type",
                remedy="write out a net without it",
            )


def _derived(
    model: Path,
    given: Mapping[str, Shape],
    tell: Callable[[str], object],
    stages: Sequence[str],
) -> NetParameter:
    """The deploy net of a spec; data layers give pictures one by one, Input layers as they are."""
    spec = read_net(model)
    check_stages(spec.message, stages)
    net = resolve_tested(spec, net_state(TEST, stages=stages))
    with net.located():
        context = Context(TEST, locate=net.locate)
        shapes = dict(wiring.input_shapes(net.rest))
        for layer in net.data_layers:
            found = data_shapes(layer, context, given)
            shapes.update({name: (1, *shape[1:]) for name, shape in found.shapes.items()})
            if found.assumed:
                tell(found.assumed)
        if faults := wiring.faults(net.rest, shapes):
            raise SpecError(faults)
        for layer in python_sources(net.rest):
            shapes |= shapes_of_source(layer, given)
        return deploy_net(net.message, {**shapes, **given})
