"""Features and labels of a net's training and validation data, both without augmentation."""

from contextlib import ExitStack

import numpy as np
import torch

from catdog.analysis.linear_probe import Examples
from catdog.errors import CatdogError, DataError
from catdog.inference.feature_extraction import features
from catdog.net.carried import NetAsRun, snapshot_message
from catdog.net.opened import FedNet, open_fed_net
from catdog.net.resolved import ResolvedNet, resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, NetParameter, Phase
from catdog.spec import Spec, net_state


def open_both(
    spec: Spec[NetParameter], stack: ExitStack, device: torch.device | str = "cpu"
) -> tuple[FedNet, FedNet]:
    """The TEST net on the data of the TRAIN phase, not augmented, and on its own; one's weights
    are the other's. The stack closes their data.

    Raises CatdogError where a phase has not one data layer, and as `open_fed_net`.
    """
    test = resolve(spec, net_state(TEST))
    on_training = _on_training_data(resolve(spec, net_state(TRAIN)), test)
    training = open_fed_net(on_training, stack, device=device)
    return training, open_fed_net(test, stack, device=device, shared=training.net)


def _on_training_data(trained: ResolvedNet, tested: ResolvedNet) -> ResolvedNet:
    """The TEST net with the records of the TRAIN phase, transformed as in the TEST phase."""
    train, test = _data_layer(trained), _data_layer(tested)
    changed = NetParameter()
    changed.CopyFrom(tested.message)
    for layer in changed.layer:
        if layer.name == test.name and layer.type == test.type:
            tops = list(layer.top)
            layer.CopyFrom(train)
            layer.ClearField("include")
            layer.ClearField("exclude")
            layer.top[:] = tops
            layer.transform_param.CopyFrom(test.transform_param)
            if not test.HasField("transform_param"):
                layer.ClearField("transform_param")
    return resolve(tested.spec.of(changed), tested.state)


def _data_layer(net: ResolvedNet) -> LayerParameter:
    layers, phase = net.data_layers, Phase.Name(net.state.phase)
    if len(layers) != 1 or len(layers[0].top) != 2:
        raise CatdogError(
            f"needs one data layer with pictures and labels in the {phase} phase, has "
            f"{len(layers)}",
            where=f"net {net.message.name}",
            remedy="give the train_val net",
        )
    return layers[0]


def examples(fed: FedNet, blob: str) -> Examples:
    """A blob for every example of a net's data, flat, with the labels.

    Raises CatdogError for an unknown blob, DataError for values that are not finite and for
    labels that are not classes.
    """
    label = fed.feed.sources[0].tops[1]
    batches = list(features(fed, (blob, label)))
    labels = np.concatenate([batch[label].reshape(-1) for batch in batches])
    rows = [batch[blob].reshape(len(batch[blob]), -1) for batch in batches]
    numbers = np.concatenate(rows).astype(np.float64)
    where = f"net {fed.net.name}"
    if len(numbers) != len(labels):
        what = f'blob "{blob}" has not one row for each example'
        raise CatdogError(what, where=where, remedy="name one further up in the net")
    if not np.isfinite(numbers).all():
        raise DataError(f'blob "{blob}" has values that are no numbers', where=where)
    if (labels < 0).any() or (labels % 1).any():
        raise DataError("labels are not whole numbers from 0 on", where=where)
    return Examples(numbers, labels.astype(np.int64))


def carrying(fed: FedNet) -> NetParameter:
    """The message of a weight file: the TEST net's layers, and what a prediction needs."""
    run = NetAsRun(fed.resolved, fed.feed.shapes)
    return snapshot_message(run, [run])
