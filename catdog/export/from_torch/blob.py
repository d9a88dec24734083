"""What runs through a net while it is made of a module: blobs, and why an operator has no layer."""

from dataclasses import dataclass, replace

from catdog.spec.shape import Shape

#: Zeros before and behind, for each spatial axis.
Margins = tuple[tuple[int, int], ...]


class Refused(Exception):
    """An operator that has no layer, and why."""


@dataclass(frozen=True)
class NetBlob:
    """A blob of the net.

    Args:
        name, shape: its name, and its shape in the pass that was followed.
        alone: nothing but the next reader will look at it, which may write over it.
        margins: zeros that are still to be put around it; they are not in `shape`.
    """

    name: str
    shape: Shape
    alone: bool = True
    margins: Margins = ()

    def within(self, readers: int) -> "NetBlob":
        """The blob as so many readers see it."""
        return replace(self, alone=self.alone and readers == 1)
