"""Layers that normalise by the batch in the TEST phase too, though the training's numbers are
stored."""

from collections.abc import Iterable, Sequence

from catdog.errors import WeightsError, some_of
from catdog.layers import class_of
from catdog.layers.norm import BatchNorm
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter


def by_batch(net: NetParameter) -> list[str]:
    """The names of the layers whose fields say so: `use_global_stats: false`."""
    return [layer.name for layer in net.layer if class_of(layer).asks_for_batch(layer)]


def batch_remarks(net: NetParameter) -> list[str]:
    """A line on such layers of a net in the TEST phase that computes as Caffe has it."""
    names = by_batch(net) if net.state.phase == TEST else []
    if not names:
        return []
    return [
        f"{_quoted(names)} (use_global_stats: false) normalise by the batch in the TEST phase, so "
        "that a photo's result depends on the others in its batch; leave the field out, and the "
        "stored statistics count"
    ]


def for_single_photos(net: NetParameter) -> NetParameter:
    """A copy in which photos do not depend on each other: such layers take the stored statistics,
    and no layer is in the TRAIN phase by itself."""
    plain = NetParameter()
    plain.CopyFrom(net)
    asking = set(by_batch(net))
    for layer in plain.layer:
        layer.ClearField("phase")
        if layer.name in asking:
            layer.batch_norm_param.ClearField("use_global_stats")
    return plain


def changed_for_single_photos(net: NetParameter) -> list[str]:
    """Lines on what `for_single_photos` changes."""
    lines = []
    if names := by_batch(net):
        lines.append(
            f"{_quoted(names)} (use_global_stats: false) take the stored statistics: with those of "
            "the batch, which Caffe takes, a photo's result would depend on the others in it"
        )
    trained = [each.name for each in net.layer if each.HasField("phase") and each.phase == TRAIN]
    if trained:
        lines.append(f"{_quoted(trained)} are in the TEST phase, not in their own of TRAIN")
    return lines


def check_stored(net: Net, names: Iterable[str], source: str) -> None:
    """Raise WeightsError where one of these layers has no stored statistics."""
    layers = [(name, net.node(name).layer) for name in names]
    empty = [name for name, layer in layers if isinstance(layer, BatchNorm) and layer.is_untrained]
    if empty:
        raise WeightsError(
            f"has no statistics for {_quoted(empty)}, whose net takes those of the batch "
            "(use_global_stats: false)",
            where=source,
            remedy="train some iterations, or give weights of a training",
        )


def _quoted(names: Sequence[str]) -> str:
    return some_of([f'"{name}"' for name in names], 3)
