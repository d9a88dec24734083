"""Notes and warnings about the data, before the first iteration."""

from collections.abc import Iterator

from catdog.data.preprocessing import dataset_of
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import TRAIN, DatasetParameter, LayerParameter
from catdog.solver.events import Noted, Warned

#: A class with less than this part of an equal share is warned of.
_SCARCE = 0.2
#: So is a crop that shows less than this part of the picture.
_NARROW = 0.4


def advice(net: ResolvedNet) -> Iterator[Noted | Warned]:
    """The number of examples of each class, and what may be wrong with the data of a net."""
    for layer in net.data_layers:
        dataset = dataset_of(layer, net.locate)
        if dataset is not None:
            if not layer.data_param.index_file:
                yield from _classes(dataset, train=net.state.phase == TRAIN)
            yield from _crop(layer, dataset)


def _classes(dataset: DatasetParameter, *, train: bool) -> Iterator[Noted | Warned]:
    count = dataset.count
    numbers = count.per_class_train if train else count.per_class_validation
    if not numbers or len(numbers) != len(dataset.class_name):
        return
    named = list(zip(numbers, dataset.class_name, strict=True))
    phase = "train" if train else "validation"
    yield Noted(f"{phase} data: " + ", ".join(f"{number} {name}" for number, name in named))
    scarce = [name for number, name in named if number < _SCARCE * sum(numbers) / len(numbers)]
    if scarce:
        yield Warned(
            f"few {phase} examples of {', '.join(scarce)}: a net may do well by never naming them"
        )


def _crop(layer: LayerParameter, dataset: DatasetParameter) -> Iterator[Warned]:
    size, stored = layer.transform_param.crop_size, dataset.width * dataset.height
    part = size * size / stored if stored else 1
    if size and part < _NARROW:
        yield Warned(
            f"crop_size {size} shows {part:.0%} of the stored {dataset.width} x {dataset.height} "
            f"pictures; to see all of them, build the data with size {size}"
        )
