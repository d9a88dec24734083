"""Layers in a form that a graph of ONNX, or of torch.export, can have: the same numbers."""

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor, nn

from catdog.engines.onnx_detection import DETECTION, DETECTION_OF_ANY_SIZE
from catdog.layers.affine import Embed
from catdog.layers.base import Layer
from catdog.layers.forks.bn import EPS, SegNetBN
from catdog.layers.frame import Frame
from catdog.layers.norm import LRN
from catdog.layers.pooling import AVE, MAX, Pooling
from catdog.layers.recurrent import LSTM, RNN
from catdog.net.names import attributes
from catdog.net.net import Net, run
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import LRNParameter


class PlainNet(nn.Module):
    """A net in a form that exports well: layers by their names, tensors instead of dicts.

    With `sizes_vary` height and width of its pictures are not taken to be those of the net.
    """

    def __init__(self, net: Net, *, sizes_vary: bool = False) -> None:
        super().__init__()
        self._inputs, self._outputs = tuple(net.inputs), net.outputs
        self._nodes = [_exportable(net, node, sizes_vary=sizes_vary) for node in net.nodes]
        names = attributes()
        for node in self._nodes:
            self.add_module(names[node.name], node.layer)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        blobs = dict(zip(self._inputs, inputs, strict=True))
        for node in self._nodes:
            tops = run(node, [blobs[name] for name in node.bottoms])
            blobs.update(zip(node.tops, tops, strict=True))
        return tuple(blobs[name] for name in self._outputs)


def _exportable(net: Net, node: Node, *, sizes_vary: bool) -> Node:
    own = type(node.layer)
    kind = _PLAINER.get(own) or (_OF_ANY_SIZE.get(own) if sizes_vary else None)
    if kind is None:
        return node
    layer = kind(node.layer.param, [net.shapes[name] for name in node.bottoms], net.setting)
    layer.blobs = node.layer.blobs
    return replace(node, layer=layer.train(node.layer.training))


class _PooledLRN(LRN):
    """LRN by average pooling: a few nodes of ONNX instead of a hundred."""

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.lrn_param
        if param.norm_region == LRNParameter.WITHIN_CHANNEL:
            return super().forward(x)
        return F.local_response_norm(x, param.local_size, param.alpha, param.beta, param.k)


class _UncheckedEmbed(Embed):
    """Embed without a check of the indices: ONNX cannot stop at a wrong one."""

    def forward(self, x: Tensor) -> Tensor:
        weights, *bias = self.blobs
        rows = F.embedding(x.long(), weights)
        return rows + bias[0] if bias else rows


class _BatchwiseBN(SegNetBN):
    """SegNet's with the statistics of the batch written out: ONNX's own would use none."""

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.infers or x.dim() < 2:
            return super().forward(x)
        axes = [axis for axis in range(x.dim()) if axis != 1]
        mean = x.mean(axes, keepdim=True)
        variance = (x - mean).square().mean(axes, keepdim=True)
        scale, shift = (blob.reshape(mean.shape) for blob in self.blobs)
        top = (x - mean) / (variance + EPS).sqrt() * scale + shift
        tops = top, *(each.reshape(1, -1, 1, 1) for each in (mean, variance))
        return tops[: self.top_count] if self.top_count > 1 else top


class _PoolingOfAnySize(Pooling):
    """Pooling that asks nothing of the picture's size, where torch's own does it."""

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        frame = self.frame((x.shape[2], x.shape[3]))
        if self.param.pooling_param.global_pooling and self.top_count == 1:
            if self.method == AVE:
                return x.mean((2, 3), keepdim=True)
            if self.method == MAX:
                return x.amax((2, 3), keepdim=True)
        if self.method not in (MAX, AVE) or not _is_torchs(frame):
            raise self.error(
                "has windows that torch and ONNX do not have at every size",
                remedy="leave height and width out of --dynamic",
            )
        window = frame.kernel, frame.stride, frame.pad
        if self.top_count > 1:
            top, places = F.max_pool2d_with_indices(x, *window, ceil_mode=frame.rounds_up)
            return top, places.to(x.dtype)
        pool = F.max_pool2d if self.method == MAX else F.avg_pool2d
        return pool(x, *window, ceil_mode=frame.rounds_up)


def _is_torchs(frame: Frame) -> bool:
    """Whether torch pools so whatever the size: no window begins beyond the picture."""
    little = all(2 * pad <= kernel for pad, kernel in zip(frame.pad, frame.kernel, strict=True))
    # a padded frame drops such windows by Caffe's own rule, which is torch's too
    covers = all(step <= kernel for step, kernel in zip(frame.stride, frame.kernel, strict=True))
    return little and (any(frame.pad) or not frame.rounds_up or covers)


_PLAINER: dict[type[Layer], type[Layer]] = {
    **DETECTION,
    LRN: _PooledLRN,
    Embed: _UncheckedEmbed,
    SegNetBN: _BatchwiseBN,
    # their own kind anew: tracing leaves something in the state that is no tensor
    RNN: RNN,
    LSTM: LSTM,
}
_OF_ANY_SIZE: dict[type[Layer], type[Layer]] = {
    **DETECTION_OF_ANY_SIZE,
    Pooling: _PoolingOfAnySize,
}
