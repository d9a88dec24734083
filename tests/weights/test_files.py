"""Weight files of all kinds: read by content, written by name, wrong ones refused."""

import argparse
import json
import pickle
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import CatdogError, Unwritable, WeightsError
from catdog.proto.caffe_pb2 import BlobProto, NetParameter
from catdog.weights import Weights, read_weights, weights_of, write_weights
from tests.weights.nets import FORMATS, SHARED, assert_same, flat, net

NAMES = ["w.caffemodel", "w.caffemodel.h5", "w.hdf5", "w.safetensors", "w.pt", "w.pth"]


def carrying() -> NetParameter:
    message = NetParameter()
    message.CopyFrom(net().message)
    message.dataset.class_name.extend(["cat", "dog"])
    message.mean.CopyFrom(BlobProto(data=[1, 2]))
    message.deploy.name = "deploy"
    return message


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other_name", [False, True])
def test_what_is_written_is_read(tmp_path, name, other_name):
    weights = weights_of(net(), carrying())
    path = tmp_path / "folder" / name
    write_weights(path, weights)
    if other_name:
        path = path.rename(tmp_path / "weights")
    found = read_weights(path)
    assert_same(found, weights)
    assert found.net == weights.net
    assert found.net.deploy.name == "deploy"
    assert found.source == str(path)
    assert len(list(tmp_path.rglob("*w*.*"))) + other_name == 1


@given(st.sampled_from([".caffemodel", ".h5", ".safetensors", ".pt"]), st.data())
def test_arrays_of_any_shape_come_back(tmp_path_factory, suffix, data):
    shapes = data.draw(st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=3))
    rng = np.random.default_rng(0)
    blobs = [rng.standard_normal(shape).astype(np.float32).reshape(shape) for shape in shapes]
    path = tmp_path_factory.mktemp("any") / f"x{suffix}"
    write_weights(path, Weights({"a.1/b c": blobs}))
    assert_same(read_weights(path), Weights({"a.1/b c": blobs}))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_fails_leaves_the_old_one(tmp_path, name, monkeypatch):
    path = tmp_path / name
    write_weights(path, weights_of(net(seed=1)))
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for module in ("caffemodel.write", "hdf5.write", "tensors.write_safetensors",
                   "tensors.write_torch"):  # fmt: skip
        monkeypatch.setattr(f"catdog.weights.{module}", fail)
    with pytest.raises(CatdogError, match="No space left"):
        write_weights(path, weights_of(net(seed=2)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def short_disk(size: int) -> Iterator[None]:
    """No file becomes longer than this, as on a disk that has no more room."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)


@pytest.mark.parametrize("name", ["w.caffemodel", "w.safetensors", "w.pt"])
def test_a_disk_that_ends_is_one_line(tmp_path, name):
    large = Weights({"ip": [np.zeros((100, 1000), np.float32)]})
    with short_disk(100_000), pytest.raises(Unwritable, match=f"{name}: cannot be written: File"):
        write_weights(tmp_path / name, large)
    assert not list(tmp_path.iterdir())


def refused(path) -> WeightsError:
    with pytest.raises(WeightsError) as error:
        read_weights(path)
    assert error.value.where == str(path)
    assert error.value.remedy
    assert "\n" not in str(error.value)
    return error.value


def test_a_file_that_is_not_there(tmp_path):
    (tmp_path / "model.caffemodel").touch()
    assert "model.caffemodel" in refused(tmp_path / "modell.caffemodel").remedy


def test_folders(tmp_path):
    assert refused(tmp_path).what == "is a folder"
    (tmp_path / "data.mdb").touch()
    assert refused(tmp_path).what == "is an LMDB, not weights"


WRONG = {
    "empty": (b"", "is empty"),
    "prototxt": (b'layer { name: "ip" }', "is the text of a net, not its weights"),
    "page": ("<html>Überlastet</html>".encode(), "is text, not weights"),
    "noise": (bytes(range(255, 100, -1)) * 9, "is no weight file, or a damaged one"),
    "net": (NetParameter(name="n").SerializeToString() + b"\x28\x00", "holds no weights"),
    "counts": (
        NetParameter(layer=[{"name": "a", "blobs": [{"data": [1], "shape": {"dim": [2]}}]}])
        .SerializeToString(),
        "is damaged: a blob of shape 2 holds 1 values",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_files_that_are_no_weights(tmp_path, kind):
    content, what = WRONG[kind]
    path = tmp_path / "x.caffemodel"
    path.write_bytes(content)
    assert refused(path).what == what


@pytest.mark.parametrize("name", ["model.solverstate", "model.solverstate.h5"])
def test_a_solver_state_is_told_from_weights(tmp_path, name):
    path = tmp_path / "x.caffemodel"
    shutil.copy(FORMATS / name, path)
    error = refused(path)
    assert error.what == "is a solver state, not weights"
    assert "--snapshot" in error.remedy


def test_a_mean_is_told_from_weights():
    assert "mean" in refused(FORMATS / "mean.binaryproto").what


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", [0.05, 0.5, 0.98])
def test_truncated_files(tmp_path, name, part):
    whole, path = tmp_path / name, tmp_path / f"cut-{name}"
    write_weights(whole, weights_of(net()))
    content = whole.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    refused(path)


def test_hdf5_of_another_layout(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 3))
    assert refused(path).what == "has no weights under /data/LAYER/0"


def test_hdf5_with_a_link_that_leads_nowhere(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["data/a/0"] = h5py.SoftLink("/nowhere")
    assert refused(path).what == "is damaged or cut short"


def test_hdf5_with_groups_in_a_circle(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["data/a/b"] = file.create_group("data/a")
    assert refused(path).what == "its groups are in a circle"


class Harmful:
    def __reduce__(self):
        return (exec, ("raise SystemExit('was executed')",))


def test_nothing_in_a_file_is_executed(tmp_path):
    zipped, plain = tmp_path / "x.pt", tmp_path / "y.pt"
    torch.save({"a.0": Harmful()}, zipped)
    plain.write_bytes(pickle.dumps({"a.0": Harmful()}, protocol=2))
    assert "weights alone" in refused(zipped).what
    assert "weights alone" in refused(plain).what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"conv1.weight": torch.zeros(1)}, 'tensor "conv1.weight" is not named LAYER.NUMBER'),
        ({"state_dict": {"a": 1}}, "holds no named tensors"),
        ({"state_dict": {}}, "holds no named tensors"),
        ([torch.zeros(1)], "holds no named tensors"),
    ],
)
def test_state_dicts_of_another_kind(tmp_path, content, what):
    path = tmp_path / "x.pt"
    torch.save(content, path)
    assert refused(path).what == what


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state", "model_state_dict"])
@pytest.mark.parametrize("wrapper", ["", "module.", "module._orig_mod."])
def test_a_checkpoint_around_a_state_dict(tmp_path, key, wrapper):
    path = tmp_path / "x.pt"
    state = {f"{wrapper}{name}": torch.full((2,), 7.0) for name in ("conv.1.0", "module.0")}
    rest = {"epoch": 3, "args": argparse.Namespace(lr=0.1), "optimizer": {"state": {0: {}}}}
    torch.save({key: state, **rest}, path)
    blobs = read_weights(path).blobs
    assert list(blobs) == ["conv.1", "module"]
    np.testing.assert_array_equal(blobs["conv.1"][0], [7, 7])


def test_a_layer_that_is_called_as_a_wrapper(tmp_path):
    path = tmp_path / "x.safetensors"
    write_weights(path, Weights({"module": [np.ones(2, np.float32)]}))
    assert list(read_weights(path).blobs) == ["module"]


def test_half_precision_becomes_single(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"a.0": torch.tensor([0.5, 2], dtype=torch.bfloat16)}, path)
    (array,) = read_weights(path).blobs["a"]
    assert array.dtype == np.float32
    assert array.tolist() == [0.5, 2]


def test_a_name_says_the_form(tmp_path):
    with pytest.raises(WeightsError, match=r"end the name with \.caffemodel, \.h5"):
        write_weights(tmp_path / "weights.txt", weights_of(net()))


def test_a_caffemodel_has_room_for_two_gibibytes(tmp_path):
    huge = np.broadcast_to(np.float32(0), (2**29 + 1,))
    with pytest.raises(WeightsError, match=r"2\.0 GiB.*\.h5") as error:
        write_weights(tmp_path / "x.caffemodel", Weights({"a": [huge]}))
    assert error.value.where == str(tmp_path / "x.caffemodel")
    assert not list(tmp_path.iterdir())


def test_shared_blobs_whose_owner_is_not_known_are_no_caffemodel(tmp_path):
    weights = Weights({"a": [None, np.zeros(1, np.float32)]})
    with pytest.raises(WeightsError, match='layer "a" shares a parameter'):
        write_weights(tmp_path / "x.caffemodel", weights)


@pytest.mark.parametrize("name", NAMES)
def test_shared_parameters_are_read_in_every_layer(tmp_path, name):
    weights = weights_of(net(SHARED))
    write_weights(tmp_path / name, weights)
    assert_same(read_weights(tmp_path / name), weights)
    assert len(flat(weights)) == 6


def test_safetensors_hold_what_other_programs_read(tmp_path):
    path = tmp_path / "x.safetensors"
    weights = weights_of(net())
    write_weights(path, weights)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    begin, end = header["b.1"]["data_offsets"]
    values = np.frombuffer(content[8 + length + begin : 8 + length + end], "<f4")
    np.testing.assert_array_equal(values, weights.blobs["b"][1])
