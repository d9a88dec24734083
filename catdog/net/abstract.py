"""A net compiled without numbers: shapes and faults, before there are data or weights."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from catdog.data.shapes import data_shapes
from catdog.data.sources import Context
from catdog.errors import CatdogError, did_you_mean
from catdog.layers.base import Setting
from catdog.net import wiring
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import BlobShape, NetParameter
from catdog.spec.shape import Shape


@dataclass(frozen=True)
class Blueprint:
    """A net on the meta device, what it was made of, and what was assumed of data not there."""

    net: Net
    resolved: ResolvedNet
    assumed: tuple[str, ...] = ()


def blueprint(
    resolved: ResolvedNet,
    given: Mapping[str, Shape] | None = None,
    *,
    batch: int | None = None,
) -> Blueprint:
    """Compile a net.

    `given` are shapes of its data or Input blobs by name; `batch` replaces the first number of
    all of them. Raises SpecError or LayerError with their places in the text, CatdogError for a
    name in `given` that is no blob of data.
    """
    given = given or {}
    layers, rest = resolved.data_layers, resolved.rest
    with resolved.located():
        own = wiring.input_shapes(rest)
        _check_names(given, [*own, *(top for layer in layers for top in layer.top)])
        context = Context(resolved.state.phase, locate=resolved.locate)
        found = [data_shapes(layer, context, given) for layer in layers]
        inputs = {name: shape for data in found for name, shape in data.shapes.items()}
        inputs, own = _resized(inputs, batch), _resized({**own, **_of(own, given)}, batch)
        setting = Setting(locate=resolved.locate)
        net = Net(_with_shapes(rest, own), inputs=inputs, setting=setting, fill=False)
    return Blueprint(net, resolved, tuple(data.assumed for data in found if data.assumed))


def _of(names: Collection[str], given: Mapping[str, Shape]) -> dict[str, Shape]:
    return {name: shape for name, shape in given.items() if name in names}


def _resized(shapes: Mapping[str, Shape], batch: int | None) -> dict[str, Shape]:
    """The shapes with another size of the batch, if one is given."""
    return {
        name: (batch, *shape[1:]) if batch is not None and shape else shape
        for name, shape in shapes.items()
    }


def _check_names(given: Mapping[str, Shape], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            remedy = did_you_mean(name, known) or f"one of {', '.join(known)}"
            raise CatdogError(f'no blob of data is named "{name}"', where="--shape", remedy=remedy)


def _with_shapes(net: NetParameter, shapes: Mapping[str, Shape]) -> NetParameter:
    """A copy whose Input layers have these shapes."""
    changed = NetParameter()
    changed.CopyFrom(net)
    for layer in changed.layer:
        if layer.type == "Input":
            del layer.input_param.shape[:]
            layer.input_param.shape.extend(BlobShape(dim=shapes[top]) for top in layer.top)
    return changed
