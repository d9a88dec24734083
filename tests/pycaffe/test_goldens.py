"""Layers and whole nets through pycaffe's interface agree with what Caffe computed.

The forward and backward passes are those of a script, on blobs; in-place chains have the
gradients that Caffe's overwritten blobs give.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import catdog.pycaffe as caffe

GOLDENS = Path(__file__).parent.parent / "goldens"
LAYERS = json.loads((GOLDENS / "layers/index.json").read_text())
NETS = json.loads((GOLDENS / "composites/index.json").read_text())
#: Caffe stops under force_backward; their diffs were recorded otherwise.
FORWARD_ONLY = ("Embed", "Filter", "BatchReindex", "InfogainLoss")


@pytest.fixture(autouse=True, params=["cpu", *["gpu"] * torch.cuda.is_available()])
def device(request):
    """Where nets run; on a machine with a GPU on both."""
    getattr(caffe, f"set_mode_{request.param}")()
    yield
    caffe.set_mode_cpu()


def close(got, want, relative):
    largest = max(float(np.abs(want[np.isfinite(want)]).max(initial=0)), 1e-6)
    np.testing.assert_allclose(
        got.reshape(want.shape), want, rtol=relative, atol=relative * largest
    )


def put(net, arrays):
    for key in arrays:
        kind, _, name = key.partition(":")
        if kind == "in":
            net.blobs[name].data[...] = arrays[key]
        elif kind == "param":
            layer, _, index = name.rpartition(":")
            net.params[layer or "test"][int(index)].data[...] = arrays[key]


def check(arrays, kind, blobs, relative):
    for key in arrays:
        if key.startswith(f"{kind}:"):
            close(blobs(key.removeprefix(f"{kind}:")), arrays[key], relative)


# one case in three: the layers themselves are tested on all
@pytest.mark.parametrize("case", LAYERS[::3], ids=lambda c: f"{c['type']}-{c['case']}")
def test_layers(case, monkeypatch):
    monkeypatch.chdir(GOLDENS / "layers" / case["type"])
    arrays = np.load(f"{case['case']}.npz")
    net = caffe.Net(f"{case['case']}.prototxt", getattr(caffe, case["phase"]))
    put(net, arrays)
    net.forward()
    if case["type"] == "Dropout" and case["phase"] == "TRAIN":
        kept = net.blobs["out"].data != 0
        assert kept.any() and not kept.all()
        return
    check(arrays, "out", lambda name: net.blobs[name].data, 1e-5)
    check(arrays, "param_after", lambda index: net.params["test"][int(index)].data, 1e-5)
    diffs = [key[5:] for key in arrays if key.startswith("dout:")]
    if diffs and case["type"] not in FORWARD_ONLY:
        for top in diffs:
            net.blobs[top].diff[...] = arrays[f"dout:{top}"]
        net.backward()
        check(arrays, "din", lambda name: net.blobs[name].diff, 2e-5)
        check(arrays, "dparam", lambda index: net.params["test"][int(index)].diff, 2e-5)


@pytest.mark.parametrize("case", NETS, ids=lambda case: case["case"])
@pytest.mark.parametrize("watched", [False, True])
def test_nets(case, watched):
    arrays = np.load(GOLDENS / f"composites/{case['case']}.npz")
    file = GOLDENS / f"composites/{case['case']}.prototxt"
    net = caffe.Net(file, getattr(caffe, case["phase"]))
    assert net._layer_names == case["layers"]
    put(net, arrays)
    # arrays that somebody holds are written over, others are replaced
    held = [blob.data for blob in net.blobs.values()] if watched else []
    loss = net._forward(0, len(net.layers) - 1)
    check(arrays, "blob", lambda name: net.blobs[name].data, 1e-5)
    net.backward()
    assert all(array is not None for array in held)
    close(np.array(loss), arrays["loss"] if "loss" in arrays else np.array(0.0), 1e-5)
    check(arrays, "dblob", lambda name: net.blobs[name].diff, 2e-5)

    def diff(name):
        layer, _, index = name.rpartition(":")
        return net.params[layer][int(index)].diff

    check(arrays, "dparam", diff, 2e-5)
    for name in case["no_gradient_for"]:
        if name in net.blobs and f"dblob:{name}" not in arrays:
            assert not net.blobs[name].diff.any()
