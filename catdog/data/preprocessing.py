"""What is recorded beside photos about how they were prepared."""

from collections.abc import Callable, Sequence
from pathlib import Path

from catdog.data.datum import read_example
from catdog.data.lmdb_store import BUILT, Reader
from catdog.proto.caffe_pb2 import DatasetParameter, LayerParameter
from catdog.spec import read_message

DATASET_FILE = "dataset.yaml"

_COUNTS = ("per_class_train", "per_class_validation", "per_class_test")

Locate = Callable[[str], Path]


def dataset_of(data: LayerParameter, locate: Locate) -> DatasetParameter | None:
    """What is recorded beside the data of a layer; None where nothing is."""
    source = source_of(data)
    if not source or not (record := locate(source) / DATASET_FILE).exists():
        return None
    return read_message(record, DatasetParameter()).message


def stored_dataset(reader: Reader) -> DatasetParameter:
    """What the shape of its pictures alone tells of how those of an LMDB were prepared."""
    channels, height, width = read_example(reader.first()).array.shape
    order = DatasetParameter.GRAY if channels == 1 else DatasetParameter.BGR
    return DatasetParameter(width=width, height=height, channel_order=order)


def per_class(dataset: DatasetParameter, part: str) -> Sequence[int]:
    """How many pictures of each class are recorded for the LMDB of a name; none for other names."""
    field = dict(zip(BUILT, _COUNTS, strict=True)).get(part)
    return getattr(dataset.count, field) if field else ()


def source_of(layer: LayerParameter) -> str:
    """The store or list that a data layer of photos names; empty where it names none."""
    return layer.data_param.source or layer.image_data_param.source
