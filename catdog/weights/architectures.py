"""Nets of the PyTorch world whose weights are known: names there, and here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: Red, green, blue.
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class LayerTensors:
    """A layer, the prefix of its tensors and, if one follows, that of its batch normalisation.

    `widened` kernels get a row and a column of zeros at the top and the left: TensorFlow's
    padding "same" with stride 2 has one pixel less there, and Caffe's is alike on all sides.
    """

    layer: str
    tensors: str
    norm: str = ""
    widened: bool = False


@dataclass(frozen=True)
class Architecture:
    """The layers of a net with weights, first one first, and what it expects of its pictures.

    They are RGB from 0 to 255, minus `mean`, divided by `deviation`. `fraction` of the running
    statistics stayed in each step of the training. The first layer has `width` outputs, the
    last one `classes`.
    """

    name: str
    parts: tuple[LayerTensors, ...]
    mean: Colour = (123.675, 116.28, 103.53)
    deviation: Colour = (58.395, 57.12, 57.375)
    fraction: float = 0.9
    width: int = 64
    classes: int = 1000
    widths: tuple[tuple[LayerTensors, int], ...] = ()

    @property
    def prefixes(self) -> frozenset[str]:
        """What the names of the tensors begin with, up to the last dot."""
        return frozenset(name for part in self.parts for name in (part.tensors, part.norm) if name)

    @property
    def layers(self) -> frozenset[str]:
        """The layers that tell it from other nets: all but the last, which has a name for itself
        where the classes are others.
        """
        norms = {f"{part.layer}_bn" for part in self.parts if part.norm}
        return frozenset({part.layer for part in self.parts[:-1]} | norms)


def _alexnet() -> Iterator[LayerTensors]:
    for number, index in enumerate((0, 3, 6, 8, 10), 1):
        yield LayerTensors(f"conv{number}", f"features.{index}")
    yield from _classifier(1, 4, 6)


def _classifier(*indices: int) -> Iterator[LayerTensors]:
    for number, index in enumerate(indices, 6):
        yield LayerTensors(f"fc{number}", f"classifier.{index}")


def _vgg(stages: tuple[int, ...], *, norm: bool) -> Iterator[LayerTensors]:
    """Simonyan and Zisserman 2014; a convolution is followed by ReLU, a stage by pooling."""
    index = 0
    for stage, convolutions in enumerate(stages, 1):
        for number in range(1, convolutions + 1):
            after = f"features.{index + 1}" if norm else ""
            yield LayerTensors(f"conv{stage}_{number}", f"features.{index}", after)
            index += 3 if norm else 2
        index += 1
    yield from _classifier(0, 3, 6)


def _squeezenet1_1() -> Iterator[LayerTensors]:
    """Iandola and others 2016; the names are those of its authors' Caffe net."""
    yield LayerTensors("conv1", "features.0")
    for number, index in enumerate((3, 4, 6, 7, 9, 10, 11, 12), 2):
        for name, there in (("squeeze1x1", "squeeze"), ("expand1x1",) * 2, ("expand3x3",) * 2):
            yield LayerTensors(f"fire{number}/{name}", f"features.{index}.{there}")
    yield LayerTensors("conv10", "classifier.1")


def _resnet(blocks: tuple[int, ...], convolutions: int) -> Iterator[LayerTensors]:
    """He and others 2015; a block of three convolutions is a bottleneck."""
    yield LayerTensors("conv1", "conv1", "bn1")
    for stage, count in enumerate(blocks, 1):
        for block in range(count):
            here, there = f"layer{stage}_{block}", f"layer{stage}.{block}"
            for number in range(1, convolutions + 1):
                yield LayerTensors(
                    f"{here}_conv{number}", f"{there}.conv{number}", f"{there}.bn{number}"
                )
            if block == 0 and (stage > 1 or convolutions == 3):
                yield LayerTensors(
                    f"{here}_shortcut", f"{there}.downsample.0", f"{there}.downsample.1"
                )
    yield LayerTensors("fc", "fc")


def _efficientnet_lite(depths: tuple[int, ...], halving: tuple[int, ...]) -> Iterator[LayerTensors]:
    """Tan and Le 2019 without squeeze and excitation; the names are those of the PyPI packages.

    `depths` are the blocks of each stage. Stages of `halving` have a stride of 2 on pictures of an
    even size, for which TensorFlow's padding is not the same on all sides.
    """
    yield LayerTensors("stem", "_conv_stem", "_bn0", widened=True)
    first = {sum(depths[:stage]) for stage in halving}
    for block in range(sum(depths)):
        here, there = f"block{block}", f"_blocks.{block}"
        if block:
            yield LayerTensors(f"{here}_expand", f"{there}._expand_conv", f"{there}._bn0")
        wide = block in first
        yield LayerTensors(f"{here}_depthwise", f"{there}._depthwise_conv", f"{there}._bn1", wide)
        yield LayerTensors(f"{here}_project", f"{there}._project_conv", f"{there}._bn2")
    yield LayerTensors("head", "_conv_head", "_bn1")
    yield LayerTensors("fc", "_fc")


def _lite(
    number: int, depths: tuple[int, ...], halving: tuple[int, ...], fourth: int = 0
) -> Architecture:
    """EfficientNet-Lite; `fourth` is the width of its block 4, where that tells it from another."""
    block = LayerTensors("block4_project", "_blocks.4._project_conv")
    return Architecture(
        f"efficientnet_lite{number}",
        tuple(_efficientnet_lite(depths, halving)),
        mean=(127.0, 127.0, 127.0),
        deviation=(128.0, 128.0, 128.0),
        fraction=0.99,
        width=32,
        widths=((block, fourth),) if fourth else (),
    )


_FC = ("fc6", "fc7", "fc8")
_STAGES = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}

ARCHITECTURES = (
    Architecture("alexnet", tuple(_alexnet())),
    *(Architecture(name, tuple(_vgg(s, norm=False))) for name, s in _STAGES.items()),
    *(Architecture(f"{name}_bn", tuple(_vgg(s, norm=True))) for name, s in _STAGES.items()),
    Architecture("squeezenet1_1", tuple(_squeezenet1_1())),
    Architecture("resnet18", tuple(_resnet((2, 2, 2, 2), 2))),
    Architecture("resnet50", tuple(_resnet((3, 4, 6, 3), 3))),
    # stages 1, 2, 3 and 5 halve: 112, 56, 28 and 14 pixels; 120, 60, 30 and 15; 130, 65, 33 and 17
    _lite(0, (1, 2, 2, 3, 3, 4, 1), (1, 2, 3, 5)),
    _lite(1, (1, 3, 3, 4, 4, 5, 1), (1, 2, 3), fourth=40),
    _lite(2, (1, 3, 3, 4, 4, 5, 1), (1,), fourth=48),
)

#: BVLC's reference model, whose weights come in a file of Caffe's.
CAFFENET = Architecture(
    "caffenet",
    tuple(LayerTensors(name, "") for name in (*(f"conv{i}" for i in range(1, 6)), *_FC)),
    width=96,
)

#: All of them by name.
KNOWN = {known.name: known for known in (*ARCHITECTURES, CAFFENET)}


def known_net(outputs: Mapping[str, int]) -> str:
    """The name of the known net that has these layers, each with its number of outputs; or none."""
    fitting = [
        known
        for known in KNOWN.values()
        if known.layers <= outputs.keys()
        and outputs[known.parts[0].layer] == known.width
        and all(outputs[part.layer] == width for part, width in known.widths)
    ]
    return max(fitting, key=lambda known: len(known.layers)).name if fitting else ""
