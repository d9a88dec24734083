"""Data layers inside pycaffe's nets: each forward pass brings the next batch."""

import gc
import threading
from pathlib import Path

import numpy as np
import pytest

import catdog.pycaffe as caffe

FORMATS = Path(__file__).parent.parent / "goldens/formats"
CASES = sorted(path.stem for path in (FORMATS / "datalayer").glob("*.npz"))


@pytest.fixture
def here(monkeypatch):
    monkeypatch.chdir(FORMATS)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("case", CASES)
def test_batches(case):
    arrays = np.load(f"datalayer/{case}.npz")
    net = caffe.Net(f"datalayer/{case}.prototxt", caffe.TEST)
    # another decoder of JPEG may differ by some units
    loose = 3.0 if "jpg" in case or "image_data" in case else 1e-3
    for batch in range(sum(key.startswith("data:") for key in arrays)):
        net.forward()
        for name in ("data", "label"):
            if f"{name}:{batch}" in arrays:
                wanted = arrays[f"{name}:{batch}"]
                assert net.blobs[name].shape == wanted.shape
                atol = loose if name == "data" else 0
                np.testing.assert_allclose(net.blobs[name].data, wanted, rtol=0, atol=atol)


MEMORY = """
layer { name: "data" type: "MemoryData" top: "data" top: "label" transform_param { scale: 0.5 }
  memory_data_param { batch_size: 2 channels: 1 height: 2 width: 2 } }
"""


def test_memory_data_transforms_datums_and_says_so_of_arrays(write, capfd):
    caffe.init_log(1)
    net = caffe.Net(write(MEMORY), caffe.TRAIN)
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2)
    net.add_datum_vector([caffe.io.array_to_datum(picture, 3) for picture in pixels])
    np.testing.assert_array_equal(net.forward()["data"], pixels * 0.5)
    assert not capfd.readouterr().err
    net.set_input_arrays(pixels.astype(np.float32), np.zeros(2, np.float32))
    np.testing.assert_array_equal(net.forward()["data"], pixels)
    assert "does not transform arrays" in capfd.readouterr().err


@pytest.mark.usefixtures("here")
def test_a_net_that_goes_takes_its_threads_along():
    before = threading.active_count()
    net = caffe.Net("datalayer/raw_plain.prototxt", caffe.TEST)
    net.forward()
    assert threading.active_count() > before
    del net
    gc.collect()
    assert threading.active_count() == before
