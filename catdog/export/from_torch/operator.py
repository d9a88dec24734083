"""An operator of a traced module, as its converter sees it: arguments by name, layers to add."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from catdog.export.from_torch.blob import NetBlob, Refused
from catdog.export.from_torch.builder import NetBuilder
from catdog.spec.shape import Shape

#: One blob, which is every result of the operator that somebody reads, or one for each result.
Result = NetBlob | tuple[NetBlob, ...]


@dataclass(frozen=True)
class Operator:
    """An operator and what it is given.

    Args:
        kind: its name, as `conv2d`.
        layer: the name for its layer, from the path of its module.
        arguments: those of its schema; tensors are blobs, or numbers that are known (parameters).
        shapes: of its results.
        read: which of its results somebody reads.
    """

    kind: str
    layer: str
    arguments: Mapping[str, object]
    shapes: tuple[Shape, ...]
    read: tuple[bool, ...]
    builder: NetBuilder

    @property
    def shape(self) -> Shape:
        """Of its first result."""
        return self.shapes[0]

    def blob(self, name: str) -> NetBlob:
        """An argument as a blob, with its margins around it; known numbers become a layer."""
        value = self.arguments.get(name)
        if isinstance(value, Tensor):
            return self.parameter(value)
        if isinstance(value, NetBlob):
            return self.filled_out(value)
        raise Refused(f"its {name} is no tensor")

    def blobs(self, name: str) -> list[NetBlob]:
        """An argument that is a list of tensors."""
        values = self.arguments[name]
        if not isinstance(values, Sequence):
            raise Refused(f"its {name} are no list")
        return [
            self.parameter(each) if isinstance(each, Tensor) else self.filled_out(each)
            for each in values
        ]

    def known(self, name: str) -> Tensor:
        """An argument whose numbers are known. Raises Refused for one that the net computes."""
        value = self.arguments.get(name)
        if not isinstance(value, Tensor):
            raise Refused(f"its {name} is computed from the input")
        return value

    def maybe(self, name: str) -> Tensor | None:
        """The same, or none."""
        return None if self.arguments.get(name) is None else self.known(name)

    def number(self, name: str) -> float:
        """An argument that is a number."""
        value = self.arguments[name]
        if isinstance(value, Tensor) and value.numel() == 1:
            return float(value)
        if not isinstance(value, int | float):
            raise Refused(f"its {name} is no number")
        return float(value)

    def sizes(self, name: str, count: int) -> Shape:
        """Whole numbers, one for each of so many axes; one that is alone is for all."""
        value = self.arguments[name]
        given = tuple(value) if isinstance(value, Sequence) else (value,)
        return tuple(int(each) for each in (given if len(given) == count else given[:1] * count))

    def axis(self, name: str, axes: int) -> int:
        """An axis, counted from the front."""
        value = self.arguments[name]
        if not isinstance(value, int):
            raise Refused(f"its {name} is no number of an axis")
        return value % axes

    def add(
        self,
        kind: str,
        bottoms: NetBlob | Sequence[NetBlob],
        shape: Shape | None = None,
        *,
        part: str = "",
        blobs: Sequence[Tensor] = (),
        in_place: bool = False,
        **param: Mapping[str, object],
    ) -> NetBlob:
        """A layer with one top; `part` tells it from others of the operator, the shape is that of
        the operator's result unless it is given.
        """
        given = [bottoms] if isinstance(bottoms, NetBlob) else list(bottoms)
        shapes = [self.shape if shape is None else shape]
        name = f"{self.layer}_{part}" if part else self.layer
        fields = {message: held for message, held in param.items() if held}
        return self.builder.add(kind, name, given, shapes, fields, blobs, in_place=in_place)[0]

    def power(
        self, x: NetBlob, part: str = "", *, scale: float = 1, shift: float = 0, power: float = 1
    ) -> NetBlob:
        """(shift + scale * x) ^ power."""
        given = (("power", power, 1), ("scale", scale, 1), ("shift", shift, 0))
        param = {name: value for name, value, usual in given if value != usual}
        return self.add("Power", x, x.shape, part=part, in_place=True, power_param=param)

    def reshape(self, x: NetBlob, shape: Shape, part: str = "") -> NetBlob:
        """The same numbers in another shape; the first axis stays open where it is the same."""
        if shape == x.shape:
            return x
        same = bool(shape) and bool(x.shape) and shape[0] == x.shape[0]
        if same and len(shape) == 2:
            made = self.add("Flatten", x, shape, part=part)
        else:
            dims = [0 if same and i == 0 else size for i, size in enumerate(shape)]
            made = self.add("Reshape", x, shape, part=part, reshape_param={"shape": {"dim": dims}})
        # both have the memory of their bottom in Caffe
        return NetBlob(made.name, shape, x.alone)

    def tiled(self, x: NetBlob, part: str = "") -> NetBlob:
        """A blob repeated along the axes where the operator's result has more numbers."""
        lacking = len(self.shape) - len(x.shape)
        x = self.reshape(x, (1,) * lacking + x.shape, f"{part}_axes" if part else "axes")
        for axis, (have, want) in enumerate(zip(x.shape, self.shape, strict=True)):
            if have != want:
                shape = (*x.shape[:axis], want, *x.shape[axis + 1 :])
                param = {"axis": axis, "tiles": want // have}
                x = self.add("Tile", x, shape, part=part, tile_param=param)
        return x

    def parameter(self, numbers: Tensor) -> NetBlob:
        """A layer that gives known numbers."""
        shape = tuple(numbers.shape)
        return self.add(
            "Parameter",
            [],
            shape,
            part="parameter",
            blobs=[numbers],
            parameter_param={"shape": {"dim": shape}},
        )

    def filled_out(self, x: NetBlob) -> NetBlob:
        """A blob with its margins, by a convolution that copies."""
        if not x.margins:
            return x
        # a window of one number, made wider where the margins are not alike
        channels = x.shape[1]
        ones = torch.ones(channels, 1, *[1] * len(x.margins))
        pads, kernel = widened(ones, x.margins, (1,) * len(x.margins))
        sizes = zip(x.shape[2:], x.margins, strict=True)
        shape = (*x.shape[:2], *(size + sum(margin) for size, margin in sizes))
        param = {
            "num_output": channels,
            "group": channels,
            "bias_term": False,
            "kernel_size": list(kernel.shape[2:]),
            "pad": pads,
        }
        bare = NetBlob(x.name, x.shape, x.alone)
        return self.add(
            "Convolution", bare, shape, part="pad", blobs=[kernel], convolution_param=param
        )

    def silence(self, tops: Sequence[NetBlob]) -> None:
        """Say of results that nobody reads that they are no outputs of the net."""
        left = [top for top, read in zip(tops, self.read, strict=True) if not read]
        if left:
            self.builder.add("Silence", f"{self.layer}_silence", left, [])


Converter = Callable[[Operator], Result]


def widened(
    weight: Tensor, margins: Sequence[tuple[int, int]], dilation: Shape
) -> tuple[list[int], Tensor]:
    """A padding that is alike on both sides, and a kernel with zeros that make up for it.

    Raises Refused where no number of zeros does, between the holes of a kernel.
    """
    pads, zeros = [], []
    for (before, behind), step in zip(margins, dilation, strict=True):
        if min(before, behind) < 0:
            raise Refused("its padding cuts something off")
        most = max(before, behind)
        ways = [
            p for p in range(most, most + step) if not (p - before) % step | (p - behind) % step
        ]
        if not ways:
            raise Refused(f"its padding ({before} before, {behind} behind) is not alike")
        pads.append(ways[0])
        zeros.append(((ways[0] - before) // step, (ways[0] - behind) // step))
    around = [number for pair in reversed(zeros) for number in pair]
    return pads, torch.nn.functional.pad(weight, around)
