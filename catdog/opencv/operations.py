"""Steps of a program as operations of OpenVINO's, by the type of the layer."""

from collections.abc import Callable, Sequence
from math import prod
from types import ModuleType
from typing import Any, cast

import numpy as np

from catdog.layers.base import Layer
from catdog.layers.forks.ssd import Normalize, Permute
from catdog.layers.pooling import AVE, MAX, Pooling
from catdog.layers.shape import Concat
from catdog.layers.window import read_window
from catdog.opencv.detections import OrderedRows
from catdog.opencv.fusion import Activation, ChannelLine, FusedConvolution, activation_of
from catdog.opencv.steps import ProgramStep
from catdog.proto.caffe_pb2 import (
    EltwiseParameter,
    LRNParameter,
    PriorBoxParameter,
)
from catdog.spec.shape import Shape

_CODES = {
    PriorBoxParameter.CORNER: "caffe.PriorBoxParameter.CORNER",
    PriorBoxParameter.CENTER_SIZE: "caffe.PriorBoxParameter.CENTER_SIZE",
}

#: Fewer numbers in a row than a vector of the processor has.
_FEW_CLASSES = 8
#: Axes of a blob of pictures.
_PICTURE = 4


class NoOperation(Exception):
    """A layer that is not among the operations, or not with these numbers."""


class Operations:
    """Makes nodes of OpenVINO's graph; `ops` is one of its modules opset1, opset2, ...

    Every method takes a step's layer and its bottoms' nodes and gives the node of its top.
    """

    def __init__(self, ops: ModuleType) -> None:
        self._ops = cast("Any", ops)
        self._makers: dict[str, Callable[[Layer, Sequence[Any]], Any]] = {
            "Concat": self._concat,
            "DetectionOutput": self._detections,
            "Deconvolution": self._deconvolution,
            "Dropout": self._dropout,
            "Eltwise": self._eltwise,
            "Flatten": self._same_numbers,
            "InnerProduct": self._product,
            "LRN": self._lrn,
            "Normalize": self._normalize,
            "Permute": self._permute,
            "Pooling": self._pooling,
            "Power": self._power,
            "PReLU": self._prelu,
            "ReLU": self._activation,
            "ReLU6": self._activation,
            "Reshape": self._same_numbers,
            "Sigmoid": lambda _, bottoms: self._ops.sigmoid(*bottoms),
            "Softmax": self._softmax,
            "TanH": lambda _, bottoms: self._ops.tanh(*bottoms),
        }

    def constant(self, numbers: Any, kind: Any = np.float32) -> Any:
        """A node of numbers."""
        return self._ops.constant(np.ascontiguousarray(numbers, kind))

    def of(self, step: ProgramStep, bottoms: Sequence[Any]) -> Any:
        """The node of a step's top; NoOperation where there is none."""
        if isinstance(step.compute, FusedConvolution):
            return self._convolution(step.compute, bottoms[0])
        if isinstance(step.compute, ChannelLine):
            return self._line(step.compute, bottoms[0])
        maker = self._makers.get(step.layer.param.type)
        own = step.compute is step.layer or isinstance(step.compute, OrderedRows)
        if maker is None or not own or len(step.makes) != 1 or step.layer.is_random():
            raise NoOperation(step.layer.param.type)
        return maker(step.layer, bottoms)

    def _convolution(self, convolution: FusedConvolution, x: Any) -> Any:
        weight = convolution.weight.numpy()
        window, size = convolution.window, _shape(x)
        groups = size[1] // weight.shape[1]
        lacking = window.lacking(size[2:])
        ends = [pad + lack for pad, lack in zip(window.pad, lacking, strict=True)]
        places = [list(window.stride), list(window.pad), ends, list(window.dilation)]
        if groups == 1:
            made = self._ops.convolution(x, self.constant(weight), *places)
        else:
            each = weight.reshape(groups, len(weight) // groups, *weight.shape[1:])
            made = self._ops.group_convolution(x, self.constant(each), *places)
        bias = convolution.bias.numpy().reshape(1, -1, 1, 1)
        return self._activated(self._ops.add(made, self.constant(bias)), convolution.activation)

    def _line(self, line: ChannelLine, x: Any) -> Any:
        shape = (1, -1, *[1] * (len(_shape(x)) - 2))
        gain, offset = (self.constant(n.numpy().reshape(shape)) for n in (line.gain, line.offset))
        made = self._ops.add(self._ops.multiply(x, gain), offset)
        return self._activated(made, line.activation)

    def _activated(self, x: Any, activation: Activation | None) -> Any:
        if activation is None:
            return x
        kind, numbers = activation
        if kind == "hardtanh":
            return self._ops.clamp(x, *numbers)
        return self._ops.prelu(x, self.constant(numbers)) if numbers else self._ops.relu(x)

    def _activation(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        activation = activation_of(layer)
        if activation is None:
            raise NoOperation(layer.param.type)
        return self._activated(bottoms[0], activation)

    def _prelu(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        return self._ops.prelu(bottoms[0], self.constant(layer.blobs[0].detach().numpy().ravel()))

    def _power(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        param = layer.param.power_param
        made = self._ops.multiply(bottoms[0], self.constant(param.scale))
        made = self._ops.add(made, self.constant(param.shift))
        return made if param.power == 1 else self._ops.power(made, self.constant(param.power))

    def _lrn(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        param = layer.param.lrn_param
        if param.norm_region != LRNParameter.ACROSS_CHANNELS:
            raise NoOperation("LRN")
        channels = self.constant([1], np.int64)
        numbers = (param.alpha, param.beta, param.k, param.local_size)
        return self._ops.lrn(bottoms[0], channels, *numbers)

    def _deconvolution(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        param, (x, *others) = layer.param.convolution_param, bottoms
        weight, *bias = (blob.detach().numpy() for blob in layer.blobs)
        if others or param.axis != 1 or weight.ndim != _PICTURE:
            raise NoOperation("Deconvolution")
        stride, pad, dilation = map(list, read_window(layer, 2)[1:])
        if param.group == 1:
            spread, filters = self._ops.convolution_backprop_data, weight
        else:
            spread = self._ops.group_convolution_backprop_data
            filters = weight.reshape(param.group, -1, *weight.shape[1:])
        made = spread(x, self.constant(filters), stride, None, pad, pad, dilation)
        return self._ops.add(made, self.constant(bias[0].reshape(1, -1, 1, 1))) if bias else made

    def _pooling(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        assert isinstance(layer, Pooling)
        (x,), (*_, height, width) = bottoms, _shape(bottoms[0])
        frame = layer.frame((height, width))
        kernel, stride, pad = map(list, (frame.kernel, frame.stride, frame.pad))
        ends = frame.behind((height, width))
        if layer.method == MAX:
            ones = [1, 1]
            return self._ops.max_pool(x, stride, ones, pad, ends, kernel).output(0)
        beyond = any(end > p for end, p in zip(ends, pad, strict=True))
        if layer.method != AVE or (any(pad) and beyond):
            raise NoOperation("Pooling")
        # where there is no pad, what lies beyond the picture does not count
        return self._ops.avg_pool(x, stride, pad, ends, kernel, not any(pad))

    def _product(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        param, (x,) = layer.param.inner_product_param, bottoms
        if param.axis != 1 or param.transpose:
            raise NoOperation("InnerProduct")
        weight, *bias = (blob.detach().numpy() for blob in layer.blobs)
        rows = self._reshaped(x, (_shape(x)[0], weight.shape[1]))
        made = self._ops.matmul(rows, self.constant(weight), False, True)
        return self._ops.add(made, self.constant(bias[0].reshape(1, -1))) if bias else made

    def _eltwise(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        param = layer.param.eltwise_param
        kinds = {
            EltwiseParameter.SUM: self._ops.add,
            EltwiseParameter.PROD: self._ops.multiply,
            EltwiseParameter.MAX: self._ops.maximum,
        }
        if any(coeff != 1 for coeff in param.coeff):
            raise NoOperation("Eltwise")
        made = bottoms[0]
        for other in bottoms[1:]:
            made = kinds[param.operation](made, other)
        return made

    def _normalize(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        assert isinstance(layer, Normalize)
        (x,), eps = bottoms, layer.param.norm_param.eps
        made = self._ops.normalize_l2(x, self.constant(layer.axes, np.int64), eps, "add")
        scale = layer.blobs[0].detach().numpy().reshape(1, -1, *[1] * (len(_shape(x)) - 2))
        return self._ops.multiply(made, self.constant(scale))

    def _permute(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        assert isinstance(layer, Permute)
        return self._ops.transpose(bottoms[0], self.constant(layer.order, np.int64))

    def _concat(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        assert isinstance(layer, Concat)
        return self._ops.concat(list(bottoms), layer.axis)

    def _softmax(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        shape = _shape(bottoms[0])
        axis = layer.param.softmax_param.axis % len(shape)
        if axis != len(shape) - 1 or shape[axis] > _FEW_CLASSES or axis == 0:
            return self._ops.softmax(bottoms[0], axis)
        # over few neighbours each sum would be a loop of its own: classes before places
        turned = self.constant([*range(axis - 1), axis, axis - 1], np.int64)
        places = self._ops.softmax(self._ops.transpose(bottoms[0], turned), axis - 1)
        return self._ops.transpose(places, turned)

    def _dropout(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        if not layer.param.dropout_param.scale_train:
            raise NoOperation("Dropout")
        return bottoms[0]

    def _same_numbers(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        return self._reshaped(bottoms[0], layer.top_shapes(_shape(bottoms[0]))[0])

    def _reshaped(self, x: Any, shape: Shape) -> Any:
        if shape == _shape(x):
            return x
        return self._ops.reshape(x, self.constant(shape, np.int64), False)

    def _detections(self, layer: Layer, bottoms: Sequence[Any]) -> Any:
        param = layer.param.detection_output_param
        nms = param.nms_param
        known = param.code_type in _CODES and param.HasField("confidence_threshold")
        odd = nms.eta < 1 or param.keep_top_k < 1 or param.variance_encoded_in_target
        if not known or odd or not 0 <= param.background_label_id < param.num_classes:
            raise NoOperation("DetectionOutput")
        loc, conf = (self._reshaped(x, (_shape(x)[0], prod(_shape(x)[1:]))) for x in bottoms[:2])
        attributes = {
            "background_label_id": param.background_label_id,
            "top_k": nms.top_k if nms.HasField("top_k") else -1,
            "keep_top_k": np.array([param.keep_top_k], np.int64),
            "code_type": _CODES[param.code_type],
            "share_location": param.share_location,
            "variance_encoded_in_target": False,
            "nms_threshold": nms.nms_threshold,
            "confidence_threshold": param.confidence_threshold,
            "normalized": True,
        }
        return self._ops.detection_output(loc, conf, bottoms[2], attributes)


def _shape(node: Any) -> Shape:
    return tuple(
        map(int, (node.get_output_shape(0) if hasattr(node, "get_output_shape") else node.shape))
    )
