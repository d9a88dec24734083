"""What an ONNX file says of its pictures and its outputs, in its metadata_props.

    catdog_preparation    how a photo becomes the input, as JSON
    catdog_heads          what the outputs stand for, as JSON

With these a program predicts as catdog does, without it; docs/predicting.md has one.
"""

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from catdog.data.datum import blob_to_array
from catdog.errors import CatdogError
from catdog.export.deployed import Deployed
from catdog.inference.heads import heads_of
from catdog.inference.preparation import input_of
from catdog.proto.caffe_pb2 import DatasetParameter, LayerParameter, NetParameter

PREPARATION, HEADS = "catdog_preparation", "catdog_heads"


def onnx_metadata(deployed: Deployed) -> dict[str, str]:
    """The entries that are known: without a record of the photos their preparation is left out,
    and what the outputs stand for where they are no predictions."""
    found: dict[str, Any] = {}
    with suppress(CatdogError):
        layer = input_of(deployed.net.message)
        if deployed.dataset is not None:
            found[PREPARATION] = {
                "input": layer.name,
                **_of_dataset(deployed.dataset),
                **_of_transform(layer, deployed.carried),
            }
    with suppress(CatdogError):
        found[HEADS] = _heads(deployed)
    return {name: json.dumps(value) for name, value in found.items()}


def _of_dataset(dataset: DatasetParameter) -> Mapping[str, Any]:
    return {
        "channels": DatasetParameter.ChannelOrder.Name(dataset.channel_order),
        "equalize": dataset.equalize,
        "width": dataset.width,
        "height": dataset.height,
        "resize": DatasetParameter.Resize.Name(dataset.resize),
        "interpolation": DatasetParameter.Interpolation.Name(dataset.interpolation),
    }


def _of_transform(layer: LayerParameter, carried: NetParameter) -> Mapping[str, Any]:
    param = layer.transform_param
    mean = None
    if param.mean_file:
        if not carried.HasField("mean"):
            # half of a preparation would be taken for all of it
            raise CatdogError("the mean picture is not there")
        mean = blob_to_array(carried.mean).squeeze(0)
    return {
        "mean_value": list(param.mean_value),
        "mean": None if mean is None else _array(mean.astype(np.float32)),
        "crop": param.crop_size,
        "scale": param.scale,
    }


def _array(array: np.ndarray[Any, np.dtype[np.float32]]) -> Mapping[str, Any]:
    data = np.ascontiguousarray(array, "<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(data).decode()}


def _heads(deployed: Deployed) -> list[Mapping[str, Any]]:
    names = deployed.dataset.class_name if deployed.dataset else ()
    heads = heads_of(deployed.net, deployed.carried, names)
    warm = deployed.carried.temperature
    return [
        {
            "output": head.blob,
            "title": head.title,
            "names": list(head.names),
            "several": head.several,
            "scores": head.scores,
            "temperature": 1.0 if at or head.several or head.scores else warm,
        }
        for at, head in enumerate(heads)
    ]
