"""Whether a training has room in the memory that is free, before any of it is taken."""

import shlex
from collections import Counter
from dataclasses import dataclass
from math import prod

import torch
from google.protobuf.message import Message

from catdog.errors import CatdogError
from catdog.net.footprint import footprint
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import TRAIN, LayerParameter, SolverParameter
from catdog.runtime.room import amount, free_memory
from catdog.solver.updates import UPDATES

#: Batches that are there at a time: the one that is trained on, and those that are read ahead.
_BATCHES = 3
#: Bytes of what torch itself loads and keeps ready.
_TORCH = 200 << 20
_NAMED = 2
#: More than any layer keeps of a bottom or top, an LSTM with its gates; more than a parameter with
#: its gradient, history and average.
_MOST_KEPT, _MOST_COPIES = 16, 5


@dataclass(frozen=True)
class Need:
    """What a net of a solver takes: `fixed` whatever the batch, `growing` for the batch it has.

    `layers`: what each layer takes of both. `batch` is None where the inputs do not agree on a
    first axis.
    """

    fixed: int
    growing: int
    layers: dict[str, int]
    batch: int | None

    @property
    def total(self) -> int:
        """All bytes."""
        return self.fixed + self.growing

    def __str__(self) -> str:
        largest = sorted(self.layers.items(), key=lambda item: -item[1])[:_NAMED]
        layers = ", ".join(f"{name} {amount(size)}" for name, size in largest if size)
        own = self.fixed - _TORCH
        parts = [f"torch {amount(_TORCH)}, parameters {amount(own)}"] if self.fixed else []
        parts.append(f"a batch and its blobs {amount(self.growing)}")
        most = f"; most: {layers}" if layers else ""
        return f"about {amount(self.total)} ({', '.join(parts)}{most})"

    def batch_that_fits(self, free: int) -> int | None:
        """The largest batch with which all of it is less than `free`; None where nobody knows."""
        if not self.batch:
            return None
        return max(0, int((free - self.fixed) / (self.growing / self.batch)))


def need(net: Net, solver: SolverParameter) -> Need | None:
    """What a net takes as a solver's; None where only the code of a Python layer knows.

    The parameters of a test net are those of the trained one.
    """
    found = footprint(net)
    if found is None:
        return None
    fixed, layers = 0, Counter(found.kept)
    if net.phase == TRAIN:
        copies = 1 + UPDATES[solver.type].depth + bool(solver.ema_decay)
        fixed = _TORCH + copies * found.parameters + found.learned
        layers.update({name: copies * size for name, size in found.weights.items()})
    firsts = {shape[:1] for shape in net.inputs.values()}
    batch = firsts.pop()[0] if len(firsts) == 1 and () not in firsts else None
    return Need(fixed, found.growing + _BATCHES * found.batch, dict(layers), batch)


def check_memory(
    net: Net, resolved: ResolvedNet, solver: SolverParameter, device: torch.device
) -> Need | None:
    """What a net takes of a device, without numbers yet; None where it surely has room.

    Raises LayerError as `Net.check_room`, CatdogError where less is free.
    """
    net.check_room()
    free = free_on(device)
    if _at_most(net) <= free:
        # the first net that runs without numbers has torch load for a second
        return None
    needed = need(net, solver)
    if needed and needed.total > free:
        what = f"its {'training' if net.phase == TRAIN else 'test'} would take {needed}, and "
        raise CatdogError(
            f"{what}{amount(free)} are free",
            where=str(resolved.spec.path),
            remedy=f"{_remedy(needed, resolved, free)}, or try it with --force",
        )
    return needed


def _at_most(net: Net) -> int:
    """Bytes that a net of these shapes stays below, whatever its layers keep."""
    blobs = sum(prod(net.shapes[name]) for node in net for name in (*node.bottoms, *node.tops))
    return _TORCH + 4 * (
        _MOST_COPIES * sum(p.numel() for p in net.parameters()) + _MOST_KEPT * blobs
    )


def free_on(device: torch.device) -> int:
    """Bytes that are free on a device."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()


def _remedy(needed: Need, resolved: ResolvedNet, free: int) -> str:
    fits = needed.batch_that_fits(free)
    if fits is None:
        return "make the net smaller"
    if not fits:
        return "not even a batch of 1 would fit: make the net smaller"
    phase = "train" if resolved.state.phase == TRAIN else "test"
    fields = [f"{layer.name}.{name}" for layer in resolved.data_layers if (name := _field(layer))]
    settings = " ".join(
        f"--set {shlex.quote(f'{phase}_net.{field}.batch_size={fits}')}" for field in fields
    )
    return f"a batch of {fits} would fit" + (f": {settings}" if settings else "")


def _field(layer: LayerParameter) -> str:
    """The message of a data layer that has its batch size."""
    for field, value in layer.ListFields():
        if isinstance(value, Message) and "batch_size" in value.DESCRIPTOR.fields_by_name:
            return field.name
    return ""
