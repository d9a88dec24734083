"""What is recorded beside photos about how they were prepared."""

from collections.abc import Callable
from pathlib import Path

from catdog.proto.caffe_pb2 import DatasetParameter, LayerParameter
from catdog.spec import read_message

DATASET_FILE = "dataset.yaml"

Locate = Callable[[str], Path]


def dataset_of(data: LayerParameter, locate: Locate) -> DatasetParameter | None:
    """What is recorded beside the data of a layer; None where nothing is."""
    source = source_of(data)
    if not source or not (record := locate(source) / DATASET_FILE).exists():
        return None
    return read_message(record, DatasetParameter()).message


def source_of(layer: LayerParameter) -> str:
    """The store or list that a data layer of photos names; empty where it names none."""
    return layer.data_param.source or layer.image_data_param.source
