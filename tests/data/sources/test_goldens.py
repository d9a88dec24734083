"""Batches of every data layer case against what Caffe gave."""

import numpy as np
import pytest
from google.protobuf import text_format

from catdog.proto.caffe_pb2 import NetParameter
from catdog.spec.data_layers import cut_data_layers
from tests.data.sources.build import FORMATS, source

FOLDER = FORMATS / "datalayer"
CASES = sorted(path.stem for path in FOLDER.glob("*.prototxt"))
# another libjpeg may round a pixel otherwise; the rest is exact
JPEG = {"encoded_jpg", "encoded_force_gray"}


def test_there_are_cases():
    assert len(CASES) == 19


@pytest.mark.parametrize("case", CASES)
def test_batches_are_those_of_caffe(case):
    net = text_format.Parse((FOLDER / f"{case}.prototxt").read_text(), NetParameter())
    (layer,), rest = cut_data_layers(net)
    assert not rest.layer
    opened = source(layer, FORMATS)
    with np.load(FOLDER / f"{case}.npz") as expected:
        assert opened.shapes == {top: expected[f"{top}:0"].shape for top in layer.top}
        for number in range(sum(name.startswith("data:") for name in expected)):
            _check(opened.finish(opened.next()), expected, number, _tolerance(case))
    opened.close()


def _tolerance(case):
    return 3 if case in JPEG or case.startswith("image_data") else 0


def _check(blobs, expected, number, tolerance):
    for top, blob in blobs.items():
        wanted = expected[f"{top}:{number}"]
        assert blob.shape == wanted.shape
        assert blob.dtype.is_floating_point
        most = tolerance if top == "data" else 0
        np.testing.assert_allclose(blob.numpy(), wanted, rtol=0, atol=most)
