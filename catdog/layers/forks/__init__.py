"""Layers of Caffe's forks, a module for each family of them.

A module has a TABLE of the types that Caffe has not, as Caffe's families have, and where a fork
gave a type of Caffe, or of another fork, a meaning of its own, VARIANTS: for the type a function
that gives the class for a layer's message and shapes, or None where the layer is not the fork's.
"""

from collections.abc import Callable, Sequence

from catdog.layers.base import Layer
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape

Choice = Callable[[LayerParameter, Sequence[Shape]], type[Layer] | None]
