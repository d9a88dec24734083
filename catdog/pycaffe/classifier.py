"""caffe.Classifier: a net that takes pictures and gives class probabilities."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.proto.caffe_pb2 import TEST
from catdog.pycaffe import io
from catdog.pycaffe.net import Net

Floats = NDArray[np.floating[Any]]
Path = str | os.PathLike[str]


class Preparation:
    """The settings that Classifier and Detector give to an input's Transformer."""

    def __init__(
        self,
        mean: Floats | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        self.mean, self.channel_swap = mean, channel_swap
        self.input_scale, self.raw_scale = input_scale, raw_scale

    def transformer(self, name: str, shape: Sequence[int]) -> io.Transformer:
        """The Transformer of an input for H x W x K pictures."""
        made = io.Transformer({name: shape})
        made.set_transpose(name, (2, 0, 1))
        if self.mean is not None:
            made.set_mean(name, self.mean)
        if self.input_scale is not None:
            made.set_input_scale(name, self.input_scale)
        if self.raw_scale is not None:
            made.set_raw_scale(name, self.raw_scale)
        if self.channel_swap is not None:
            made.set_channel_swap(name, self.channel_swap)
        return made


class Classifier(Net):
    """A deploy net with one input, for pictures H x W x K.

    Args:
        image_dims: height and width that pictures get before they are cropped to the input;
            the input's own by default.
        mean, input_scale, raw_scale, channel_swap: as in Transformer.
    """

    def __init__(
        self,
        model_file: Path,
        pretrained_file: Path,
        image_dims: Sequence[int] | None = None,
        mean: Floats | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        name = self.inputs[0]
        shape = self.blobs[name].shape
        preparation = Preparation(mean, input_scale, raw_scale, channel_swap)
        self.transformer = preparation.transformer(name, shape)
        self.crop_dims = np.array(shape[2:])
        self.image_dims = np.array(self.crop_dims if image_dims is None else image_dims)

    def predict(self, inputs: Sequence[Floats], oversample: bool = True) -> NDArray[np.float32]:
        """Probabilities of pictures, N x C.

        Each is the mean over ten crops (corners, middle, mirrored) or, without `oversample`, that
        of the crop in the middle.
        """
        resized = [io.resize_image(picture, self.image_dims) for picture in inputs]
        crops = io.oversample(resized, self.crop_dims) if oversample else self._middle(resized)
        name = self.inputs[0]
        data = [self.transformer.preprocess(name, crop) for crop in crops]
        arrays: dict[str, Any] = {name: np.asarray(data)}
        predictions = self.forward_all(**arrays)[self.outputs[0]]
        if not oversample:
            return predictions
        tens = predictions.reshape(len(predictions) // 10, 10, -1)
        return np.asarray(tens.mean(1), np.float32)

    def _middle(self, pictures: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        height, width = (int(extent) for extent in self.crop_dims)
        top, left = (int(rest) // 2 for rest in self.image_dims - self.crop_dims)
        return [picture[top : top + height, left : left + width] for picture in pictures]
