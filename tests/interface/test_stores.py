"""An LMDB as a torch Dataset: what it gives, in which process."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.transforms import v2

import catdog
from catdog.data.build.dataset import create
from catdog.data.build.synthetic import draw_sample
from catdog.data.datum import array_to_datum
from catdog.data.feed import Feed
from catdog.data.sources import Context, open_source
from catdog.errors import CatdogError, DataError
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, DatasetParameter
from catdog.spec import net_state
from tests.data.sources.build import write_values

NET = """
layer:
- name: data
  type: Data
  top: [data, label]
  transform_param: {crop_size: 10, mean_file: mean.binaryproto, scale: 0.5, mirror: MIRROR}
  data_param: {source: train_lmdb, batch_size: 4, backend: LMDB}
- {name: fc, type: InnerProduct, bottom: data, top: fc, inner_product_param: {num_output: 2}}
- {name: loss, type: SoftmaxWithLoss, bottom: [fc, label], top: loss}
"""

#: Newer Pythons warn of what forks while threads run; a DataLoader does so by default.
FORK = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    draw_sample(folder / "input", train=18, test=1, seed=3)
    create(folder / "input", folder, DatasetParameter(width=12, height=12, validation_every=6))
    (folder / "net.yaml").write_text(NET.replace("MIRROR", "false"))
    (folder / "mirror.yaml").write_text(NET.replace("MIRROR", "true"))
    return folder


@pytest.fixture
def store(built):
    return catdog.open_store(built / "train_lmdb")


def test_pictures_are_rgb_and_labels_numbers(store, built):
    assert len(store) == 15
    assert store.classes == ["cat", "dog"]
    picture, label = store[3]
    assert (picture.dtype, tuple(picture.shape)) == (torch.uint8, (3, 12, 12))
    assert np.array_equal(picture.numpy(), store.example(3).array[::-1])
    assert label == store.classes.index(Path(store.key(3).partition("_")[2]).name[:3])
    assert torch.equal(store[-12][0], picture)
    picture.zero_()
    assert store[3][0].any()
    for beyond in (15, -16):
        with pytest.raises(IndexError, match="15 photos"):
            store[beyond]
    assert len(list(store)) == 15
    assert repr(store) == f"<PhotoStore {built / 'train_lmdb'}: 15 of 3 x 12 x 12, 2 classes>"


@FORK
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_takes_it(store, workers):
    expected = torch.stack([picture for picture, _ in store])
    loader = DataLoader(store, batch_size=4, num_workers=workers)
    pictures, labels = zip(*loader, strict=True)
    assert torch.equal(torch.cat(pictures), expected)
    assert torch.cat(labels).tolist() == [label for _, label in store]


def test_it_is_pickled_without_its_files(store):
    again = pickle.loads(pickle.dumps(store))
    assert torch.equal(again[4][0], store[4][0])
    assert again.classes == store.classes


@FORK
def test_a_forked_child_reads_on(store):
    expected = [store[at][0].sum().item() % 251 for at in range(3)]
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, bytes(store[at][0].sum().item() % 251 for at in range(3)))
        os._exit(0)
    os.waitpid(child, 0)
    assert list(os.read(read, 3)) == expected
    os.close(read)
    os.close(write)
    assert [store[at][0].sum().item() % 251 for at in range(3)] == expected


def test_transforms_of_torchvision(built):
    change = v2.Compose([v2.Resize((6, 6)), v2.ToDtype(torch.float32, scale=True)])
    picture, _ = catdog.open_store(built / "train_lmdb", change)[0]
    assert (picture.dtype, tuple(picture.shape)) == (torch.float32, (3, 6, 6))
    assert 0 <= picture.min() <= picture.max() <= 1


@FORK
def test_prepared_as_the_net_is_fed(built):
    spec = catdog.read_net(built / "net.yaml")
    resolved = resolve(spec, net_state(TEST))
    context = Context(TEST, locate=spec.locate)
    feed = Feed([open_source(each, context) for each in resolved.data_layers])
    with feed:
        batches = list(feed.one_pass())
    for net in (spec, built / "net.yaml"):
        store = catdog.open_store(built / "train_lmdb", prepared_for=net)
        pictures = torch.stack([picture for picture, _ in store])
        assert torch.equal(pictures, torch.cat([batch["data"] for batch in batches]))
        (found,) = DataLoader(pickle.loads(pickle.dumps(store)), batch_size=15, num_workers=1)
        assert torch.equal(found[0], pictures)
    halved = catdog.open_store(built / "train_lmdb", torch.Tensor.half, prepared_for=spec)
    assert halved[0][0].dtype == torch.float16


def test_crops_of_the_training_are_drawn_anew(built):
    store = catdog.open_store(
        built / "train_lmdb", prepared_for=built / "mirror.yaml", phase="TRAIN"
    )
    torch.manual_seed(3)
    first = [store[0][0] for _ in range(8)]
    assert len({each.numpy().tobytes() for each in first}) > 3
    torch.manual_seed(3)
    assert all(torch.equal(store[0][0], each) for each in first)


def test_what_does_not_fit(built, tmp_path):
    with pytest.raises(DataError, match="no such LMDB"):
        catdog.open_store(tmp_path / "none")
    large = tmp_path / "large.yaml"
    plain = NET.replace("mean_file: mean.binaryproto, ", "").replace("MIRROR", "true")
    large.write_text(plain.replace("crop_size: 10", "crop_size: 20"))
    with pytest.raises(DataError, match="crop_size 20 is larger than the data"):
        catdog.open_store(built / "train_lmdb", prepared_for=large)
    mixing = tmp_path / "mixing.yaml"
    mixing.write_text(large.read_text().replace("scale: 0.5", "augment_param: {rotate: 5}"))
    with pytest.raises(CatdogError, match=r"mixing\.yaml:3:3: augment_param is drawn for whole"):
        catdog.open_store(built / "train_lmdb", prepared_for=mixing, phase="TRAIN")
    bare = tmp_path / "bare.yaml"
    bare.write_text("layer: [{name: a, type: DummyData, top: a, include: {phase: TEST}}]")
    with pytest.raises(CatdogError, match="has no data layer in the TRAIN phase"):
        catdog.open_store(built / "train_lmdb", prepared_for=bare, phase="TRAIN")


def test_other_pictures_and_labels(tmp_path):
    floats = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    grey = np.arange(4, dtype=np.uint8).reshape(1, 2, 2)
    several = array_to_datum(grey, 0)
    several.labels.extend([0.0, 1.0, 0.5])
    for name, datum in (("floats", array_to_datum(floats, 1)), ("several", several)):
        write_values(tmp_path / name, [(b"0", datum.SerializeToString())])
    ((picture, label),) = catdog.open_store(tmp_path / "floats")
    assert (label, picture.tolist()) == (1, floats.tolist())
    store = catdog.open_store(tmp_path / "several")
    assert (store.classes, store[0][1].tolist()) == ([], [0.0, 1.0, 0.5])
    assert store[0][0].tolist() == grey.tolist()
