"""CIFAR-10's batches, pickled and binary, down to the pixels; files that are none."""

import pickle

import numpy as np
import pytest

from catdog.data.build.cifar import CLASSES, find_cifar, read_cifar
from catdog.errors import DataError

TRAIN = [f"data_batch_{n}" for n in range(1, 6)]


def batches(each=4):
    """{name: (pixels, labels)} with other pixels in each."""
    rng = np.random.default_rng(0)
    return {
        name: (rng.integers(0, 256, (each, 3072), np.uint8), rng.integers(0, 10, each).tolist())
        for name in [*TRAIN, "test_batch"]
    }


def write_pickled(root, content, names=True):
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, (pixels, labels) in content.items():
        batch = {b"data": pixels, b"labels": labels, b"batch_label": name.encode()}
        if names:
            batch[b"filenames"] = [f"a_{at}.png".encode() for at in range(len(labels))]
        (folder / name).write_bytes(pickle.dumps(batch, 2))
    return folder


def write_binary(root, content):
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, (pixels, labels) in content.items():
        records = np.concatenate([np.array(labels, np.uint8)[:, None], pixels], 1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    return folder


@pytest.mark.parametrize("write", [write_pickled, write_binary])
def test_pixels_labels_and_parts(write, tmp_path):
    content = batches()
    folder = write(tmp_path, content)
    assert find_cifar(tmp_path) == find_cifar(folder) == folder
    listing = read_cifar(folder)
    assert listing.classes == list(CLASSES) == sorted(CLASSES)
    assert listing.validation is None
    assert [len(listing.train), len(listing.test)] == [20, 4]
    for photos, names in ((listing.train, TRAIN), (listing.test, ["test_batch"])):
        pixels = np.concatenate([content[name][0] for name in names])
        labels = [label for name in names for label in content[name][1]]
        assert [photo.label for photo in photos] == labels
        for photo, row in zip(photos, pixels, strict=True):
            red, green, blue = row.reshape(3, 32, 32)
            assert (photo.pixels == np.dstack([blue, green, red])).all()
    assert len({photo.name for photo in listing.train}) == 20


def test_names(tmp_path):
    assert (
        read_cifar(write_pickled(tmp_path / "a", batches())).train[5].name == "data_batch_2/a_1.png"
    )
    nameless = write_pickled(tmp_path / "b", batches(), names=False)
    assert read_cifar(nameless).train[5].name == "data_batch_2/00001"
    assert read_cifar(write_binary(tmp_path, batches())).test[3].name == "test_batch/00003"


def test_without_a_test_batch_and_without_any(tmp_path):
    folder = write_binary(tmp_path, batches())
    (folder / "test_batch.bin").unlink()
    assert read_cifar(folder).test is None
    (folder / "data_batch_1.bin").unlink()
    assert find_cifar(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data_batch_2", None, r"data_batch_2: cannot be read \(No such file"),
        ("data_batch_2", b"", "no pickle of plain values"),
        ("data_batch_2", pickle.dumps([1, 2]), "no batch of CIFAR-10: no dict with data"),
        ("data_batch_2", pickle.dumps({b"data": np.zeros((2, 9), np.uint8), b"labels": [1, 2]}),
         "no batch of CIFAR-10"),
        ("data_batch_2", pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]}),
         "has label 10, CIFAR-10 has 0 to 9"),
        ("data_batch_2", pickle.dumps({b"data": print}), "it names builtins.print"),
    ],
)  # fmt: skip
def test_faults_of_pickled_ones(name, content, words, tmp_path):
    folder = write_pickled(tmp_path, batches())
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_cifar(folder)
    assert caught.value.where == str(folder / name)


@pytest.mark.parametrize("length", [0, 3072, 3074])
def test_faults_of_binary_ones(length, tmp_path):
    folder = write_binary(tmp_path, batches())
    (folder / "data_batch_3.bin").write_bytes(bytes(length))
    with pytest.raises(DataError, match=f"{length} bytes are not pictures of 3073"):
        read_cifar(folder)
