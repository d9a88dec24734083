"""A net compiled without numbers: shapes and faults, before there are data or weights."""

from collections.abc import Mapping
from dataclasses import dataclass

from catdog.data_shapes import data_shapes
from catdog.errors import CatdogError, did_you_mean
from catdog.layers.base import Shape
from catdog.net import Net
from catdog.proto.caffe_pb2 import BlobShape, NetParameter, NetState
from catdog.sources import Context, cut
from catdog.spec import Spec, filter_net


@dataclass(frozen=True)
class Blueprint:
    """A net on the meta device, and what was assumed of data that are not there."""

    net: Net
    assumed: tuple[str, ...] = ()


def blueprint(
    spec: Spec[NetParameter], state: NetState, given: Mapping[str, Shape] | None = None
) -> Blueprint:
    """Compile a net in a state; `given` are shapes of its data or Input blobs by name.

    Raises SpecError or LayerError with their places in the text, CatdogError for a name in
    `given` that is no blob of data.
    """
    given = given or {}
    with spec.located():
        layers, rest = cut(filter_net(spec.message, state))
        _check_names(given, [top for layer in layers for top in layer.top], rest)
        context = Context(state.phase, locate=spec.locate)
        found = [data_shapes(layer, context, given) for layer in layers]
        inputs = {name: shape for data in found for name, shape in data.shapes.items()}
        net = Net(_with_shapes(rest, given), inputs=inputs, fill=False)
    return Blueprint(net, tuple(data.assumed for data in found if data.assumed))


def _check_names(given: Mapping[str, Shape], tops: list[str], rest: NetParameter) -> None:
    known = [*tops, *(top for layer in rest.layer if layer.type == "Input" for top in layer.top)]
    for name in given:
        if name not in known:
            remedy = did_you_mean(name, known) or f"one of {', '.join(known)}"
            raise CatdogError(f'no blob of data is named "{name}"', where="--shape", remedy=remedy)


def _with_shapes(net: NetParameter, given: Mapping[str, Shape]) -> NetParameter:
    """A copy whose Input layers have the given shapes."""
    changed = NetParameter()
    changed.CopyFrom(net)
    for layer in changed.layer:
        if layer.type == "Input" and given.keys() & set(layer.top):
            own = list(layer.input_param.shape)
            own *= len(layer.top) // max(1, len(own))
            shapes = [
                BlobShape(dim=given[top]) if top in given else shape
                for top, shape in zip(layer.top, own, strict=True)
            ]
            del layer.input_param.shape[:]
            layer.input_param.shape.extend(shapes)
    return changed
