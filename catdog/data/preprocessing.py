"""What is recorded beside photos about how they were prepared."""

from collections.abc import Callable, Sequence
from pathlib import Path

from catdog.data.datum import read_example
from catdog.data.lmdb_store import BUILT
from catdog.data.records import Records
from catdog.data.store_names import is_store, stores_of
from catdog.proto.caffe_pb2 import DatasetParameter, LayerParameter
from catdog.spec import read_message

DATASET_FILE = "dataset.yaml"

_COUNTS = ("per_class_train", "per_class_validation", "per_class_test")

Locate = Callable[[str], Path]


def dataset_of(data: LayerParameter, locate: Locate) -> DatasetParameter | None:
    """What is recorded beside the data of a layer; None where nothing is."""
    source = source_of(data)
    return dataset_at(locate(source)) if source else None


def dataset_at(path: Path) -> DatasetParameter | None:
    """What is recorded beside an LMDB, or beside shards or the first of them; None for nothing."""
    record = path / DATASET_FILE
    if not path.is_dir() and is_store(path):
        record = stores_of(path)[0] / DATASET_FILE
    return read_message(record, DatasetParameter()).message if record.exists() else None


def stored_dataset(reader: Records) -> DatasetParameter:
    """What the shape of its pictures alone tells of how those of an LMDB were prepared."""
    channels, height, width = read_example(reader.first()).array.shape
    order = DatasetParameter.GRAY if channels == 1 else DatasetParameter.BGR
    return DatasetParameter(width=width, height=height, channel_order=order)


def pictures_of(dataset: DatasetParameter, part: str) -> int:
    """How many pictures are recorded for the LMDB of a name; 0 for other names."""
    counts = dataset.count.train, dataset.count.validation, dataset.count.test
    return dict(zip(BUILT, counts, strict=True)).get(part, 0)


def per_class(dataset: DatasetParameter, part: str) -> Sequence[int]:
    """How many pictures of each class are recorded for the LMDB of a name; none for other names."""
    field = dict(zip(BUILT, _COUNTS, strict=True)).get(part)
    return getattr(dataset.count, field) if field else ()


def source_of(layer: LayerParameter) -> str:
    """The store or list that a data layer of photos names; empty where it names none."""
    return layer.data_param.source or layer.image_data_param.source
