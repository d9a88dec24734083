"""A net that is built from its spec alone: in a state, without its data layers."""

from collections.abc import Mapping, Sequence

from catdog.data.shapes import data_shapes
from catdog.data.sources import Context
from catdog.errors import CatdogError
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, Phase
from catdog.spec import Spec, net_state
from catdog.spec.rules import check_stages
from catdog.spec.shape import Shape

_PHASES: dict[str, Phase] = {"TRAIN": TRAIN, "TEST": TEST}


def phase_of(name: str) -> Phase:
    """The phase of a name; CatdogError for another word."""
    if name not in _PHASES:
        raise CatdogError(f'"{name}" is no phase', remedy=f"write {' or '.join(_PHASES)}")
    return _PHASES[name]


def without_data(
    spec: Spec[NetParameter],
    phase: Phase,
    stages: Sequence[str] = (),
    given: Mapping[str, Shape] | None = None,
) -> tuple[NetParameter, dict[str, Shape]]:
    """The layers of a spec in a state without those that bring data, and the shapes of these.

    A batch has the shape that is `given` or, where it is not, that of the data that the spec names.
    Raises CatdogError where neither is there, SpecError and LayerError as building does.
    """
    check_stages(spec.message, stages)
    net = resolve(spec, net_state(phase, stages=stages))
    shapes: dict[str, Shape] = dict(given or {})
    with net.located():
        context = Context(phase, locate=net.locate)
        for layer in net.data_layers:
            found = data_shapes(layer, context, given)
            if found.assumed:
                example = f'inputs={{"{layer.top[0]}": (64, 3, 227, 227)}}'
                raise CatdogError(
                    f'the data of layer "{layer.name}" are not there',
                    where=spec.where(layer.name),
                    remedy=f"build them, or say their shape: {example}",
                )
            shapes.update(found.shapes)
    return net.rest, shapes
