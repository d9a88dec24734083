"""Layers in Python that the tests put into nets by the name of this module."""

# ruff: noqa: ARG002 the arguments are Caffe's

import json

import caffe
import numpy as np


class Ten(caffe.Layer):
    """Ten times the bottom."""

    def setup(self, bottom, top):
        if len(bottom) != 1:
            raise ValueError("one bottom, please")

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = 10 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].diff[...] = 10 * top[0].diff


class Weighted(caffe.Layer):
    """The bottom times one learned number; counts its passes."""

    def setup(self, bottom, top):
        self.blobs.add_blob(1)
        self.blobs[0].data[0] = json.loads(self.param_str)["begin"]
        self.passes = 0

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        self.passes += 1
        top[0].data[...] = bottom[0].data * self.blobs[0].data

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += (top[0].diff * bottom[0].data).sum()
        if propagate_down[0]:
            bottom[0].diff[...] = top[0].diff * self.blobs[0].data


class Distance(caffe.Layer):
    """Half the squared distance of two blobs, as a loss."""

    def reshape(self, bottom, top):
        self.difference = np.zeros_like(bottom[0].data)
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.difference[...] = bottom[0].data - bottom[1].data
        top[0].data[...] = (self.difference**2).sum() / bottom[0].num / 2

    def backward(self, top, propagate_down, bottom):
        for index, sign in enumerate((1, -1)):
            if propagate_down[index]:
                bottom[index].diff[...] = sign * self.difference / bottom[index].num


class Phase(caffe.Layer):
    """The phase as a number."""

    def reshape(self, bottom, top):
        top[0].reshape()

    def forward(self, bottom, top):
        top[0].data[()] = self.phase


class Broken(caffe.Layer):
    """Raises in setup."""

    def setup(self, bottom, top):
        raise RuntimeError


class BrokenLater(Ten):
    """Raises in the forward pass."""

    def forward(self, bottom, top):
        raise ZeroDivisionError("on purpose")
