"""Which layers of a net compute the same for an example in every pass of a training."""

from collections.abc import Collection, Sequence

from catdog.data.sources import RecordSource, Source
from catdog.data.sources.picture_source import PictureSource
from catdog.errors import CatdogError, LayerError
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import TRAIN

#: Fields of a transform_param that do the same to a picture every time.
_STEADY = frozenset({"scale", "mean_file", "mean_value", "force_color", "force_gray", "crop_size"})


def trainable_ids(net: Net) -> set[int]:
    """The ids of the parameters that a training changes, by gradients or as statistics."""
    learning = {id(item.parameter) for item in net.learnable if item.lr_mult}
    return learning | {
        id(node.layer.blobs.parameter(i))
        for node in net
        if node.layer.updates_blobs()
        for i in range(len(node.layer.blobs))
    }


def check_cacheable(net: Net, sources: Sequence[Source], trainable: Collection[int]) -> None:
    """Check that some layers of a net can be computed once; raises CatdogError with the reason.

    `trainable` are the ids of parameters that change in the course of the training.
    """
    _check_repeatable(one_source(sources))
    check_frozen(net, trainable)


def check_frozen(net: Net, trainable: Collection[int]) -> None:
    """The same whatever the data are."""
    if not frozen_part(net, trainable):
        first = net.nodes[0]
        reason = _reason_to_change(first, trainable)
        freeze = "name it in freeze, or " if reason == _LEARNS else ""
        raise LayerError(
            f"({first.type}) is the first of the net and {reason}, so there are no features "
            "to cache",
            layer=first.name,
            remedy=f"{freeze}leave cache_features out",
        )


def one_source(sources: Sequence[Source]) -> RecordSource:
    """The one data layer of a net; CatdogError where there are more or it has no records."""
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


def frozen_part(net: Net, trainable: Collection[int]) -> int:
    """How many of the first nodes make the same of an example in every pass."""
    changing = (i for i, node in enumerate(net.nodes) if _reason_to_change(node, trainable))
    return next(changing, len(net.nodes))


_LEARNS = "not frozen"


def _reason_to_change(node: Node, trainable: Collection[int]) -> str:
    """Why the tops of an example may differ from pass to pass; nothing where they do not."""
    layer = node.layer
    if any(id(parameter) in trainable for parameter in layer.blobs.parameters()):
        return _LEARNS
    if any(node.loss_weights):
        return "a loss"
    if layer.is_random():
        return "random"
    return "" if layer.per_example() else "not known to treat each example by itself"
