"""Which parameter belongs to whom: sharing by ParamSpec name (caffe/net.cpp, AppendParam)."""

from dataclasses import dataclass

from torch import nn

from catdog.layers.base import Layer
from catdog.proto.caffe_pb2 import ParamSpec


@dataclass(frozen=True)
class Learnable:
    """A parameter that a solver updates, with the factors of its rate and its decay.

    A frozen one is left as it is, whatever its history holds.
    """

    parameter: nn.Parameter
    name: str
    lr_mult: float
    decay_mult: float
    frozen: bool = False


@dataclass
class _Owner:
    layer_name: str
    layer: Layer
    index: int
    spec: ParamSpec


class ParameterTable:
    """The parameters of a net in order, each once, and who shares whose."""

    def __init__(self, *, force_backward: bool = False) -> None:
        self._force = force_backward
        self._owners: list[_Owner] = []
        self._layers: set[str] = set()
        self._named: dict[str, _Owner] = {}
        self._shared: dict[str, list[tuple[Layer, int, _Owner]]] = {}

    def add(self, name: str, layer: Layer, specs: list[ParamSpec]) -> None:
        """Enter a layer's blobs; raises LayerError where a shared name does not fit."""
        if specs and name in self._layers:
            # Caffe takes it and then finds the weights of the first one only
            raise layer.error(
                "is the name of two layers with parameters",
                field="name",
                remedy="give each a name of its own",
            )
        self._layers.update([name] if specs else [])
        for index, spec in enumerate(specs):
            owner = self._named.get(spec.name) if spec.name else None
            if owner is None:
                self._own(_Owner(name, layer, index, spec))
            else:
                _check_dimensions(layer, index, spec, owner)
                _merge(layer, spec, owner)
                self._set_gradient(owner)
                layer.blobs.replace(index, owner.layer.blobs.parameter(owner.index))
                self._shared.setdefault(name, []).append((layer, index, owner))

    def _own(self, owner: _Owner) -> None:
        copy = ParamSpec()
        copy.CopyFrom(owner.spec)
        owner.spec = copy
        self._owners.append(owner)
        if copy.name:
            self._named[copy.name] = owner
        self._set_gradient(owner)

    def _set_gradient(self, owner: _Owner) -> None:
        # lr_mult 0: Caffe computes no gradient at all for it, unless it is forced to
        learns = not owner.layer.keeps(owner.index)
        wanted = learns and (owner.spec.lr_mult != 0 or self._force)
        owner.layer.blobs.parameter(owner.index).requires_grad_(wanted)

    def relink(self, name: str) -> None:
        """Point a layer's shared blobs at their owners' present parameters."""
        for layer, index, owner in self._shared.get(name, ()):
            layer.blobs.replace(index, owner.layer.blobs.parameter(owner.index))

    def owners(self) -> list[Learnable]:
        """Every parameter once, in the order of the layers."""
        return [
            Learnable(
                owner.layer.blobs.parameter(owner.index),
                f"{owner.layer_name}:{owner.index}",
                owner.spec.lr_mult,
                owner.spec.decay_mult,
                owner.layer.param.frozen,
            )
            for owner in self._owners
        ]


def _check_dimensions(layer: Layer, index: int, spec: ParamSpec, owner: _Owner) -> None:
    mine, theirs = layer.blobs.shape(index), tuple(owner.layer.blobs.parameter(owner.index).shape)
    same_count = (
        layer.blobs.parameter(index).numel() == owner.layer.blobs.parameter(owner.index).numel()
    )
    permissive = spec.share_mode == ParamSpec.PERMISSIVE
    if mine != theirs and not (permissive and same_count):
        raise layer.error(
            f'shares "{spec.name}" of layer "{owner.layer_name}", whose shape is {list(theirs)}, '
            f"but needs {list(mine)}",
            field="param",
            remedy="rename it"
            if permissive or not same_count
            else "rename it, or write share_mode: PERMISSIVE to share equal counts",
        )


def _merge(layer: Layer, spec: ParamSpec, owner: _Owner) -> None:
    """Give the owner the factors that only the sharer has; two different ones are a fault."""
    for field in ("lr_mult", "decay_mult"):
        if not spec.HasField(field):
            continue
        if not owner.spec.HasField(field):
            setattr(owner.spec, field, getattr(spec, field))
        elif getattr(owner.spec, field) != getattr(spec, field):
            raise layer.error(
                f'shares "{spec.name}" with {field} {getattr(spec, field):g}, but layer '
                f'"{owner.layer_name}" has {getattr(owner.spec, field):g}',
                field="param",
                remedy="give both the same",
            )
