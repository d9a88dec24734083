"""A net that grows layer by layer, with names and parameters."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from catdog.export.from_torch.blob import NetBlob
from catdog.proto.caffe_pb2 import BlobShape, LayerParameter, NetParameter
from catdog.spec.shape import Shape
from catdog.weights.for_caffe import array_of
from catdog.weights.model import BlobsOfLayers
from catdog.weights.named_module import layer_name


class NetBuilder:
    """The layers so far, each with a name and a top of its own, and their parameters."""

    def __init__(self, name: str) -> None:
        self.message = NetParameter(name=name)
        self.blobs: BlobsOfLayers = {}
        self._names: set[str] = set()
        self._inputs: set[str] = set()

    def add_input(self, name: str, shape: Shape) -> NetBlob:
        """An Input layer."""
        name = self._new(name)
        layer = LayerParameter(name=name, type="Input", top=[name])
        layer.input_param.shape.append(BlobShape(dim=shape))
        self.message.layer.append(layer)
        self._inputs.add(name)
        return NetBlob(name, shape)

    def add(
        self,
        kind: str,
        name: str,
        bottoms: Sequence[NetBlob],
        shapes: Sequence[Shape],
        param: Mapping[str, object] | None = None,
        blobs: Sequence[Tensor] = (),
        *,
        in_place: bool = False,
    ) -> tuple[NetBlob, ...]:
        """A layer of type `kind` with tops of these shapes.

        `param` has its message by the message's name, as {"relu_param": {...}}. A top that is made
        in place has the name of its bottom, where nobody else reads that.
        """
        name = self._new(name)
        over = in_place and bottoms[0].alone and bottoms[0].name not in self._inputs
        tops = [bottoms[0].name] if over else self._tops(name, len(shapes))
        layer = LayerParameter(name=name, type=kind, top=tops, **(param or {}))  # type: ignore[arg-type]
        layer.bottom.extend(bottom.name for bottom in bottoms)
        self.message.layer.append(layer)
        if blobs:
            self.blobs[name] = [array_of(blob) for blob in blobs]
        return tuple(NetBlob(top, shape) for top, shape in zip(tops, shapes, strict=True))

    def _tops(self, name: str, count: int) -> list[str]:
        return [name] if count == 1 else [self._new(f"{name}_{i}") for i in range(count)]

    def _new(self, name: str) -> str:
        """A name that no layer and no blob has yet."""
        plain = layer_name(name)
        number, found = 1, plain
        while found in self._names:
            number += 1
            found = f"{plain}_{number}"
        self._names.add(found)
        return found
