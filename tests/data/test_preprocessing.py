"""Which data layers name photos, and what is recorded beside these."""

from pathlib import Path

import pytest
from google.protobuf import text_format

from catdog.data.preprocessing import dataset_of, source_of
from catdog.proto.caffe_pb2 import LayerParameter

STORE = 'type: "Data" data_param { source: "train_lmdb" }'
LIST = 'type: "ImageData" image_data_param { source: "photos.txt" }'
MEMORY = 'type: "MemoryData" memory_data_param { batch_size: 1 }'


def layer(text: str) -> LayerParameter:
    return text_format.Parse(text, LayerParameter())


@pytest.mark.parametrize(
    ("text", "source"), [(STORE, "train_lmdb"), (LIST, "photos.txt"), (MEMORY, "")]
)
def test_a_store_and_a_list_are_sources_of_photos(text: str, source: str) -> None:
    assert source_of(layer(text)) == source


def test_the_record_lies_in_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "train_lmdb"
    folder.mkdir()
    assert dataset_of(layer(STORE), tmp_path.joinpath) is None
    (folder / "dataset.yaml").write_text("{width: 24, class_name: [cat, dog]}")
    (tmp_path / "dataset.yaml").write_text("width: 7")
    found = dataset_of(layer(STORE), tmp_path.joinpath)
    assert found is not None
    assert (found.width, list(found.class_name)) == (24, ["cat", "dog"])
    assert dataset_of(layer(MEMORY), tmp_path.joinpath) is None
