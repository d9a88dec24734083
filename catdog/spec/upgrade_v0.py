"""Nets of 2013, whose layers are a V0LayerParameter each, to V1 (caffe/util/upgrade_proto.cpp)."""

from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.message import Message

from catdog.errors import Fault, did_you_mean
from catdog.proto.caffe_pb2 import NetParameter, V0LayerParameter, V1LayerParameter
from catdog.spec.assign import assign


class _Kind(NamedTuple):
    """What a type of V0 became: the type, the message of its parameters, the fields it takes."""

    type: V1LayerParameter.LayerType
    parameter: str = ""
    takes: str = ""


_DATA = "source batchsize"
_KINDS = {
    "accuracy": _Kind(V1LayerParameter.ACCURACY),
    "bnll": _Kind(V1LayerParameter.BNLL),
    "concat": _Kind(V1LayerParameter.CONCAT, "concat_param", "concat_dim"),
    "conv": _Kind(
        V1LayerParameter.CONVOLUTION,
        "convolution_param",
        "num_output biasterm weight_filler bias_filler pad kernelsize group stride",
    ),
    "data": _Kind(V1LayerParameter.DATA, "data_param", f"{_DATA} rand_skip"),
    "dropout": _Kind(V1LayerParameter.DROPOUT, "dropout_param", "dropout_ratio"),
    "euclidean_loss": _Kind(V1LayerParameter.EUCLIDEAN_LOSS),
    "flatten": _Kind(V1LayerParameter.FLATTEN),
    "hdf5_data": _Kind(V1LayerParameter.HDF5_DATA, "hdf5_data_param", _DATA),
    "hdf5_output": _Kind(V1LayerParameter.HDF5_OUTPUT),
    "im2col": _Kind(V1LayerParameter.IM2COL),
    "images": _Kind(
        V1LayerParameter.IMAGE_DATA,
        "image_data_param",
        f"{_DATA} rand_skip shuffle_images new_height new_width",
    ),
    "infogain_loss": _Kind(V1LayerParameter.INFOGAIN_LOSS, "infogain_loss_param", "source"),
    "innerproduct": _Kind(
        V1LayerParameter.INNER_PRODUCT,
        "inner_product_param",
        "num_output biasterm weight_filler bias_filler",
    ),
    "lrn": _Kind(V1LayerParameter.LRN, "lrn_param", "local_size alpha beta k"),
    "multinomial_logistic_loss": _Kind(V1LayerParameter.MULTINOMIAL_LOGISTIC_LOSS),
    "pool": _Kind(V1LayerParameter.POOLING, "pooling_param", "pad kernelsize stride pool"),
    "relu": _Kind(V1LayerParameter.RELU),
    "sigmoid": _Kind(V1LayerParameter.SIGMOID),
    "softmax": _Kind(V1LayerParameter.SOFTMAX),
    "softmax_loss": _Kind(V1LayerParameter.SOFTMAX_LOSS),
    "split": _Kind(V1LayerParameter.SPLIT),
    "tanh": _Kind(V1LayerParameter.TANH),
    "window_data": _Kind(
        V1LayerParameter.WINDOW_DATA,
        "window_data_param",
        f"{_DATA} det_fg_threshold det_bg_threshold det_fg_fraction det_context_pad det_crop_mode",
    ),
}
_PADDING = "padding"
_RENAMED = {
    "biasterm": "bias_term",
    "kernelsize": "kernel_size",
    "batchsize": "batch_size",
    "shuffle_images": "shuffle",
    "det_fg_threshold": "fg_threshold",
    "det_bg_threshold": "bg_threshold",
    "det_fg_fraction": "fg_fraction",
    "det_context_pad": "context_pad",
    "det_crop_mode": "crop_mode",
}
_TRANSFORM = {
    "scale": "scale",
    "meanfile": "mean_file",
    "cropsize": "crop_size",
    "mirror": "mirror",
}
_OF_EVERY_LAYER = {"name", "blobs", "blobs_lr", "weight_decay"}


def is_v0(net: NetParameter) -> bool:
    """Whether a net has layers in the form of V0."""
    return any(layer.HasField("layer") for layer in net.layers)


def upgrade_v0(net: NetParameter) -> tuple[NetParameter, list[Fault]]:
    """The net in the form of V1, without padding layers, and what cannot be upgraded."""
    padded, faults = _without_padding(net)
    upgraded = NetParameter()
    upgraded.CopyFrom(padded)
    del upgraded.layers[:]
    for old in padded.layers:
        faults += _upgrade_layer(old, upgraded.layers.add())
    return upgraded, faults


def _upgrade_layer(old: V1LayerParameter, new: V1LayerParameter) -> Iterator[Fault]:
    new.CopyFrom(old)
    if not old.HasField("layer"):
        return
    new.ClearField("layer")
    inner = old.layer
    kind = _KINDS.get(inner.type)
    if kind is None:
        remedy = did_you_mean(inner.type, _KINDS) or "write the net in the present form"
        yield Fault(
            f'unknown layer type "{inner.type}" of 2013',
            remedy=remedy,
            layer=inner.name,
            field="type",
        )
        return
    new.type = kind.type
    for field, value in inner.ListFields():
        target = _target(field.name, kind, new)
        if target is not None:
            assign(*target, value)
        elif field.name != "type":
            yield Fault(
                f"({inner.type}) takes no {field.name}",
                remedy="leave it out",
                layer=inner.name,
                field=field.name,
            )


def _target(name: str, kind: _Kind, layer: V1LayerParameter) -> tuple[Message, str] | None:
    """The message and field in which a field of V0 belongs."""
    if name in _OF_EVERY_LAYER or (
        name == "hdf5_output_param" and kind.type == V1LayerParameter.HDF5_OUTPUT
    ):
        return layer, name
    if name in _TRANSFORM:
        return layer.transform_param, _TRANSFORM[name]
    if name in kind.takes.split():
        return getattr(layer, kind.parameter), _RENAMED.get(name, name)
    return None


def _without_padding(net: NetParameter) -> tuple[NetParameter, list[Fault]]:
    """A copy in which the layers above padding layers pad themselves."""
    padded = NetParameter()
    padded.CopyFrom(net)
    del padded.layers[:]
    faults: list[Fault] = []
    makers: dict[str, V1LayerParameter] = {}
    for layer in net.layers:
        kept = V1LayerParameter()
        kept.CopyFrom(layer)
        for bottom in layer.bottom:
            maker = makers.get(bottom)
            if maker is not None and maker.layer.type == _PADDING:
                faults += _fold(maker, kept)
        if layer.layer.type != _PADDING:
            padded.layers.append(kept)
        makers.update(dict.fromkeys(layer.top, layer))
    return padded, faults


def _fold(padding: V1LayerParameter, layer: V1LayerParameter) -> Iterator[Fault]:
    """Have a layer pad its bottom as the padding layer below it does."""
    inner: V0LayerParameter = layer.layer
    if inner.type not in ("conv", "pool") or len(layer.bottom) != 1:
        yield Fault(
            f"({inner.type}) cannot pad: only conv and pool may follow padding layer "
            f'"{padding.layer.name}"',
            layer=inner.name,
            field="bottom",
        )
    elif len(padding.bottom) != 1 or len(padding.top) != 1:
        yield Fault(
            f"({_PADDING}) has {len(padding.bottom)} bottoms and {len(padding.top)} tops, "
            "takes 1 and 1",
            layer=padding.layer.name,
            field="bottom",
        )
    else:
        inner.pad = padding.layer.pad
        layer.bottom[0] = padding.bottom[0]
