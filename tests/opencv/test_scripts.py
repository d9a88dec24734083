"""Scripts like OpenCV's known samples, unchanged, give what they gave under OpenCV 4."""

import runpy
import subprocess
import sys

import numpy as np
import pytest

from tests.opencv import sample_nets
from tests.opencv.cases import RECORDED
from tests.opencv.record import PYTHON, SCRIPTS, run_scripts

#: Of the largest number; OpenCV 5 resizes and cv2's photos are the same.
TOLERANCE = 1e-5


def assert_same(mine, theirs):
    assert mine.keys() == theirs.keys()
    for name, wanted in theirs.items():
        assert mine[name].shape == wanted.shape, name
        if wanted.dtype.kind in "iuU":
            np.testing.assert_array_equal(mine[name], wanted, err_msg=name)
            continue
        largest = np.abs(wanted).max(initial=0) or 1
        np.testing.assert_allclose(
            mine[name], wanted, rtol=TOLERANCE, atol=TOLERANCE * largest, err_msg=name
        )


def recorded(script):
    return dict(np.load(RECORDED / f"script_{script}.npz"))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("script", sample_nets.SCRIPTS)
def test_a_script_gives_what_it_gave(script, tmp_path, monkeypatch):
    sample_nets.write(tmp_path)
    path = str(SCRIPTS / f"{script}.py")
    monkeypatch.setattr(sys, "argv", [path, *sample_nets.arguments(script, tmp_path)])
    runpy.run_path(path, run_name="__main__")
    assert_same(dict(np.load(tmp_path / f"{script}.npz")), recorded(script))


def test_a_script_runs_by_the_command(tmp_path):
    sample_nets.write(tmp_path)
    words = [SCRIPTS / "face_detector.py", *sample_nets.arguments("face_detector", tmp_path)]
    subprocess.run([sys.executable, "-m", "catdog.opencv", *words], check=True, timeout=240)
    assert_same(dict(np.load(tmp_path / "face_detector.npz")), recorded("face_detector"))


@pytest.mark.skipif(not PYTHON.exists(), reason="`make .venv-opencv4` has OpenCV 4")
def test_what_is_recorded_is_what_the_scripts_give_under_opencv_4(tmp_path):
    for script, outputs in run_scripts(tmp_path).items():
        assert_same(outputs, recorded(script))
