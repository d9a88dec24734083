"""What mutations and searches have found, made small: each was a traceback, or two lines."""

import io
import math
import struct
import zipfile

import h5py
import numpy as np
import pytest
import torch

from catdog.data.mean import read_mean
from catdog.data.sources import Context, open_source
from catdog.errors import CatdogError
from catdog.export.convert import Conversion, convert
from catdog.proto.caffe_pb2 import BlobProto, NetParameter, SolverState
from catdog.tracking.curves.data import Style, read_curves
from catdog.tracking.run_file import read_run
from catdog.training.check import inspect
from tests.data.sources.build import layer
from tests.fuzz import samples
from tests.fuzz.child import trouble
from tests.fuzz.targets import TARGETS

DIGITS = b"9" * 5000
LONG = b"x" * 5000
RUN = samples.runs()[0]
NAMELESS = b"""
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 9 } } }
layer { type: "Convolution" bottom: "data" top: "a" top: "b" convolution_param { num_output: 4 kernel_size: 3 } }
"""  # noqa: E501 - as prototxt is


def hdf5(fill):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def state_with_a_group(file):
    file["iter"], file["current_step"], file["learned_net"] = [4], [0], "x"
    file.create_group("history/0")


def state_with_a_run_that_is_a_group(file):
    file["iter"], file["current_step"], file["learned_net"] = [4], [0], "x"
    file.create_group("history")
    file.create_group("catdog_run")


def label_of_nan(file):
    file["data"], file["label"] = np.ones((4, 2), "f4"), np.array([0, 1, np.nan, 1], "f4")


def label_of_1e30(file):
    file["data"], file["label"] = np.ones((4, 2), "f4"), np.array([0, 1, 1e30, 1], "f4")


def archive(name="a.png"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(name, b"content")
    return stream.getvalue()


def nameless():
    """A zip whose only member has no name."""
    data = archive("a").replace(b"a", b"", 0)
    at = data.index(b"PK\x01\x02")
    data = bytearray(data)
    data[at + 28 : at + 30] = b"\0\0"
    del data[at + 46]
    end = data.index(b"PK\x05\x06")
    data[end + 12 : end + 16] = (end - at).to_bytes(4, "little")
    return bytes(data)


def of_several_disks(data):
    """A zip that should have a part on another disk (zipfile's error for it is raised early)."""
    end = data.index(b"PK\x05\x06")
    locator = b"PK\x06\x07" + (1).to_bytes(4, "little") + bytes(8) + (2).to_bytes(4, "little")
    return data[:end] + locator + data[end:]


def no_utf_8(data):
    """A zip that says that the name of its member is UTF-8, and it is not."""
    data = bytearray(data)
    at = data.index(b"PK\x01\x02")
    data[at + 9] |= 0x08
    data[at + 46] = 0xB9
    return bytes(data)


def old_state():
    content = SolverState(iter=4, learned_net="aaaa").SerializeToString()
    return content.replace(b"aaaa", b"a\xb9aa")


def npy(header):
    header = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def saved():
    stream = io.BytesIO()
    torch.save({"a.0": torch.ones(2)}, stream)
    return stream.getvalue()


def vast():
    net = NetParameter.FromString(samples.carrying()[0])
    net.dataset.width = net.dataset.height = 100_000
    net.ClearField("mean")
    return net.SerializeToString()


def without_random_state():
    state = SolverState.FromString(samples.snapshot()[0])
    state.run.generator[0].state = b"short"
    return state.SerializeToString()


SHAPE = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }"

FOUND = {
    "digits of another script": ("yaml", "state: {phase: ²}".encode()),
    "a number for a name": ("yaml", b"solver_mode: " + DIGITS),
    "hexadecimal": ("yaml", b"max_iter: 0x" + b"f" * 5000),
    "a text of several lines": ("yaml", b"test_iter: |\n  1\n  2\n"),
    "a form feed": ("prototxt", b'name\x0c "small"\n'),
    "a line separator": ("checked", 'layer { name: "a" type: "\u2028" }'.encode()),
    "an Input without tops": ("checked", b'layer { name: "a" type: "Input" }'),
    "a fault of a layer without a name": ("checked", NAMELESS),
    "a shape below 0": (
        "checked",
        b'layer { name: "a" type: "DummyData" top: "a" dummy_data_param { shape { dim: -1 } } }',
    ),
    "a state of weights that are no text": ("solverstate", old_state()),
    "random numbers that go on from nothing": ("resuming", without_random_state()),
    "a group for numbers": ("solverstate.h5", hdf5(state_with_a_group)),
    "a group for bytes": ("solverstate.h5", hdf5(state_with_a_run_that_is_a_group)),
    "a label of nan": ("hdf5_data", hdf5(label_of_nan)),
    "a label of 1e30": ("hdf5_data", hdf5(label_of_1e30)),
    "weights on several disks": ("pt", of_several_disks(saved())),
    "weights under a name that is no text": ("pt", no_utf_8(saved())),
    "photos on several disks": ("zip", of_several_disks(archive())),
    "a photo without a name": ("zip", nameless()),
    "weights without what prediction needs": ("predicting", samples.caffemodels()[0]),
    "weights of a net that is none": (
        "predicting",
        samples.carrying()[0].replace(b"InnerProduct", b"InnerProdust"),
    ),
    "weights that give no probabilities": (
        "predicting",
        samples.carrying()[0].replace(struct.pack("<f", 0.1), struct.pack("<f", math.nan)),
    ),
    "photos of billions of pixels": ("predicting", vast()),
    "a header that is cut": ("npy", npy("{'descr': '<f4', (")),
    "features on several disks": ("npz", of_several_disks(samples.npzs()[0])),
    "features whose header is cut": ("npz", samples.npzs()[0].replace(b"'descr'", b"(descr'")),
    "a column of checksums without an end": ("checksums", b'"' + b"x" * 200_000),
    "a mean beyond float32": (
        "mean",
        BlobProto(num=1, channels=1, height=1, width=1, double_data=[1e300]).SerializeToString(),
    ),
    "a log without times": ("log", b"Iteration 5, loss = 1.5\nIteration 5, lr = 0.1\n"),
    "an iteration of many digits in a log": ("log", b"Iteration " + DIGITS + b", loss = 1\n"),
    "cells that are no numbers": ("metrics", samples.metrics()[0].replace(b"\n1,", b"\n- 1,_")),
    "a cell without an end": ("metrics", b'iteration,epoch\n1,"' + b"x" * 200_000),
    "a column without an end": ("metrics", b'iteration,"' + b"x" * 200_000),
    "a last test without its iteration": ("run", RUN.replace(b"  iteration: 40\n", b"", 1)),
    "a folder that is a number": ("run", RUN.replace(b"folder: /tmp", b"folder: 3")),
    "an iteration of many digits": ("run", RUN.replace(b"seed: 3", b"seed: " + DIGITS)),
    "a layer without a name in the net of a run": (
        "run",
        RUN.replace(b"test_nets:", b"test_nets:\n- 'layer { type: \"ReLU\" }'\nx:", 1),
    ),
    "a date that is none": ("run", RUN.replace(b"seed: 3", b"seed: !!timestamp x")),
    "a place of many digits": ("list", DIGITS),
    "a zero byte in a path": ("list", b"a\0b.png 0\n"),
    "a path that is too long": ("list", LONG + b".png 0\n"),
    "a label beyond float32": ("list", b"a.png 1e39 1\n"),
    "an overlap beyond float32": ("list", b"# 0\na.png\n3 30 40 1\n1 1e39 2 2 20 20\n"),
    "labels of many digits": ("table", b"file,label\na.jpg," + DIGITS + b"\n"),
    "a file whose name is too long": ("table", b"file,a,b\n" + LONG + b",1,2\n"),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(tmp_path, name):
    form, data = FOUND[name]
    assert trouble(TARGETS[form], tmp_path, data) == ""


def test_an_array_of_more_than_its_file_has(tmp_path):
    (tmp_path / "mean.npy").write_bytes(npy(SHAPE % 10**12))
    with pytest.raises(CatdogError, match=r"mean.npy: not a mean file"):
        read_mean(tmp_path / "mean.npy")
    with pytest.raises(CatdogError, match=r"mean.npy: is no array of numbers"):
        convert(Conversion(tmp_path / "mean.npy", tmp_path / "x.binaryproto"))


def test_aliases_of_aliases_in_the_record_of_a_run(tmp_path):
    levels = ["a0: &a0 [x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path = tmp_path / "x_run.yaml"
    path.write_bytes(RUN + "\n".join(levels).encode())
    with pytest.raises(CatdogError, match=r"x_run.yaml: is no record of a run"):
        read_run(path)


def test_curves_over_time_of_a_log_without_times(tmp_path):
    path = tmp_path / "train.log"
    path.write_text("Iteration 5, loss = 1.5\nIteration 5, lr = 0.1\n")
    with pytest.raises(CatdogError, match=r"train.log: the times .* not known.*--x iteration"):
        read_curves([path], Style(across="time"))


def test_dummy_data_take_no_memory_before_they_are_asked_for(monkeypatch):
    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr("catdog.data.sources.dummy.fill", refuse)
    made = layer("dummy_data_param { shape { dim: 1000000 dim: 1000 } }", "DummyData", ["a"])
    assert open_source(made, Context()).shapes == {"a": (1000000, 1000)}


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text('layer: {name: "\\e[2J\\r", type: Nope}\n')
    with pytest.raises(CatdogError) as caught:
        inspect(path)
    assert r'layer "\x1b[2J\r"' in str(caught.value)
