"""Datum and BlobProto against Caffe's own files, and the fast reader against protobuf."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data import datum as datums
from catdog.data.lmdb_store import Reader
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import BlobProto, Datum
from tests.pictures import encoded, picture

FORMATS = Path(__file__).parents[1] / "goldens" / "formats"
EXPECTED = np.load(FORMATS / "expected.npz")
STORES = sorted({name.split("/")[0] for name in EXPECTED.files if name.endswith("/keys")})
STORES = [name for name in STORES if (FORMATS / name).is_dir()]


@pytest.mark.parametrize("name", STORES)
def test_reads_and_writes_what_caffe_wrote(name):
    with Reader(FORMATS / name) as reader:
        values = list(reader)
    assert len(values) == len(EXPECTED[f"{name}/keys"])
    for index, value in enumerate(values):
        datum = datums.parse_datum(value)
        expected = EXPECTED[f"{name}/{index}"]
        assert datum.label == EXPECTED[f"{name}/labels"][index]
        if datum.encoded:
            assert datum.data == expected.tobytes()
            again = datums.encoded_datum(datum.data, datum.label)
        else:
            array, label, _ = datums.read_example(value)
            assert label == datum.label
            assert (array == expected.reshape(array.shape)).all()
            again = datums.array_to_datum(array, label if datum.HasField("label") else None)
        assert again.SerializeToString() == value


def test_encoded_as_stored_in_colour_and_in_grey():
    gray = picture()[:, :, 0]
    for pixels, channels in ((picture(), 3), (gray, 1)):
        datum = datums.encoded_datum(encoded(pixels, ".png"))
        assert datums.datum_to_array(datum).shape == (channels, 30, 40)
        assert datums.datum_to_array(datum, color=True).shape == (3, 30, 40)
        assert datums.datum_to_array(datum, color=False).shape == (1, 30, 40)


@given(st.binary(max_size=30), st.integers(-(2**31), 2**31 - 1), st.integers(0, 2))
def test_the_fast_reader_agrees_with_protobuf(data, label, kind):
    datum = Datum(channels=1, height=len(data), width=1, data=data, label=label)
    if kind == 1:
        datum.encoded = False
    value = datum.SerializeToString() + (b"\x08\x03" if kind == 2 else b"")
    example = datums.scan_raw(value)
    if kind == 2:
        assert example is None
    else:
        assert example is not None
        assert example.array.tobytes() == data
        assert example.label == label


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=40), st.integers(0, 3))
def test_several_labels_in_place_of_one(labels, cut):
    planes = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    value = datums.write_raw(planes, 7, labels)
    expected = datums.array_to_datum(planes, None)
    expected.labels.extend(labels)
    datum = Datum.FromString(value)
    assert datum == expected
    for example in (datums.scan_raw(value), datums.read_example(expected.SerializeToString())):
        assert (example.array == planes).all()
        assert (example.label, example.labels.tolist()) == (0, labels)
    assert cut == 0 or datums.scan_raw(value[:-cut]) is None
    assert datums.read_example(datums.write_raw(planes, 7)).labels is None


@given(st.binary(max_size=60))
def test_the_fast_reader_never_invents(value):
    example = datums.scan_raw(value)
    if example is not None:
        datum = Datum.FromString(value)
        assert example.array.tobytes() == datum.data
        assert example.label == datum.label or abs(example.label) >= 2**31


@given(st.data())
def test_the_fast_reader_refuses_what_is_cut_off(data):
    value = datums.array_to_datum(np.zeros((3, 4, 5), np.uint8), 300).SerializeToString()
    cut = data.draw(st.integers(1, 60))
    assert datums.scan_raw(value[:cut]) is None


def test_pictures_of_many_shapes_are_read_by_several_threads_at_once():
    shapes = [(1 + index % 3, 1 + index % 7, 1 + index % 200) for index in range(500)]
    arrays = [np.full(shape, index % 256, np.uint8) for index, shape in enumerate(shapes)]
    values = [datums.array_to_datum(array, 1).SerializeToString() for array in arrays]
    with ThreadPoolExecutor(4) as pool:
        for examples in pool.map(lambda _: list(map(datums.scan_raw, values)), range(8)):
            for example, array in zip(examples, arrays, strict=True):
                assert np.array_equal(example.array, array)


@given(st.integers(1, 3), st.integers(0, 9), st.integers(0, 9), st.integers(-5, 300))
def test_the_fast_writer_writes_what_protobuf_writes(channels, height, width, label):
    planes = np.arange(channels * height * width, dtype=np.uint8).reshape(channels, height, width)
    for array in (planes, planes[::-1]):
        expected = datums.array_to_datum(array, label).SerializeToString()
        assert datums.write_raw(array, label) == expected


def test_faults_are_data_errors():
    with pytest.raises(DataError, match="not a Datum"):
        datums.read_example(b"\xff\xff\xff")
    short = Datum(channels=3, height=2, width=2, data=b"1234567")
    with pytest.raises(DataError, match="3 x 2 x 2 holds 7 values"):
        datums.read_example(short.SerializeToString())
    for data in (b"", b"no picture"):
        with pytest.raises(DataError, match="cannot be decoded"):
            datums.datum_to_array(datums.encoded_datum(data))


def test_blobs_old_new_and_double():
    array = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    assert (datums.blob_to_array(datums.array_to_legacy_blob(array)) == array).all()
    assert datums.blob_to_array(datums.array_to_legacy_blob(array[0])).shape == array.shape
    assert (datums.blob_to_array(datums.array_to_blob(array[0])) == array[0]).all()
    assert datums.blob_to_array(datums.array_to_blob(np.float32(3))).shape == ()
    double = BlobProto.FromString((FORMATS / "double_blob.binaryproto").read_bytes())
    expected = np.load(FORMATS / "expected_models.npz")["double_blob"]
    assert np.allclose(datums.blob_to_array(double).ravel(), expected.ravel(), rtol=1e-6)
    with pytest.raises(DataError, match="2 x 3 holds 5 values"):
        datums.blob_to_array(datums.array_to_blob(np.zeros(5, np.float32), (2, 3)))


@pytest.mark.parametrize("shape", [(-2, 0, 0), (-2, -3, 1), (2, -3, -1)])
def test_a_datum_of_less_than_nothing(shape):
    channels, height, width = shape
    datum = Datum(channels=channels, height=height, width=width, data=bytes(6) if width else b"")
    with pytest.raises(DataError, match=r"a Datum of .* holds"):
        datums.read_example(datum.SerializeToString())
