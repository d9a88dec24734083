"""Weight files that lie: nothing outside of them is read, and no size in them is believed."""

import zipfile

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch

from catdog.errors import CatdogError, WeightsError
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.weights import read_weights

ONES = np.ones((2, 3), np.float32)


def hdf5(path, fill):
    with h5py.File(path, "w") as file:
        fill(file, file.create_group("data"))
    return path


def external_link(_, data):
    data.create_group("ip")["0"] = h5py.ExternalLink("secret.h5", "/x")


def link_of_data(file, _):
    del file["data"]
    file["data"] = h5py.ExternalLink("secret.h5", "/")


def external_storage(_, data):
    data.create_dataset("ip/0", (4,), "f4", external=[("secret.txt", 0, 16)])


def virtual(_, data):
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "x", (2, 3))
    data.create_virtual_dataset("ip/0", layout)


def empty_terabytes(_, data):
    data.create_dataset("ip/0", (10**12,), "f4", chunks=(1024,))


def soft_circle(_, data):
    data["ip"] = h5py.SoftLink("/data/ip")


def hard_circle(_, data):
    ip = data.create_group("ip")
    ip.create_group("a")["b"] = ip


def hard_bush(_, data):
    for depth in range(30):
        inner = data.file.create_group(f"g{depth}")
        for name in "ab":
            inner[name] = data.file[f"g{depth - 1}"] if depth else data.create_group(f"x{name}")
    data["ip"] = data.file["g29"]


def far_index(_, data):
    data["ip/99999999999"] = ONES


def long_index(_, data):
    data["ip/" + "9" * 5000] = ONES


def text(_, data):
    data["ip/0"] = "words"


def net_of_text(file, data):
    data["ip/0"] = ONES
    file["catdog_net"] = "words"


OUTSIDE = "into another file|in another file"
FILES = {
    external_link: OUTSIDE,
    link_of_data: OUTSIDE,
    external_storage: OUTSIDE,
    virtual: OUTSIDE,
    empty_terabytes: "should have 1,000,000,000,000 numbers, and 0 bytes are stored",
    soft_circle: "is damaged or cut short",
    hard_circle: "its groups are in a circle",
    hard_bush: "its groups are in a circle",
    far_index: "a blob of number 99999999999",
    long_index: "a blob of number 99999999999999999999;",
    text: "holds no numbers",
    net_of_text: "holds no bytes",
}


@pytest.mark.parametrize("fill", FILES, ids=lambda fill: fill.__name__)
def test_hdf5(tmp_path, fill):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = ONES
    (tmp_path / "secret.txt").write_bytes(bytes(16))
    path = hdf5(tmp_path / "x.caffemodel.h5", fill)
    with pytest.raises(WeightsError, match=FILES[fill]) as caught:
        read_weights(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_links_inside_a_file_are_followed(tmp_path):
    def shared(_, data):
        data["a/0"], data["b/0"] = ONES, h5py.SoftLink("/data/a/0")

    blobs = read_weights(hdf5(tmp_path / "x.caffemodel.h5", shared)).blobs
    assert (blobs["b"][0] == ONES).all()


def test_numbers_that_compress_well_are_read(tmp_path):
    def zeros(_, data):
        data.create_dataset("ip/0", data=np.zeros((2000, 1000), np.float32), compression="gzip")

    (blob,) = read_weights(hdf5(tmp_path / "x.caffemodel.h5", zeros)).blobs["ip"]
    assert blob.shape == (2000, 1000)


def sparse():
    return torch.eye(3).to_sparse()


def meta():
    return torch.empty(3, device="meta")


def expanded():
    return torch.ones(1).expand(10**11)


def quantised():
    return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)


def complex_():
    return torch.ones(3, dtype=torch.complex64)


@pytest.mark.parametrize("make", [sparse, meta, expanded, quantised, complex_])
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_no_plain_numbers(tmp_path, make):
    torch.save({"ip.0": make()}, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match=r'x.pt: tensor "ip.0" is (sparse|on|exp|quan|of c)'):
        read_weights(tmp_path / "x.pt")


def test_parameters_that_still_want_gradients(tmp_path):
    torch.save({"ip.0": torch.nn.Parameter(torch.ones(3))}, tmp_path / "x.pt")
    (blob,) = read_weights(tmp_path / "x.pt").blobs["ip"]
    assert (blob == 1).all()


@pytest.mark.parametrize("index", ["99999999999", "9" * 5000, "-1", "²"])
def test_indices(tmp_path, index):
    tensors = {f"ip.{index}": torch.ones(3)}
    torch.save(tensors, tmp_path / "x.pt")
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors")
    for name in ("x.pt", "x.safetensors"):
        with pytest.raises(WeightsError, match=f"{name}: .*(a blob of number|not named)"):
            read_weights(tmp_path / name)


def test_an_archive_that_unpacks_to_more_than_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr("catdog.runtime.room.free_memory", lambda: 10_000_000)
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"")
        archive.writestr("archive/data/0", bytes(20_000_000))
    with pytest.raises(CatdogError, match=r"would take 19.1 MiB, and 9.5 MiB are free"):
        read_weights(tmp_path / "x.pt")


def test_a_carried_net_that_is_no_base64(tmp_path):
    safetensors.torch.save_file(
        {"ip.0": torch.ones(3)}, tmp_path / "x.safetensors", metadata={"catdog_net": "ö"}
    )
    with pytest.raises(WeightsError, match="carries a damaged net"):
        read_weights(tmp_path / "x.safetensors")


@pytest.mark.parametrize("field", ["name", "top", "type"])
def test_names_that_are_no_utf_8(tmp_path, field):
    layer = LayerParameter(name="aaaa", type="bbbb", top=["cccc"])
    layer.blobs.add(data=[1])
    content = NetParameter(layer=[layer]).SerializeToString()
    text = {"name": b"aaaa", "type": b"bbbb", "top": b"cccc"}[field]
    (tmp_path / "x.caffemodel").write_bytes(content.replace(text, b"a\xffaa"))
    with pytest.raises(WeightsError, match=rf"LayerParameter.{field} is no UTF-8: b'a\\xffaa'"):
        read_weights(tmp_path / "x.caffemodel")
