"""Every layer computes what Caffe computed: tops, diffs of bottoms and of parameters."""

from pathlib import Path

import numpy as np
import pytest

from catdog.layers import LAYERS
from tests.layers import harness

ENTRIES = harness.entries()


def is_random(entry):
    return entry["type"] == "Dropout" and entry["phase"] == "TRAIN"


def name(entry):
    return f"{entry['type']}-{entry['case']}"


def has_images(entry):
    return any(key.startswith("in:") and len(at) == 4 for key, at in entry["shapes"].items())


FIXED = [entry for entry in ENTRIES if not is_random(entry)]
RUNS = [(entry, False) for entry in FIXED] + [(entry, True) for entry in FIXED if has_images(entry)]


@pytest.mark.parametrize(
    ("entry", "channels_last"),
    RUNS,
    ids=[name(entry) + "-channels_last" * last for entry, last in RUNS],
)
def test_case(entry, channels_last, monkeypatch):
    case = harness.load(entry)
    monkeypatch.chdir(entry["folder"])
    run = harness.forward(case, channels_last)
    check_tops(case, run)
    if case.numbered("dout"):
        harness.backward(case, run)
        check_diffs(case, run)


def check_tops(case, run):
    for top, blob in zip(case.param.top, run.tops, strict=True):
        exact = case.param.type in harness.EXACT or top == "mask"
        harness.compare(blob, case.arrays[f"out:{top}"], 0 if exact else 1e-5, top)
    for i, key in enumerate(case.numbered("param_after")):
        harness.compare(run.layer.blobs[i], case.arrays[key], 1e-5, key)


def check_diffs(case, run):
    for i, bottom in enumerate(case.param.bottom):
        key, diff = f"din:{bottom}", run.bottoms[i].grad
        if key in case.arrays:
            harness.compare(diff, case.arrays[key], 2e-5, key)
        if bottom in case.no_gradient_for:
            assert diff is None or not diff.any(), f"{bottom} gets a gradient"
    for i, key in enumerate(case.numbered("dparam")):
        harness.compare(run.layer.blobs.parameter(i).grad, case.arrays[key], 2e-5, key)


@pytest.mark.parametrize("entry", [e for e in ENTRIES if is_random(e)], ids=name)
def test_random_mask(entry):
    """The mask is another one, but what is kept is scaled alike, forward and backward."""
    case = harness.load(entry)
    run = harness.forward(case)
    harness.backward(case, run)
    theirs = case.arrays["out:out"] != 0
    factor = (case.arrays["out:out"][theirs] / case.arrays["in:data"][theirs]).mean()
    ours = run.tops[0].detach().numpy()
    kept = ours != 0
    assert 0 < kept.mean() < 1
    np.testing.assert_allclose(ours, kept * case.arrays["in:data"] * factor, rtol=1e-5)
    diff = kept * case.arrays["dout:out"] * factor
    np.testing.assert_allclose(run.bottoms[0].grad, diff, rtol=2e-5)


def test_index_is_read():
    assert len(ENTRIES) > 300


@pytest.mark.parametrize("kind", sorted(LAYERS))
def test_every_type_has_a_case(kind):
    recorded = {entry["type"] for entry in ENTRIES}
    own = (path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert kind in recorded or any(f'type: "{kind}"' in text for text in own)
