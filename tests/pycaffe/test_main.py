"""`python -m catdog.pycaffe`: scripts run unchanged."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import catdog.pycaffe as caffe
from catdog.pycaffe.__main__ import main
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


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """The same in this process, for what runs no script."""
    monkeypatch.chdir(tmp_path)

    def called(*arguments):
        monkeypatch.setattr(sys, "argv", ["catdog.pycaffe", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, told.out, told.err)

    return called


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


def test_the_way_to_a_mistake_goes_through_the_scripts_own_lines(run, tmp_path):
    (tmp_path / "helper.py").write_text("import caffe\ndef build(path):\n    caffe.Net(path, 1)\n")
    (tmp_path / "main.py").write_text("import helper\nhelper.build('none.prototxt')\n")
    done = run("main.py")
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if "^" not in line]
    assert lines == [
        '  File "main.py", line 2, in <module>',
        "    helper.build('none.prototxt')",
        '  File "helper.py", line 3, in build',
        "    caffe.Net(path, 1)",
        "error: none.prototxt: no such file; check the path (helper.py, line 3)",
    ]


def test_what_is_no_mistake_with_caffe_is_a_traceback_from_the_script_on(run, tmp_path):
    (tmp_path / "main.py").write_text("import caffe\n1 / 0\n")
    done = run("main.py")
    assert done.returncode == 1
    first, frame, *_, last = done.stderr.splitlines()
    assert first == "Traceback (most recent call last):" and 'main.py", line 2' in frame
    assert last == "ZeroDivisionError: division by zero"


def test_the_folder_of_the_script_comes_first(run, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "tools").mkdir()
    (tmp_path / "lib" / "tools.py").write_text("WORD = 'own'")
    (tmp_path / "lib" / "script.py").write_text("import caffe, tools; print(tools.WORD)")
    assert run("lib/script.py").stdout == "own\n"


def test_a_script_says_how_much_is_logged_before_it_imports_caffe(run, write, tmp_path):
    text = "{}import sys, caffe\ncaffe.Net(sys.argv[1], sys.argv[2], caffe.TEST)\n"
    weights = tmp_path / "w.caffemodel"
    caffe.Net(write(DEPLOY), caffe.TEST).save(str(weights))
    told = []
    for before in ("", "import os\nos.environ['GLOG_minloglevel'] = '2'\n"):
        (tmp_path / "script.py").write_text(text.format(before))
        told.append(run("script.py", write(DEPLOY), weights).stderr)
    assert "is old: say" in told[0]
    assert not told[1]


CHILDREN = """
import multiprocessing, subprocess, sys
import caffe

def count(path):
    return len(caffe.Net(path, caffe.TEST).layers)

if __name__ == "__main__":
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.apply_async(count, sys.argv[1:]).get(60))
    code = "import caffe.io; from caffe import layers; print(caffe.__version__)"
    print(subprocess.check_output([sys.executable, "-c", code], text=True, cwd="/"), end="")
"""


def test_processes_that_the_script_starts_find_caffe(run, write, tmp_path):
    (tmp_path / "script.py").write_text(CHILDREN)
    assert run("script.py", write(DEPLOY)).stdout == "6\n6\n1.0.0\n"


def test_a_notebook_finds_caffe(tmp_path):
    code = "import catdog.pycaffe as caffe; from caffe import layers; from caffe.proto import *; "
    code += "import importlib; importlib.reload(caffe); import caffe.pycaffe as old; "
    code += "print(caffe.pycaffe.Net is caffe.Net is old.Net, old._Net_forward.__name__)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.stdout == "True forward\n", done.stderr


def test_another_caffe_stays(tmp_path):
    (tmp_path / "caffe").mkdir()
    code = "import catdog.pycaffe, caffe; print(caffe.__name__)"
    names = []
    for _ in range(2):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
        names.append(done.stdout.strip())
        # until now it was a folder like any other
        (tmp_path / "caffe" / "__init__.py").touch()
    assert names == ["catdog.pycaffe", "caffe"]


def test_the_folder_for_the_path(run):
    folder = run("--path").stdout.strip()
    environment = {**os.environ, "PYTHONPATH": folder}
    command = [
        sys.executable,
        "-c",
        "import caffe; from caffe.proto import caffe_pb2; print(caffe)",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert "catdog.pycaffe" in done.stdout


def test_files_where_scripts_look_for_them():
    folder = Path(caffe.__file__).parent
    mean = np.load(folder / "imagenet" / "ilsvrc_2012_mean.npy")
    assert mean.shape == (3, 256, 256) and mean.dtype == np.float64
    np.testing.assert_allclose(mean.mean(1).mean(1), [104.00698793, 116.66876762, 122.67891434])
    name = "caffe.proto.caffe_pb2_by_path"
    spec = importlib.util.spec_from_file_location(name, folder / "proto" / "caffe_pb2.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    assert sys.modules.pop(name) is caffe.proto.caffe_pb2
    assert caffe.__version__ == "1.0.0"


def test_a_module_runs(run, tmp_path):
    (tmp_path / "tool.py").write_text("import sys, caffe; print(caffe.TEST, sys.argv[1:])")
    assert run("-m", "tool", "x").stdout == "1 ['x']\n"


LAYER = """
import caffe
print "layer"
class Half(caffe.Layer):
    def setup(self, bottom, top):
        self.by = eval(self.param_str)['by']
    def reshape(self, bottom, top):
        top[0].reshape(len(bottom[0].data) / self.by, 3)
    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data[:len(bottom[0].data) / self.by] / self.by
    def backward(self, *_): pass
"""
NET = """
layer { name: "in" type: "Input" top: "in" input_param { shape { dim: 5 dim: 3 } } }
layer { name: "half" type: "Python" bottom: "in" top: "half"
  python_param { module: "half" layer: "Half" param_str: "{'by': 2}" } }
"""


def test_a_script_of_python2_runs_with_its_neighbours(run, write, tmp_path):
    write(NET)
    for name, text in (
        ("half.py", LAYER),
        ("both.py", "def quarter(n): return n / 4.0\n"),
        ("parts/__init__.py", "import inner\nprint inner.WORD\n"),
        ("parts/inner.py", "WORD = 'inner %d' % (9 / 2)\n"),
        ("old.py", "import caffe, both, parts\nnet = caffe.Net('net.prototxt', caffe.TEST)\n"
         "net.blobs['in'].data[...] = 3\nprint net.forward()['half'], both.quarter(2), 7 / 2\n"
         "caffe.Net('none.prototxt', 1)\n"),
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    done = run("old.py")
    assert done.returncode == 2, done.stderr
    assert done.stdout == "inner 4\nlayer\n[[1.5 1.5 1.5]\n [1.5 1.5 1.5]] 0.5 3\n"
    notes = [line for line in done.stderr.splitlines() if line.startswith("note:")]
    assert [Path(note.split()[1]).name for note in notes] == ["old.py", "__init__.py", "half.py"]
    assert '  File "old.py", line 5' in done.stderr and "none.prototxt: no such file" in done.stderr
    assert not list(tmp_path.rglob("*half*.pyc"))


def test_pools_of_a_script_of_python2(run, tmp_path):
    text = "import caffe, multiprocessing\ndef half(n):\n    return n / 2\n"
    text += "print multiprocessing.Pool(1).map(half, xrange(4))\n"
    (tmp_path / "old.py").write_text(text)
    assert run("old.py").stdout == "[0, 0, 1, 1]\n"
    done = run("-m", "old")
    assert done.stdout == "[0, 0, 1, 1]\n", done.stderr


def test_a_home_that_cannot_be_written_to(run, tmp_path, monkeypatch):
    (tmp_path / "old.py").write_text("print 1\n")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "within"))
    for arguments in (["old.py"], ["--port", "old.py"]):
        done = run(*arguments)
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        assert done.returncode == 2 and "set XDG_CACHE_HOME" in line


def test_porting(run, here, tmp_path):
    (tmp_path / "old.py").write_text("import caffe\nprint 7 / 2, xrange\n")
    done = here("--port", "old.py")
    assert done.returncode == 0 and not done.stderr
    (tmp_path / "new.py").write_text(done.stdout)
    assert run("new.py").stdout == "3 <class 'range'>\n"
    (tmp_path / "new.py").write_text("print 'x\n")
    assert here("--port", "new.py").stderr.startswith("error: new.py: is no Python 2 either")
    assert here("--port", "none.py").stderr == "error: none.py: no such script\n"
    (tmp_path / "old.py").write_text("print isinstance('a', unicode)\n")
    told = (
        "note: old.py, line 1: unicode is str here: what asks for it takes a plain str for one too"
    )
    assert told in here("--port", "old.py").stderr and told in run("old.py").stderr
    done = run("new.py")
    assert done.returncode == 1 and "SyntaxError: unterminated string literal" in done.stderr


def test_what_python3_can_read_is_translated_on_demand(run, tmp_path):
    text = "import beside\ndef f():\n    print(sum(xrange(7)) / 2, beside.half(5))\nf()\n"
    (tmp_path / "perhaps.py").write_text(text)
    (tmp_path / "beside.py").write_text("def half(n): return n / 2\n")
    done = run("perhaps.py")
    assert done.returncode == 1 and "note: this looks like Python 2; --python2" in done.stderr
    assert run("--python2", "perhaps.py").stdout == "(10, 2)\n"


def test_usage(here, run):
    done = here()
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
    timer = caffe.Timer()
    timer.start()
    timer.stop()
    assert timer.ms >= 0
