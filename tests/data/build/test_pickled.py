"""Pickles of plain values against the standard library's, and those that hold more."""

import contextlib
import pickle
import pickletools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.data.build.pickled import Refused, read_pickle, value_of
from catdog.errors import DataError

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner, inner, inner)
        | st.dictionaries(st.text() | st.binary() | st.integers(), inner)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(PLAIN, st.integers(2, 5))
def test_plain_values_come_back(value, protocol):
    assert value_of(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["u1", "<i8", ">f4", "?"])
def test_arrays_come_back(protocol, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    value = {"c": array, "fortran": np.asfortranarray(array), "none": array[:0], "again": array}
    found = value_of(pickle.dumps(value, protocol))
    for name, expected in value.items():
        assert found[name].dtype == expected.dtype
        assert found[name].shape == expected.shape
        assert (found[name] == expected).all()


def python2(texts, pixels):
    """A dict as Python 2 wrote CIFAR's: texts of bytes, an array by numpy.core.multiarray."""
    out = b"\x80\x02}q\x01("
    for key, value in texts.items():
        out += b"U" + bytes([len(key)]) + key + b"U" + bytes([len(value)]) + value
    out += b"U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R("
    out += b"K\x01M" + struct.pack("<H", len(pixels)) + b"K\x02\x86cnumpy\ndtype\nU\x02u1K\x00K\x01"
    out += b"\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    return out + b"T" + struct.pack("<i", pixels.nbytes) + pixels.tobytes() + b"tbu."


def test_what_python_2_wrote():
    pixels = np.arange(600, dtype=np.uint8).reshape(300, 2)
    data = python2({b"batch_label": b"training batch 1 of 5"}, pixels)
    expected = pickle.loads(data, encoding="bytes")
    found = value_of(data)
    assert found[b"batch_label"] == expected[b"batch_label"] == b"training batch 1 of 5"
    assert (found[b"data"] == pixels).all()
    assert (expected[b"data"] == pixels).all()


class Harmful:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "value", [Harmful(), print, [Harmful()], Refused("x"), np.dtype("u1"), np.array([None]), {1, 2}]
)
def test_nothing_is_executed(protocol, value, capsys):
    with pytest.raises(Refused):
        value_of(pickle.dumps(value, protocol))
    assert not capsys.readouterr().out


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_refused(data):
    with contextlib.suppress(Refused):
        value_of(b"\x80\x04" + data)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_file_is_a_value_or_refused(data):
    whole = bytearray(pickle.dumps({"data": np.zeros((3, 2), np.uint8), "labels": [1, 2]}, 2))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Refused):
        value_of(bytes(whole))
    with pytest.raises(Refused):
        value_of(bytes(whole[: data.draw(st.integers(0, len(whole) - 2))]))


def test_every_instruction_is_one():
    from catdog.data.build import pickled

    known = {opcode.name for opcode in pickletools.opcodes}
    assert set(pickled._VALUES) | set(pickled._ACTIONS) <= known


def test_faults_are_one_line(tmp_path):
    (tmp_path / "bad").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(
        DataError, match=r"bad: no pickle of plain values: it names builtins\.print"
    ):
        read_pickle(tmp_path / "bad")
    with pytest.raises(DataError, match=r"cannot be read \(No such file"):
        read_pickle(tmp_path / "missing")
