import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from catdog.proto import packed
from catdog.proto.caffe_pb2 import BlobProto, LayerParameter, NetParameter
from tests.spec.messages import messages

FLOATS = st.floats(width=32, allow_nan=False)
ARRAYS = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0), elements=FLOATS
)


@given(ARRAYS, st.booleans())
def test_a_blob_is_what_protobuf_makes(array, with_diff):
    expected = BlobProto(data=array.ravel().tolist())
    expected.shape.SetInParent()
    expected.shape.dim.extend(array.shape)
    if with_diff:
        expected.diff.extend((array.ravel() / 2).tolist())
    diff = array / 2 if with_diff else None
    assert packed.blob(array, diff) == expected
    assert BlobProto.FromString(b"".join(packed.blob_parts(array, diff))) == expected


@given(messages(BlobProto))
def test_values_are_those_of_protobuf(blob):
    with np.errstate(over="ignore"):
        data = np.array(blob.double_data or blob.data, np.float32)
        diff = np.array(blob.double_diff or blob.diff, np.float32)
        np.testing.assert_array_equal(packed.values(blob), data)
        np.testing.assert_array_equal(packed.values(blob, diff=True), diff)


def test_values_that_are_not_packed_are_found():
    one_by_one = b"".join(b"\x2d" + np.float32(x).tobytes() for x in (1, 2.5))
    assert packed.values(BlobProto.FromString(one_by_one)).tolist() == [1, 2.5]


@given(messages(NetParameter))
def test_the_fields_together_are_the_message(net):
    content = net.SerializeToString()
    whole = [bytes(field.whole) for field in packed.fields(memoryview(content))]
    assert b"".join(whole) == content


@given(messages(NetParameter))
def test_only_keeps_what_is_named_and_all_of_it(net):
    kept = NetParameter.FromString(
        packed.only(memoryview(net.SerializeToString()), {1: {}, 100: {1: {}, 7: {}}})
    )
    expected = NetParameter()
    if net.HasField("name"):
        expected.name = net.name
    for layer in net.layer:
        thin = LayerParameter(blobs=layer.blobs)
        if layer.HasField("name"):
            thin.name = layer.name
        expected.layer.append(thin)
    assert kept == expected


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_numbers_of_variable_length(number, after):
    written = packed.write_varint(number)
    assert packed.read_varint(memoryview(written + after), 0) == (number, len(written))


@pytest.mark.parametrize(
    "content", [b"\x0a\x05abc", b"\x08\x80", b"\x0f", b"\x0d\x00", b"\x80" * 11]
)
def test_bytes_that_are_no_message_are_refused(content):
    with pytest.raises(ValueError):
        list(packed.fields(memoryview(content)))
