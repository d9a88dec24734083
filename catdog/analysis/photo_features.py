"""Features of photos: what the last fully connected layer of a net reads of each."""

from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.analysis.linear_probe import last_layer
from catdog.data.images import Readable, Unreadable
from catdog.inference.predictor import BATCH, Predictor
from catdog.net.deploy import deploy_net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, DatasetParameter, NetParameter
from catdog.runtime.parallel import in_order
from catdog.spec import net_state, read_net
from catdog.weights import Weights, read_weights, weight_file

#: The net whose features are taken where none is named; its weights are a package.
LITE0 = "efficientnet_lite0"
_CLASSIFIER = "fc"
_SIDE = 224

Features = NDArray[np.float32]


def imagenet_net(device: torch.device | str) -> Predictor:
    """EfficientNet-Lite0 as it classifies ImageNet; WeightsError where its weights are missing."""
    weights = read_weights(weight_file(LITE0))
    net = resolve(read_net(f"net_specs/{LITE0}.yaml"), net_state(TEST))
    dataset = DatasetParameter(
        width=_SIDE, height=_SIDE, equalize=False, interpolation=DatasetParameter.CUBIC
    )
    return Predictor(weights, deploy=_classifying(net.message, weights), dataset=dataset,
                     device=device)  # fmt: skip


def photo_features(
    net: Predictor, photos: Sequence[Readable]
) -> Generator[Features | Unreadable, None, None]:
    """The features of each photo, or why it cannot be read, in their order.

    Photos are prepared as the net's were. Raises CatdogError for a net without an InnerProduct
    layer.
    """
    blob = last_layer(net.net).bottoms[0]

    def read(photo: Readable) -> Tensor | Unreadable:
        try:
            return net.prepared(photo)[1]
        except Unreadable as error:
            return error

    with closing(in_order(read, photos)) as found:
        while chunk := list(islice(found, BATCH)):
            batch = [each for each in chunk if not isinstance(each, Unreadable)]
            rows = iter(_rows(net, torch.cat(batch), blob) if batch else ())
            for each in chunk:
                yield each if isinstance(each, Unreadable) else next(rows)


@torch.no_grad()
def _rows(net: Predictor, batch: Tensor, blob: str) -> Features:
    blobs = net.net({net.input.name: batch}, keep=[blob]).blobs
    rows: Features = blobs[blob].flatten(1).float().cpu().numpy()
    return rows


def _classifying(net: NetParameter, weights: Weights) -> NetParameter:
    """The deploy net with the layer that tells ImageNet's classes apart as its last one."""
    shape = 1, 3, _SIDE, _SIDE
    deploy = deploy_net(net, {"data": shape, "label": (1,)})
    last = next(layer for layer in reversed(deploy.layer) if layer.type == "InnerProduct")
    last.name = _CLASSIFIER
    classes = weights.blobs[_CLASSIFIER][0]
    last.inner_product_param.num_output = 0 if classes is None else classes.shape[0]
    return deploy
