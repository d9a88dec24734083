"""A net compiled without numbers: shapes and faults, before there are data or weights."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from catdog.data.shapes import data_shapes
from catdog.data.sources import Context
from catdog.errors import CatdogError, LayerError, did_you_mean
from catdog.layers.base import Setting
from catdog.net import wiring
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.spec.shape import Shape

#: Where a shape that is given has its fault.
GIVEN = "--shape"


@dataclass(frozen=True)
class Blueprint:
    """A net on the meta device, and what it was made of."""

    net: Net
    resolved: ResolvedNet


def blueprint(
    resolved: ResolvedNet,
    given: Mapping[str, Shape] | None = None,
    *,
    batch: int | None = None,
    provide_caffe: Callable[[], object] | None = None,
    tell: Callable[[str], object] = lambda _: None,
    must_fit: bool = True,
) -> Blueprint:
    """Compile a net.

    `given` are shapes of its data or Input blobs by name, or of the tops of Python layers without
    bottoms, which are not run then; `batch` replaces the first number of all of them. What is
    assumed of data that are not there is told before the net is built; `must_fit`: see
    `data_shapes`. Raises SpecError or LayerError with their places in the text, CatdogError for a
    name in `given` that is no blob of data.
    """
    given = given or {}
    with resolved.located():
        inputs, rest = _data(
            resolved, given, tell, run=provide_caffe is not None, must_fit=must_fit
        )
        own = wiring.input_shapes(rest)
        inputs, own = _resized(inputs, batch), _resized({**own, **_of(own, given)}, batch)
        setting = Setting(locate=resolved.locate, provide_caffe=provide_caffe)
        net = Net(wiring.with_input_shapes(rest, own), inputs=inputs, setting=setting, fill=False)
    return Blueprint(net, resolved)


def _data(
    resolved: ResolvedNet,
    given: Mapping[str, Shape],
    tell: Callable[[str], object],
    *,
    run: bool,
    must_fit: bool,
) -> tuple[dict[str, Shape], NetParameter]:
    """The shapes of what comes from outside, and the layers that are to be built."""
    written = python_sources(resolved.rest)
    tops = [top for layer in (*resolved.data_layers, *written) for top in layer.top]
    _check_names(given, [*wiring.input_shapes(resolved.rest), *tops])
    context = Context(resolved.state.phase, locate=resolved.locate)
    inputs: dict[str, Shape] = {}
    for layer in resolved.data_layers:
        found = data_shapes(layer, context, given, must_fit=must_fit)
        inputs |= found.shapes
        if found.assumed:
            tell(found.assumed)
    rest = NetParameter()
    rest.CopyFrom(resolved.rest)
    for layer in written:
        if not run or given.keys() & set(layer.top):
            inputs |= shapes_of_source(layer, given, ", or --allow-python if you trust the spec")
            rest.layer.remove(layer)
    return inputs, rest


def python_sources(net: NetParameter) -> list[LayerParameter]:
    """The Python layers without bottoms: data that only their code knows."""
    return [layer for layer in net.layer if layer.type == "Python" and not layer.bottom]


def shapes_of_source(
    layer: LayerParameter, given: Mapping[str, Shape], otherwise: str = ""
) -> dict[str, Shape]:
    """The shapes that are given for the tops of a Python layer.

    Raises LayerError where one is missing; `otherwise` is what else one can do.
    """
    missing = [top for top in layer.top if top not in given]
    if missing:
        ask = " ".join(f"--shape {top}=N,C,H,W" for top in missing)
        raise LayerError(
            f"(Python) only its code knows the shape of {', '.join(missing)}",
            layer=layer.name,
            field="type",
            remedy=f"say it: {ask}{otherwise}",
        )
    return {top: given[top] for top in layer.top}


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
            raise CatdogError(f'no blob of data is named "{name}"', where=GIVEN, remedy=remedy)
