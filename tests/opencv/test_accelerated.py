"""What OpenVINO computes of a program is what torch computes of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catdog import opencv
from catdog.opencv import accelerated as module
from tests.opencv import sample_nets
from tests.opencv.cases import CASES, RECORDED
from tests.opencv.test_agreement import assert_same

GOLDENS = Path(__file__).parents[1] / "goldens_forks/layers/DetectionOutput"
#: Cases that torch computes to the end.
BY_TORCH = {
    *("InnerProduct_axis", "ELU", "AbsVal", "BNLL", "Exp", "Log", "LRN_within"),
    *("MVN", "MVN_across", "Eltwise_sum", "Slice", "Split", "Crop", "ROIPooling"),
    *("PSROIPooling", "Interp", "Interp_zoom", "ShuffleChannel", "Reorg", "Proposal"),
}


def forward(net, folder, times):
    for name, blob in np.load(folder / "in.npz").items():
        net.setInput(blob, name)
    names = net.getUnconnectedOutLayersNames()
    found = [net.forward(names) for _ in range(times)]
    return dict(zip(names, found[-1], strict=True))


def whole(net):
    """What computes the net's program, where it is not torch."""
    (program,) = net._programs.values()
    return program._whole


@pytest.mark.parametrize("name", CASES)
def test_a_layer_gives_what_opencv_4_gave(name, tmp_path):
    CASES[name].write(tmp_path)
    weights = tmp_path / "net.caffemodel"
    net = opencv.readNetFromCaffe(
        tmp_path / "net.prototxt", *([weights] if weights.exists() else [])
    )
    assert_same(forward(net, tmp_path, 4), dict(np.load(RECORDED / f"{name}.npz")))
    assert (whole(net) is None) == (name in BY_TORCH)


@pytest.mark.parametrize("text", sorted(GOLDENS.glob("*.prototxt")), ids=lambda path: path.stem)
def test_detections_of_the_goldens_stay_the_same(text):
    stored = np.load(text.with_suffix(".npz"))
    net = opencv.readNetFromCaffe(text)
    for name in net.model.inputs:
        net.setInput(stored[f"in:{name}"], name)
    first, *_, last = [net.forward() for _ in range(5)]
    np.testing.assert_allclose(last, first, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["res10", "mobilenet", "age", "pose"])
def test_other_photos_of_other_sizes_give_the_same(name, tmp_path):
    sample_nets.write(tmp_path)
    files = tmp_path / f"{name}.prototxt", tmp_path / f"{name}.caffemodel"
    net = opencv.readNetFromCaffe(*files)
    random = np.random.default_rng(6)
    sizes = ((1, 48), (2, 48)) if name == "age" else ((1, 48), (2, 48), (1, 80))
    for photos, side in sizes:
        shape = (photos, 3, side, side)
        for _ in range(3):
            net.setInput(random.normal(size=shape) * 50)
            net.forward()
        blob = random.normal(size=shape) * 50
        net.setInput(blob)
        other = opencv.readNetFromCaffe(*files)
        other.setInput(blob)
        np.testing.assert_allclose(net.forward(), other.forward(), rtol=1e-4, atol=1e-4)
        assert net._last._whole is not None


def test_numbers_that_are_not_torchs_are_not_taken(net, photo, monkeypatch):
    def wrong(self, _):
        return dict.fromkeys(self._outputs, np.zeros((1, 5), np.float32))

    monkeypatch.setattr(module.Accelerated, "__call__", wrong)
    net.setInput(photo)
    found = [net.forward() for _ in range(5)]
    assert whole(net) is None
    np.testing.assert_allclose(found[4], found[0], rtol=1e-6)


def test_it_goes_on_without_openvino(net, photo, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    net.setInput(photo)
    found = [net.forward() for _ in range(5)]
    assert whole(net) is None
    np.testing.assert_allclose(found[4], found[0], rtol=1e-6)


def test_parameters_that_are_set_count_and_time_is_told(net, photo):
    net.setInput(photo)
    before = [net.forward("conv1") for _ in range(4)][-1]
    net.setParam("conv1", 1, net.getParam("conv1", 1) + 1)
    for _ in range(4):
        np.testing.assert_allclose(net.forward("conv1"), before + 1, rtol=1e-4, atol=1e-4)
    total, each = net.getPerfProfile()
    assert 0 < total == each[0]


SIGNALLED = """
import signal, sys, threading
import numpy as np
from catdog import opencv

net = opencv.readNetFromCaffe(*sys.argv[1:])
for _ in range(4):
    net.setInput(np.zeros((1, 3, 16, 16), np.float32))
    net.forward()
(program,) = net._programs.values()
assert program._whole is not None
held = [net, program]
del net, program
freeing = threading.Thread(target=held.clear)
freeing.start()
freeing.join()
signal.signal(signal.SIGINT, lambda *_: print("stopped"))
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_after_a_net_was_freed_in_another_thread(files):
    """OpenVINO lends each thread a stack for signals, which must not go with the last net."""
    words = [sys.executable, "-c", SIGNALLED, *files]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stdout) == (0, "stopped\n"), ended.stderr
