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


@pytest.mark.usefixtures("here")
def test_a_net_that_goes_takes_its_threads_along():
    before = threading.active_count()
    net = caffe.Net("datalayer/raw_plain.prototxt", caffe.TEST)
    net.forward()
    assert threading.active_count() > before
    del net
    gc.collect()
    assert threading.active_count() == before
