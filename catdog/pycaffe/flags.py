"""Which layers run backward, and into which of their bottoms (caffe/net.cpp, Net::Init)."""

from collections.abc import Sequence
from dataclasses import dataclass

Key = str


@dataclass
class Flags:
    """A layer's part in the backward pass; the last three fields are found by `settle`.

    Blobs are named by keys: those of the bottoms and of the tops. `propagate_down` is the spec's,
    empty where it says nothing; `rates` says of each parameter whether its lr_mult is not 0;
    `takes_diff` of each bottom whether the layer can send a diff into it at all.
    """

    bottoms: Sequence[Key]
    tops: Sequence[Key]
    losses: Sequence[bool]
    propagate_down: Sequence[bool]
    rates: Sequence[bool]
    takes_diff: Sequence[bool]
    needed: bool = False
    into: list[bool] | None = None
    parameters: list[bool] | None = None

    def wants(self) -> list[bool]:
        """For each bottom whether its diff is computed."""
        into = self.into or []
        return [want and takes for want, takes in zip(into, self.takes_diff, strict=True)]


def settle(layers: Sequence[Flags], *, force: bool) -> None:
    """Find what runs backward; `force` is the net's force_backward."""
    _upwards(layers)
    _downwards(layers)
    if force:
        for layer in layers:
            layer.needed = True
            layer.into = [
                wanted or takes
                for wanted, takes in zip(layer.into or [], layer.takes_diff, strict=True)
            ]
            layer.parameters = [True] * len(layer.rates)


def _upwards(layers: Sequence[Flags]) -> None:
    """A layer is needed if it learns or if a layer below it does."""
    needing: set[Key] = set()
    for layer in layers:
        below = [bottom in needing for bottom in layer.bottoms]
        layer.into = list(layer.propagate_down) or below
        layer.parameters = list(layer.rates)
        layer.needed = any(below) or any(layer.rates)
        if layer.needed:
            needing.update(layer.tops)


def _downwards(layers: Sequence[Flags]) -> None:
    """A layer is not needed if no loss is above it, or if nobody above sends a diff into it."""
    under_loss: set[Key] = set()
    skipped: set[Key] = set()
    for layer in reversed(layers):
        contributes = any(layer.losses) or not under_loss.isdisjoint(layer.tops)
        if layer.needed and skipped.issuperset(layer.tops):
            layer.needed = False
            layer.into = [False] * len(layer.bottoms)
        if contributes:
            under_loss.update(layer.bottoms)
        else:
            layer.needed = False
            layer.into = [False] * len(layer.bottoms)
        into = layer.into or []
        skipped.update(b for b, wanted in zip(layer.bottoms, into, strict=True) if not wanted)
