"""What layers share that act on each element by itself (caffe/layers/neuron_layer.hpp)."""

from catdog.layers.base import Family, Layer
from catdog.spec.shape import Shape


class Elementwise(Layer):
    """A function of each element, without parameters unless a subclass says otherwise."""

    family = Family.ACTIVATION
    passes_statistics = True

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # to run one without numbers, torch imports its compiler, which takes seconds
        return list(shapes)

    def per_example(self) -> bool:
        return True
