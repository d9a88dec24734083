"""What layers share that act on each element by itself (caffe/layers/neuron_layer.hpp)."""

from catdog.layers.base import Family, Layer


class Elementwise(Layer):
    """A function of each element, without parameters unless a subclass says otherwise."""

    family = Family.ACTIVATION
    passes_statistics = True

    def per_example(self) -> bool:
        return True
