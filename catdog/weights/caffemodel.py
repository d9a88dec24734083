"""Caffe's binary weight file: a NetParameter whose layers have their blobs (Net::ToProto)."""

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError

from catdog.data.datum import blob_to_array
from catdog.errors import DataError, SpecError, WeightsError
from catdog.proto import packed
from catdog.proto.caffe_pb2 import (
    BlobProto,
    LayerParameter,
    NetParameter,
    SolverState,
    V0LayerParameter,
    V1LayerParameter,
)
from catdog.proto.parse import NotUTF8, parse
from catdog.spec.upgrade import upgrade_net
from catdog.weights.model import Array, BlobsOfLayers, Weights

#: Of a net: its name; of its layers in all three forms name, type, bottoms, tops and blobs. Other
#: versions of Caffe gave other meanings to some of the other fields.
_PLAIN: packed.Kept = {
    1: {},
    2: {1: {1: {}, 2: {}, 50: {}}, 2: {}, 3: {}, 4: {}, 5: {}, 6: {}},
    100: {1: {}, 2: {}, 3: {}, 4: {}, 7: {}},
}
#: The numbers of a net's layers and of a layer's blobs.
_LAYER = NetParameter.LAYER_FIELD_NUMBER
_BLOBS = LayerParameter.BLOBS_FIELD_NUMBER
_SHOWN = 4096
#: What protobuf takes, less room for the frames around the numbers.
_MOST_BYTES = 2**31 - 2**20


def read(path: Path) -> Weights:
    """Read a .caffemodel of any age or make; its net is upgraded."""
    content = path.read_bytes()
    try:
        net = _parse(content)
        blobs: BlobsOfLayers = {
            layer.name: [blob_to_array(blob) for blob in layer.blobs]
            for layer in _layers(net)
            if layer.blobs
        }
    except DataError as error:
        raise WeightsError(
            f"is damaged: {error.what}", where=str(path), remedy="get the file again"
        ) from error
    except NotUTF8 as error:
        raise WeightsError(str(error), where=str(path), remedy="get the file again") from error
    except (DecodeError, ValueError):
        raise _no_weights(path, content) from None
    if not blobs:
        raise _no_weights(path, content, complete=True)
    for layer in _layers(net):
        layer.ClearField("blobs")
    return Weights(blobs, _upgraded(net), str(path))


def _parse(content: bytes) -> NetParameter:
    try:
        return parse(NetParameter, content)
    except NotUTF8:
        raise
    except DecodeError:
        return parse(NetParameter, packed.only(memoryview(content), _PLAIN))


def _layers(net: NetParameter) -> Iterator[LayerParameter | V1LayerParameter | V0LayerParameter]:
    """The layers in whatever form they are."""
    yield from net.layer
    for layer in net.layers:
        yield layer.layer if layer.HasField("layer") else layer


def _upgraded(net: NetParameter) -> NetParameter:
    """The net in the present form; where it has none, without layers: the blobs count."""
    try:
        return upgrade_net(net)
    except SpecError:
        net.ClearField("layer")
        net.ClearField("layers")
        return net


def write(path: Path, weights: Weights, diffs: dict[str, list[Array]] | None = None) -> None:
    """Write a .caffemodel that Caffe 1.0 loads; `diffs` go beside the data of each blob."""
    _check_size(weights, diffs or {})
    known = {layer.name for layer in weights.net.layer}
    others = (LayerParameter(name=name) for name in weights.blobs if name not in known)
    carried = NetParameter()
    carried.CopyFrom(weights.net)
    carried.ClearField("layer")
    name = NetParameter(name=carried.name) if carried.HasField("name") else NetParameter()
    carried.ClearField("name")
    with path.open("wb") as file:
        # in the order of the fields, and by no message that has the blobs: each would be a copy
        file.write(name.SerializeToString())
        for layer in (*weights.net.layer, *others):
            file.writelines(_layer_parts(layer, weights, diffs or {}))
        file.write(carried.SerializeToString())


def _layer_parts(
    layer: LayerParameter, weights: Weights, diffs: dict[str, list[Array]]
) -> packed.Parts:
    """A layer of a net with its blobs, serialised."""
    fields = list(packed.fields(memoryview(layer.SerializeToString())))
    parts: packed.Parts = [field.whole for field in fields if field.number < _BLOBS]
    arrays = weights.blobs.get(layer.name, [])
    gradients = diffs.get(layer.name, [None] * len(arrays))
    for array, gradient in zip(arrays, gradients, strict=True):
        parts += packed.framed(_BLOBS, packed.blob_parts(_present(array, layer), gradient))
    parts += [field.whole for field in fields if field.number > _BLOBS]
    return packed.framed(_LAYER, parts)


def _check_size(weights: Weights, diffs: dict[str, list[Array]]) -> None:
    arrays = [array for of_layer in weights.blobs.values() for array in of_layer]
    arrays += [array for of_layer in diffs.values() for array in of_layer]
    size = weights.net.ByteSize() + sum(array.nbytes for array in arrays if array is not None)
    if size > _MOST_BYTES:
        raise WeightsError(
            f"would have {size / 2**30:.1f} GiB, and a .caffemodel holds 2",
            remedy="write .caffemodel.h5 (snapshot_format: HDF5) or .safetensors",
        )


def _present(array: Array | None, layer: LayerParameter) -> Array:
    if array is None:
        raise WeightsError(
            f'layer "{layer.name}" shares a parameter whose owner is not known',
            remedy="write .caffemodel.h5, or load the weights into their net first",
        )
    return array


def _no_weights(path: Path, content: bytes, *, complete: bool = False) -> WeightsError:
    """What to say of a file that protobuf cannot read, or that it reads and that has no blobs."""
    what, remedy = _what_it_is(content) or (
        ("holds no weights", "name the .caffemodel of a training")
        if complete
        else ("is no weight file, or a damaged one", "get the file again, or name another")
    )
    return WeightsError(what, where=str(path), remedy=remedy)


def _what_it_is(content: bytes) -> tuple[str, str] | None:
    """What a file is that is no .caffemodel, and what to do; None where nobody knows."""
    if not content:
        return "is empty", "get the file again, or name another"
    start = content[:_SHOWN]
    if _is_text(start):
        if b"layer" in start:
            return "is the text of a net, not its weights", "name a .caffemodel"
        return "is text, not weights", "get the file again, or name another"
    if _reads(BlobProto, content, "data"):
        return "is a single blob, such as a mean, not weights", "name a .caffemodel"
    if _reads(SolverState, content, "iter"):
        return "is a solver state, not weights", "give it to --snapshot, or name its .caffemodel"
    return None


def _is_text(start: bytes) -> bool:
    text = start.decode("utf-8", "replace").rstrip("\ufffd")
    return all(letter.isprintable() or letter.isspace() for letter in text)


def _reads(kind: type[SolverState] | type[BlobProto], content: bytes, name: str) -> bool:
    """Whether a file is a message of a kind and has this field."""
    try:
        message = kind.FromString(content)
    except (DecodeError, ValueError):
        return False
    return any(field.name == name for field, _ in message.ListFields())
