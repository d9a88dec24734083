"""`python -m catdog.opencv` and `install`: scripts of OpenCV 4's run unchanged."""

import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from catdog import opencv
from catdog.opencv.install import FOLDER

NATIVE = {name: getattr(cv2.dnn, name) for name in ("readNet", "Net", "DetectionModel")}

SCRIPT = """
import multiprocessing
import subprocess
import sys

import cv2
import numpy
from cv2 import dnn
from cv2.dnn import readNetFromCaffe

FILES = sys.argv[1:3]


def names(number):
    return cv2.dnn.readNetFromCaffe(*FILES).getLayerNames()[number]


if __name__ == "__main__":
    net = cv2.dnn.readNet(*FILES)
    assert isinstance(net, cv2.dnn.Net) and isinstance(net, cv2.dnn_Net)
    assert dnn.readNetFromCaffe is readNetFromCaffe
    blob = cv2.dnn.blobFromImage(numpy.zeros((16, 16, 3), "uint8"), 1.0, (16, 16))
    net.setInput(blob)
    print(net.forward().shape, *sys.argv[3:])
    child = "import cv2, sys; print(cv2.dnn.readNetFromCaffe(*sys.argv[1:]).getLayerId('prob'))"
    subprocess.run([sys.executable, "-c", child, *FILES], check=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(names, [0, 8]))
    try:
        cv2.dnn.readNetFromCaffe("missing.prototxt")
    except cv2.error as error:
        print("caught", error)
    net.getLayer("nothing")
"""


@pytest.fixture
def run(tmp_path):
    def started(*words):
        command = [sys.executable, "-m", "catdog.opencv", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=240)

    return started


def test_a_script_runs_with_its_children_and_its_mistake_is_one_line(run, files, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = run("script.py", *files, "--flag")
    assert done.stdout.splitlines() == [
        "(1, 5) --flag",
        "9",
        "['conv1', 'prob']",
        'caught missing.prototxt: no such file; did you mean "small.prototxt"?',
    ], done.stderr
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert line.startswith('error: no layer is called "nothing"')
    assert line.endswith(f"(script.py, line {SCRIPT.count(chr(10))})")
    assert "Traceback" not in done.stderr


def test_a_module_runs_and_the_folder_is_told(run, tmp_path):
    (tmp_path / "module.py").write_text("import cv2, sys\nprint(cv2.dnn.readNet, sys.argv[1:])\n")
    done = run("-m", "module", "x")
    assert "readNet at" in done.stdout
    assert done.stdout.endswith("['x']\n")
    assert run("--path").stdout == f"{FOLDER}\n"
    assert Path(FOLDER, "cv2", "__init__.py").exists()
    missing = run("missing.py")
    assert (missing.returncode, missing.stderr) == (2, "error: missing.py: no such script\n")
    assert run().returncode == 2
    assert run("--help").stdout.startswith("usage: python -m catdog.opencv")


@pytest.mark.usefixtures("installed")
def test_install_gives_cv2_its_reader_back(files):
    net = cv2.dnn.readNetFromCaffe(*files)
    assert isinstance(net, cv2.dnn.Net)
    assert isinstance(NATIVE["Net"](), cv2.dnn.Net)
    assert cv2.dnn_DetectionModel is opencv.DetectionModel
    assert cv2.dnn.Net().empty()


def test_what_has_nothing_to_do_with_caffe_is_cv2s():
    assert opencv.blobFromImage is cv2.dnn.blobFromImage
    assert opencv.NMSBoxes is cv2.dnn.NMSBoxes
    assert opencv.DNN_TARGET_CPU == cv2.dnn.DNN_TARGET_CPU
    with pytest.raises(AttributeError):
        opencv.nothing  # noqa: B018
    assert cv2.dnn.readNet is NATIVE["readNet"]
