"""A net together with the data that its spec names, on one device."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch

from catdog.data.feed import Feed
from catdog.data.sources import Context, open_source
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import TRAIN
from catdog.runtime.distributed.group import WHOLE, Part


@dataclass(frozen=True)
class FedNet:
    """A net, the feed of its data layers, and what both were made of."""

    net: Net
    feed: Feed
    resolved: ResolvedNet


def open_fed_net(
    resolved: ResolvedNet,
    stack: ExitStack,
    *,
    setting: Setting | None = None,
    device: torch.device | str = "cpu",
    shared: Net | None = None,
    part: Part = WHOLE,
    before: Callable[[Net], object] = lambda _: None,
) -> FedNet:
    """Build a net and open its data; the stack closes them.

    `before` gets the net while its parameters have no numbers yet. Layers of the same name as in
    `shared` use its parameters. Of several processes each has its `part` of the data: records of
    its own in the TRAIN phase, else every world-th batch. Raises SpecError, LayerError and
    DataError with their places in the text.
    """
    setting = replace(setting or Setting(), locate=resolved.locate)
    phase = resolved.state.phase
    with resolved.located():
        mine, shares = (part, WHOLE) if phase == TRAIN else (WHOLE, part)
        seed = setting.randomness.seed
        context = Context(phase, seed, mine.rank, mine.world, resolved.locate)
        sources = []
        for layer in resolved.data_layers:
            sources.append(open_source(layer, context))
            stack.callback(sources[-1].close)
        feed = stack.enter_context(Feed(sources, device, shares))
        net = Net(resolved.rest, inputs=feed.shapes, setting=setting, fill=False)
        before(net)
        if shared:
            net.share(shared)
        net.fill()
    return FedNet(net.place(device), feed, resolved)
