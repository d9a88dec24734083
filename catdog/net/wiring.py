"""How a net's layers hang together: inputs, outputs, readers, and every fault of the wiring."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from catdog.errors import Fault, SpecError, did_you_mean, some_of
from catdog.layers import LAYERS
from catdog.layers.base import Count
from catdog.proto.caffe_pb2 import BlobShape, LayerParameter, NetParameter, Phase
from catdog.spec.data_layers import DATA_LAYERS
from catdog.spec.foreign import foreign_fault, mistyped, whose
from catdog.spec.shape import Shape

AUTOMATIC = "(automatic)"
_NEITHER = (
    "write it in Python (`catdog check NET --stub` prints the class), or drop it from the net"
)


def input_shapes(net: NetParameter) -> dict[str, Shape]:
    """Shapes of the tops of Input layers; one shape may serve all tops of a layer."""
    shapes: dict[str, Shape] = {}
    faults = []
    for layer in net.layer:
        if layer.type != "Input":
            continue
        given = [tuple(shape.dim) for shape in layer.input_param.shape]
        if not given or len(given) not in (1, len(layer.top)):
            faults.append(_shape_count(layer, len(given)))
            continue
        shapes.update(zip(layer.top, given * (len(layer.top) // len(given)), strict=True))
    if faults:
        raise SpecError(faults)
    return shapes


def with_input_shapes(net: NetParameter, shapes: Mapping[str, Shape]) -> NetParameter:
    """A copy whose Input layers have these shapes, which are there for each of their tops."""
    changed = NetParameter()
    changed.CopyFrom(net)
    for layer in changed.layer:
        if layer.type == "Input":
            del layer.input_param.shape[:]
            layer.input_param.shape.extend(BlobShape(dim=shapes[top]) for top in layer.top)
    return changed


def _shape_count(layer: LayerParameter, given: int) -> Fault:
    return Fault(
        f"(Input) has {given} shapes for {len(layer.top)} tops",
        remedy="write one shape for all tops or one for each in input_param",
        layer=layer.name,
        field="input_param",
    )


def with_automatic_tops(net: NetParameter) -> NetParameter:
    """A copy in which a loss layer without a top has one that nobody can read."""
    copy = NetParameter()
    copy.CopyFrom(net)
    for layer in copy.layer:
        kind = LAYERS.get(layer.type)
        if kind is not None and kind.is_loss and not layer.top:
            layer.top.append(AUTOMATIC)
    return copy


def outputs(net: NetParameter, inputs: Collection[str]) -> tuple[str, ...]:
    """Blobs that no layer reads after they are made, in Caffe's order: by name."""
    open_blobs = set(inputs)
    for layer in net.layer:
        open_blobs.difference_update(layer.bottom)
        open_blobs.update(layer.top)
    return tuple(sorted(open_blobs - {AUTOMATIC}))


def readers(net: NetParameter) -> list[dict[str, int]]:
    """For each layer but inputs, {bottom: how many layers read it before it is made anew}."""
    made: Counter[str] = Counter()
    count: Counter[tuple[str, int]] = Counter()
    versions: list[dict[str, tuple[str, int]]] = []
    for layer in net.layer:
        if layer.type != "Input":
            versions.append({bottom: (bottom, made[bottom]) for bottom in layer.bottom})
            count.update(versions[-1].values())
        made.update(layer.top)
    return [{bottom: count[key] for bottom, key in keys.items()} for keys in versions]


def faults(net: NetParameter, inputs: Collection[str]) -> list[Fault]:
    """Every unknown type, wrong number of blobs, unknown bottom and top made twice."""
    found: list[Fault] = []
    if not net.layer and not inputs:
        phase = Phase.Name(net.state.phase)
        found.append(Fault(f"has no layers in the {phase} phase", "look at their rules"))
    found += _foreign_faults(net)
    found += unknown_types(net.layer)
    known = set(inputs)
    made = set(inputs)
    for layer in net.layer:
        if layer.type == "Input":
            continue
        found += _type_faults(layer)
        found += _bottom_faults(layer, known)
        found += _top_faults(layer, made)
        known.update(layer.top)
        made.update(layer.top)
    return found


def _foreign_faults(net: NetParameter) -> Iterator[Fault]:
    """One for each type of a fork, whatever the number of its layers."""
    for type_name, names in _unknown(net.layer).items():
        if whose(type_name):
            yield foreign_fault(type_name, names)


def known_types() -> set[str]:
    """The types of layers that catdog has."""
    return {*LAYERS, *DATA_LAYERS, "Input"}


def unknown_types(layers: Iterable[LayerParameter]) -> Iterator[Fault]:
    """A fault for each type that nobody knows, whatever the number of its layers."""
    for type_name, (first, *others) in _unknown(layers).items():
        if whose(type_name):
            continue
        also = f" (also {some_of(others)})" if others else ""
        remedy = mistyped(type_name, sorted(known_types())) or _NEITHER
        yield Fault(f'unknown layer type "{type_name}"{also}', remedy, layer=first, field="type")


def _unknown(layers: Iterable[LayerParameter]) -> dict[str, list[str]]:
    """The names of the layers of each type that catdog does not have."""
    known = known_types()
    named: dict[str, list[str]] = {}
    for layer in layers:
        if layer.type not in known:
            named.setdefault(layer.type, []).append(layer.name)
    return named


def _type_faults(layer: LayerParameter) -> Iterator[Fault]:
    kind = LAYERS.get(layer.type)
    if kind is None:
        return
    yield from _count_fault(layer, "bottom", len(layer.bottom), kind.bottoms)
    yield from _count_fault(layer, "top", len(layer.top), kind.tops)
    for field, given, count in (
        ("loss_weight", len(layer.loss_weight), len(layer.top)),
        ("propagate_down", len(layer.propagate_down), len(layer.bottom)),
    ):
        if given not in (0, count):
            yield Fault(
                f"({layer.type}) has {given} {field} for {count} blobs",
                remedy=f"write {field} once for each blob or not at all",
                layer=layer.name,
                field=field,
            )


def _count_fault(layer: LayerParameter, side: str, given: int, takes: Count) -> Iterator[Fault]:
    if given not in takes:
        yield Fault(
            f"({layer.type}) has {given} {side}{'' if given == 1 else 's'}, takes {takes}",
            layer=layer.name,
            field=side,
        )


def _bottom_faults(layer: LayerParameter, known: set[str]) -> Iterator[Fault]:
    for bottom in layer.bottom:
        if bottom not in known:
            yield Fault(
                f'({layer.type}) unknown bottom "{bottom}": no layer above makes it',
                remedy=did_you_mean(bottom, known),
                layer=layer.name,
                field="bottom",
                blob=bottom,
            )


def _top_faults(layer: LayerParameter, made: set[str]) -> Iterator[Fault]:
    for index, top in enumerate(layer.top):
        in_place = index < len(layer.bottom) and layer.bottom[index] == top
        if top in made and not in_place and top != AUTOMATIC:
            yield Fault(
                f'({layer.type}) top "{top}" is made by another layer already',
                remedy="give it another name, or name it as the bottom to run in place",
                layer=layer.name,
                field="top",
            )
