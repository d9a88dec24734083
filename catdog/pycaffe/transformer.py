"""caffe.io.Transformer: pictures to a net's input and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.errors import did_you_mean
from catdog.pycaffe import glog
from catdog.pycaffe.resize import resize_image

Floats = NDArray[np.floating[Any]]


#: What the imagenet/ilsvrc_2012_mean.npy beside this module has at every pixel: the means of blue,
#: green and red that Caffe's own file has.
_IMAGENET = np.array([104.00698793, 116.66876762, 122.67891434])


class Transformer:
    """Prepares pictures for the inputs of a net.

    `preprocess` resizes an H x W x K picture to the input, transposes it (set_transpose), orders
    the channels (set_channel_swap), multiplies (set_raw_scale), subtracts the mean (set_mean) and
    multiplies again (set_input_scale); each step only if it was set. `deprocess` goes back.

    Args:
        inputs: shapes of the inputs, N x K x H x W, by name.

    Raises ValueError for settings that do not fit an input.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs = {name: tuple(shape) for name, shape in inputs.items()}
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, Floats] = {}
        self.input_scale: dict[str, float] = {}

    def preprocess(self, in_: str, data: NDArray[Any]) -> NDArray[np.float32]:
        """A picture, H x W x K, as the net takes it: K x H x W with the usual transpose."""
        self._check(in_)
        picture = np.asarray(data, np.float32)
        height, width = self.inputs[in_][2:]
        if picture.shape[:2] != (height, width):
            picture = resize_image(picture, (height, width))
        if in_ in self.transpose:
            picture = picture.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            picture = picture[list(self.channel_swap[in_])]
        # a new array: the caller's picture stays as it is
        result = picture * np.float32(self.raw_scale.get(in_, 1))
        if in_ in self.mean:
            result -= self.mean[in_]
        if in_ in self.input_scale:
            result *= np.float32(self.input_scale[in_])
        return result

    def deprocess(self, in_: str, data: NDArray[Any]) -> NDArray[np.float32]:
        """The picture of which `preprocess` made this input, in the input's size."""
        self._check(in_)
        picture = np.array(data, np.float32).squeeze()
        if in_ in self.input_scale:
            picture /= np.float32(self.input_scale[in_])
        if in_ in self.mean:
            picture += self.mean[in_]
        if in_ in self.raw_scale:
            picture /= np.float32(self.raw_scale[in_])
        if in_ in self.channel_swap:
            picture = picture[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            picture = picture.transpose(np.argsort(self.transpose[in_]))
        return picture

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """The order of the axes, such as (2, 0, 1) for H x W x K to K x H x W."""
        self._check(in_)
        if len(order) != len(self.inputs[in_]) - 1:
            raise ValueError(f"the transpose {order} does not have the input's number of axes")
        self.transpose[in_] = order

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """The order of the channels, such as (2, 1, 0) for RGB to BGR; needs the transpose."""
        self._check(in_)
        if len(order) != self.inputs[in_][1]:
            raise ValueError(f"the channel swap {order} does not have the input's channels")
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """A factor before the mean, such as 255 for a mean of bytes and pictures from 0 to 1."""
        self._check(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: Floats) -> None:
        """The mean to subtract: a number for each channel, or K x H x W.

        A mean picture of another size is resized.
        """
        self._check(in_)
        _, channels, height, width = (*self.inputs[in_], 1, 1)[:4]
        picture = np.asarray(mean)
        if picture.ndim == 3 and np.array_equal(picture[:, 0, 0], _IMAGENET):
            glog.warning(
                "the ilsvrc_2012_mean.npy that comes along has the mean of each channel at every "
                "pixel: for Caffe's mean picture give Caffe's own file"
            )
        if picture.ndim == 1:
            if len(picture) != channels:
                raise ValueError(f"a mean of {len(picture)} channels for an input of {channels}")
            picture = picture[:, None, None]
        elif picture.ndim not in (2, 3):
            raise ValueError(f"the mean has shape {picture.shape}")
        elif (1,) * (3 - picture.ndim) + picture.shape != tuple(self.inputs[in_][1:]):
            planes = picture.reshape(-1, *picture.shape[-2:]).transpose(1, 2, 0)
            picture = resize_image(planes, (height, width)).transpose(2, 0, 1)
        self.mean[in_] = picture

    def set_input_scale(self, in_: str, scale: float) -> None:
        """A factor after the mean."""
        self._check(in_)
        self.input_scale[in_] = scale

    def _check(self, in_: str) -> None:
        if in_ not in self.inputs:
            remedy = did_you_mean(in_, self.inputs) or f"it has {', '.join(self.inputs)}"
            raise ValueError(f'"{in_}" is no input of the net; {remedy}')
