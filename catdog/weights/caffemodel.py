"""Caffe's binary weight file: a NetParameter whose layers have their blobs (Net::ToProto)."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

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
from catdog.proto.fork_reading import read_forked
from catdog.proto.fork_writing import write_forked
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


class _Form(NamedTuple):
    """The numbers of a layer's name and blobs, and the forms of layers inside it."""

    name: int
    blobs: int
    inner: Mapping[int, "_Form"] = MappingProxyType({})


#: The layers of a net, of 2014, and in them those of 2013.
_NET_FORMS = {
    NetParameter.LAYER_FIELD_NUMBER: _Form(
        LayerParameter.NAME_FIELD_NUMBER, LayerParameter.BLOBS_FIELD_NUMBER
    ),
    NetParameter.LAYERS_FIELD_NUMBER: _Form(
        V1LayerParameter.NAME_FIELD_NUMBER,
        V1LayerParameter.BLOBS_FIELD_NUMBER,
        {
            V1LayerParameter.LAYER_FIELD_NUMBER: _Form(
                V0LayerParameter.NAME_FIELD_NUMBER, V0LayerParameter.BLOBS_FIELD_NUMBER
            )
        },
    ),
}
#: The numbers of a net's layers and of a layer's blobs.
_LAYER = NetParameter.LAYER_FIELD_NUMBER
_BLOBS = LayerParameter.BLOBS_FIELD_NUMBER
_SHOWN = 4096
#: What protobuf takes, less room for the frames around the numbers.
_MOST_BYTES = 2**31 - 2**20


def read(path: Path) -> Weights:
    """Read a .caffemodel of any age, make or fork; its net is upgraded."""
    content = path.read_bytes()
    try:
        net, found = _parse(memoryview(content))
        blobs: BlobsOfLayers = {
            name: [blob_to_array(BlobProto.FromString(each)) for each in of_layer]  # type: ignore[arg-type]
            for name, of_layer in found.items()
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
    return Weights(blobs, _upgraded(net), str(path))


def _parse(content: memoryview) -> tuple[NetParameter, dict[str, list[memoryview]]]:
    """The net without blobs, and the blobs of each layer that has some, serialised."""
    blobs: dict[str, list[memoryview]] = {}
    bare = _without_blobs(content, _NET_FORMS, blobs)
    try:
        return read_forked(bare).net, blobs
    except NotUTF8:
        raise
    except DecodeError:
        return parse(NetParameter, packed.only(memoryview(bare), _PLAIN)), blobs


def _without_blobs(
    content: memoryview, forms: Mapping[int, _Form], blobs: dict[str, list[memoryview]]
) -> bytes:
    """A serialised message of layers, those of the forms, without their blobs, which are noted."""
    parts: packed.Parts = []
    for each in packed.fields(content):
        form = forms.get(each.number)
        if form is None:
            parts.append(each.whole)
            continue
        fields = list(packed.fields(each.content))
        found = [field.content for field in fields if field.number == form.blobs]
        if found:
            blobs[packed.text_at(each.content, form.name)] = found
        rest = b"".join(field.whole for field in fields if field.number != form.blobs)
        inside = _without_blobs(memoryview(rest), form.inner, blobs) if form.inner else rest
        parts += packed.framed(each.number, [inside])
    return b"".join(parts)


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
    net = NetParameter()
    net.CopyFrom(weights.net)
    net.layer.extend(LayerParameter(name=name) for name in weights.blobs if name not in known)
    with path.open("wb") as file:
        # by no message that has the blobs: each would be a copy
        for field in packed.fields(memoryview(write_forked(net))):
            if field.number == _LAYER:
                file.writelines(_layer_parts(field.content, weights, diffs or {}))
            else:
                file.write(field.whole)


def _layer_parts(
    layer: memoryview, weights: Weights, diffs: dict[str, list[Array]]
) -> packed.Parts:
    """A serialised layer of a net, with its blobs."""
    name = packed.text_at(layer, LayerParameter.NAME_FIELD_NUMBER)
    fields = list(packed.fields(layer))
    parts: packed.Parts = [field.whole for field in fields if field.number < _BLOBS]
    arrays = weights.blobs.get(name, [])
    gradients = diffs.get(name, [None] * len(arrays))
    for array, gradient in zip(arrays, gradients, strict=True):
        parts += packed.framed(_BLOBS, packed.blob_parts(_present(array, name), gradient))
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


def _present(array: Array | None, layer: str) -> Array:
    if array is None:
        raise WeightsError(
            f'layer "{layer}" shares a parameter whose owner is not known',
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
