"""How much memory a net takes when it runs, found on the meta device before it has numbers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from catdog.errors import CatdogError
from catdog.net.net import Net, run
from catdog.net.step import Node, Step
from catdog.proto.caffe_pb2 import TRAIN

#: Blobs of the size of the largest one that are there for a moment: its gradient, that of its
#: bottom, and what a convolution arranges anew.
_PASSING = 3


@dataclass(frozen=True)
class Footprint:
    """Bytes of a net and of one batch of it, in float32.

    Args:
        weights: by layer, of its parameters; shared ones once.
        learned: of the parameters that get a gradient.
        kept: by layer, what its backward pass needs of the forward pass; in the TEST phase, which
            has none, the blobs at the moment when there are most of them, by the layer that made
            them.
        passing: what is there for a moment beside.
        batch: of the inputs.
    """

    weights: dict[str, int]
    learned: int
    kept: dict[str, int]
    passing: int
    batch: int

    @property
    def parameters(self) -> int:
        """Of all parameters."""
        return sum(self.weights.values())

    @property
    def growing(self) -> int:
        """What grows with the size of the batch."""
        return sum(self.kept.values()) + self.passing


def footprint(net: Net) -> Footprint | None:
    """The memory of a forward pass and, in the TRAIN phase, of its backward pass.

    The net is without numbers. None where only the code of a Python layer knows.
    """
    if any(node.type in ("Python", "HDF5Output") for node in net):
        return None
    owned = {id(each): (node.name, each) for node in net for each in node.layer.blobs}
    weights: Counter[str] = Counter()
    for name, each in owned.values():
        weights[name] += _bytes(each)
    run_dry = _Dry(net)
    return Footprint(
        weights=dict(weights),
        learned=sum(_bytes(each) for _, each in owned.values() if each.requires_grad),
        kept=run_dry.kept() if net.phase == TRAIN else run_dry.alive(),
        passing=_PASSING * max((4 * prod(shape) for shape in net.shapes.values()), default=0),
        batch=sum(4 * prod(shape) for shape in net.inputs.values()),
    )


class _Dry:
    """A net that runs without numbers."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._maker = {top: node.name for node in net for top in node.tops}

    def _run(self) -> Iterator[tuple[Step, Mapping[str, Tensor]]]:
        """Each step before it runs, with nothing, and after it, with the blobs that are there."""
        blobs = {
            name: torch.empty(shape, device="meta") for name, shape in self._net.inputs.items()
        }
        for step in self._net.steps:
            yield step, {}
            tops = self._tops(step, [blobs[bottom] for bottom in step.bottoms])
            blobs.update(zip(step.tops, tops, strict=True))
            yield step, blobs
            for name in step.last_use:
                blobs.pop(name, None)

    def _tops(self, step: Step, bottoms: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if not (isinstance(step, Node) and step.layer.is_random()):
            try:
                return run(step, bottoms)
            except CatdogError:
                raise
            except RuntimeError:
                # how torch says that it has no numbers (NotImplementedError is one of them):
                # they decide what is kept, such as the boxes that a loss mines; that is not counted
                ahead = torch.stack([bottom.sum() for bottom in bottoms]).sum()
                shapes = (self._net.shapes[top] for top in step.tops)
                return tuple(ahead * torch.empty(shape, device="meta") for shape in shapes)
        # there are no random numbers on the meta device
        (x,), (top,) = bottoms, step.tops
        mask = torch.empty(self._net.shapes[top], device="meta")
        return ((x if x.shape == mask.shape else x.sum()) * mask,)

    def kept(self) -> dict[str, int]:
        """What autograd saves, by the layer that has it saved first; parameters do not count."""
        counted = {id(p.untyped_storage()): p.untyped_storage() for p in self._net.parameters()}
        found: Counter[str] = Counter()
        now = ""

        def save(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if id(storage) not in counted:
                # held, so that no other gets its number
                counted[id(storage)] = storage
                found[now] += storage.nbytes()
            return tensor

        with torch.enable_grad(), saved_tensors_hooks(save, lambda tensor: tensor):
            for step, _ in self._run():
                now = self._maker.get(step.tops[0], "") if step.tops else ""
        return dict(found)

    def alive(self) -> dict[str, int]:
        """The blobs at the moment when they take most."""
        most: dict[str, int] = {}
        with torch.no_grad():
            for _, blobs in self._run():
                unique = {id(b.untyped_storage()): (name, b) for name, b in blobs.items()}
                sizes = {self._maker.get(name, name): _bytes(b) for name, b in unique.values()}
                most = max(most, sizes, key=lambda each: sum(each.values()))
        return most


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
