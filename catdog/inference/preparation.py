"""What of a net and its weights says how photos are prepared."""

import numpy as np
from numpy.typing import NDArray

from catdog.data.transform import Transform
from catdog.errors import CatdogError, WeightsError
from catdog.proto.caffe_pb2 import TEST, DatasetParameter, LayerParameter, NetParameter

#: Types of the layers that SSD, YOLO v2 and v3 end in.
_FINDERS = ("DetectionOutput", "YoloDetectionOutput", "Yolov3DetectionOutput")


def deploy_of(carried: NetParameter) -> NetParameter:
    """The deploy net that weights carry; WeightsError without one."""
    if not carried.HasField("deploy"):
        raise WeightsError("carries no deploy net", remedy="give one with --model")
    return carried.deploy


def check_classifies(net: NetParameter) -> None:
    """Raise CatdogError for a net that finds boxes: no probabilities of classes come out of it."""
    finder = next((layer for layer in net.layer if layer.type in _FINDERS), None)
    if finder is not None:
        raise CatdogError(
            f'finds boxes in photos (layer "{finder.name}", {finder.type}), and gives no class of '
            "a whole photo",
            remedy="catdog.opencv.readNetFromCaffe runs it, docs/detection.md has a script",
        )


def dataset_of(carried: NetParameter) -> DatasetParameter:
    """How the photos were prepared, as weights carry it; WeightsError where they do not."""
    if not carried.HasField("dataset"):
        raise WeightsError(
            "does not say how its photos were prepared",
            remedy="give --dataset with the dataset.yaml of its LMDB, or with one of your own: "
            "width, height, channel_order, class_name",
        )
    return carried.dataset


def input_of(deploy: NetParameter) -> LayerParameter:
    """A copy of the Input layer, by the name of its blob; CatdogError unless there is one."""
    inputs = [layer for layer in deploy.layer if layer.type == "Input"]
    if len(inputs) != 1 or len(inputs[0].top) != 1:
        raise CatdogError(
            f"the net has {sum(len(layer.top) for layer in inputs)} inputs",
            remedy="prediction takes nets with one, for photos",
        )
    copy = LayerParameter()
    copy.CopyFrom(inputs[0])
    copy.name = inputs[0].top[0]
    return copy


def transform_of(layer: LayerParameter, mean: NDArray[np.float32] | None) -> Transform:
    """What the Input layer does to a photo; WeightsError where it names a mean and has none."""
    named = layer.transform_param.mean_file
    if named and mean is None:
        raise WeightsError(f"carries no mean, and its net wants {named}", remedy="give it: --mean")
    layer.transform_param.ClearField("mean_file")
    return Transform(layer, TEST, mean=mean if named else None)
