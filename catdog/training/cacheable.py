"""Which layers of a net make the same of an example in every pass of a training."""

from collections.abc import Collection

from catdog.data.feed import Feed
from catdog.data.sources import RecordSource
from catdog.data.sources.picture_source import PictureSource
from catdog.errors import CatdogError, LayerError
from catdog.layers.norm import BatchNorm
from catdog.net.net import Net
from catdog.net.opened import FedNet
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import TRAIN, PoolingParameter

#: Layers whose top has, for each example, what they make of this example alone.
_BY_EXAMPLE = frozenset(
    (
        "Convolution",
        "Deconvolution",
        "InnerProduct",
        "Pooling",
        "LRN",
        "MVN",
        "BatchNorm",
        "Scale",
        "Bias",
        "Concat",
        "Eltwise",
        "Flatten",
        "Split",
        "ReLU",
        "PReLU",
        "ELU",
        "Sigmoid",
        "TanH",
        "AbsVal",
        "Power",
        "Exp",
        "Log",
        "BNLL",
        "Swish",
        "Threshold",
        "Clip",
        "Dropout",
        "Softmax",
    )
)
#: Fields of a transform_param that do the same to a picture every time.
_STEADY = frozenset({"scale", "mean_file", "mean_value", "force_color", "force_gray", "crop_size"})


def trainable_ids(net: Net) -> set[int]:
    """The ids of the parameters of a train net that do not stay what they are."""
    learning = {id(item.parameter) for item in net.learnable if item.lr_mult}
    return learning | {
        id(node.layer.blobs.parameter(i))
        for node in net
        if isinstance(node.layer, BatchNorm) and not node.layer.uses_global_stats
        for i in range(len(node.layer.blobs))
    }


def check_cacheable(fed: FedNet, trainable_ids: Collection[int]) -> None:
    """Raise CatdogError, with the reason, where nothing of a net can be computed once.

    `trainable_ids` are the ids of parameters that change in the course of the training.
    """
    source = one_source(fed.feed)
    _check_repeatable(source)
    if not frozen_part(fed.net, trainable_ids):
        first = fed.net.nodes[0]
        raise LayerError(
            f"({first.type}) is the first of the net and not frozen, so there are no features "
            "to cache",
            layer=first.name,
            remedy="name it in freeze, or leave cache_features out",
        )


def one_source(feed: Feed) -> RecordSource:
    """The one data layer of a net; CatdogError where there are more or it has no records."""
    sources = feed.sources
    if len(sources) != 1:
        raise CatdogError(
            f"cache_features needs a net with one data layer, this has {len(sources)}",
            remedy="leave cache_features out",
        )
    if not isinstance(sources[0], RecordSource):
        raise sources[0].error("makes up its data, so there are no features to cache", field="type")
    return sources[0]


def _check_repeatable(source: RecordSource) -> None:
    set_fields = {field.name for field, value in source.layer.transform_param.ListFields() if value}
    chance = sorted(set_fields - _STEADY) + ["crop_size"] * _cuts_anywhere(source)
    if chance:
        raise source.error(
            f"changes its pictures at random ({', '.join(chance)}), so they have no features "
            "to cache",
            field=chance[0],
            remedy=f"leave out {' and '.join(chance)}, or cache_features",
        )


def _cuts_anywhere(source: RecordSource) -> bool:
    """Whether pictures are cut at random places; the first stands for all."""
    size = source.layer.transform_param.crop_size
    if not size or source.context.phase != TRAIN or not isinstance(source, PictureSource):
        return False
    return source.examples([0])[0].array.shape[1:] != (size, size)


def frozen_part(net: Net, trainable_ids: Collection[int]) -> int:
    """How many of the first nodes make the same of an example in every pass."""
    steady = set(net.inputs)
    for index, node in enumerate(net.nodes):
        if not steady.issuperset(node.bottoms) or not _is_steady(node, trainable_ids):
            return index
        steady.update(node.tops)
    return len(net.nodes)


def _is_steady(node: Node, trainable_ids: Collection[int]) -> bool:
    layer, param = node.layer, node.layer.param
    if node.type not in _BY_EXAMPLE or any(node.loss_weights):
        return False
    if isinstance(layer, BatchNorm) and not layer.uses_global_stats:
        return False
    if any(id(layer.blobs.parameter(i)) in trainable_ids for i in range(len(layer.blobs))):
        return False
    by_chance = node.type == "Dropout" or param.pooling_param.pool == PoolingParameter.STOCHASTIC
    return not (by_chance and layer.training) and _first_axis(node) > 0


def _first_axis(node: Node) -> int:
    """The axis that a layer works on, or from which on; 0 is that of the examples."""
    field = _AXIS.get(node.type)
    if field is None:
        return 1
    axis: int = getattr(node.layer.param, field).axis
    if node.type == "Concat" and node.layer.param.concat_param.HasField("concat_dim"):
        axis = node.layer.param.concat_param.concat_dim
    return axis


#: Messages with an axis; one that counts from the end is taken for any.
_AXIS = {
    "InnerProduct": "inner_product_param",
    "Concat": "concat_param",
    "Scale": "scale_param",
    "Bias": "bias_param",
    "Flatten": "flatten_param",
    "Softmax": "softmax_param",
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
}
