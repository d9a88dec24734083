"""`python -m catdog.pycaffe`: scripts run unchanged."""

import importlib
import subprocess
import sys

import pytest

import catdog.pycaffe as caffe
from catdog.errors import CatdogError
from catdog.pycaffe.install import install
from tests.pycaffe.nets import DEPLOY

SCRIPT = """
import os
import sys

import beside
import caffe
import caffe.draw
import caffe.io
import caffe.proto.caffe_pb2
import caffe._caffe
from caffe import layers as L, params as P
from caffe.coord_map import crop
from caffe.proto import caffe_pb2
from caffe.pycaffe import Net

caffe.set_mode_gpu() if "gpu" in sys.argv else caffe.set_mode_cpu()
net = Net(sys.argv[1], caffe.TEST)
assert net.forward()["prob"].shape == (4, 3)
assert caffe.io.caffe_pb2 is caffe_pb2 is caffe.proto.caffe_pb2
print(__name__, beside.WORD, os.path.basename(sys.argv[0]), *sys.argv[2:])
caffe.Net("missing.prototxt", caffe.TEST)
"""


@pytest.fixture
def run(tmp_path):
    def started(*arguments):
        command = [sys.executable, "-m", "catdog.pycaffe", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)

    return started


def test_a_script_runs_and_its_mistake_is_one_line(run, write, tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "beside.py").write_text("WORD = 'here'\n")
    (folder / "script.py").write_text(SCRIPT)
    done = run("scripts/script.py", write(DEPLOY), "--flag")
    assert done.stdout == "__main__ here script.py --flag\n"
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert line.startswith("error: missing.prototxt: no such file")
    assert line.endswith(f"(scripts/script.py, line {SCRIPT.count(chr(10))})")
    assert "Traceback" not in done.stderr


def test_a_module_runs(run, tmp_path):
    (tmp_path / "tool.py").write_text("import sys, caffe; print(caffe.TEST, sys.argv[1:])")
    assert run("-m", "tool", "x").stdout == "1 ['x']\n"


def test_usage(run):
    done = run()
    assert done.returncode == 2 and "usage:" in done.stdout
    done = run("none.py")
    assert done.returncode == 2 and done.stderr == "error: none.py: no such script\n"


def test_installing_makes_one_package():
    install()
    installed = importlib.import_module("caffe")
    assert installed is caffe
    assert importlib.import_module("caffe.io") is caffe.io
    assert importlib.import_module("caffe.proto.caffe_pb2") is caffe.proto.caffe_pb2


def test_what_scripts_call_at_the_start(capfd):
    caffe.init_log(0)
    caffe.log("hello")
    assert capfd.readouterr().err.endswith("pycaffe] hello\n")
    caffe.set_mode_gpu()
    caffe.set_device(0)
    caffe.set_mode_cpu()
    caffe.set_multiprocess(False)
    caffe.set_solver_count(2)
    caffe.set_solver_rank(1)
    assert (caffe.solver_count(), caffe.solver_rank()) == (2, 1)
    caffe.set_solver_count(1)
    caffe.set_solver_rank(0)
    assert not caffe.has_nccl()
    with pytest.raises(CatdogError, match="has_nccl"):
        caffe.NCCL.new_uid()
    timer = caffe.Timer()
    timer.start()
    timer.stop()
    assert timer.ms >= 0
