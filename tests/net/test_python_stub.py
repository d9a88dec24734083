import sys

import pytest

from catdog.errors import CatdogError
from catdog.net.python_stub import stubs
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.spec import read_net
from tools.check import main

NET = """
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "a" type: "Resample" bottom: "data" bottom: "data" top: "x" top: "y" }
layer { name: "b" type: "Foo-Bar 2" top: "z" }
layer { name: "c" type: "Foo-Bar 2" top: "w" }
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    return tmp_path / "net.prototxt"


def test_a_stub_is_a_layer_of_a_net(path, tmp_path, monkeypatch, capsys):
    main([str(path), "--stub"])
    text = capsys.readouterr().out
    assert "FlowNet2 (lmb-freiburg/flownet2)" in text
    assert text.count("class ") == 2
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "fork_layers.py").write_text(text)
    python = 'type: "Python" python_param { module: "fork_layers" layer: "%s" }'
    whole = NET.replace('type: "Resample"', python % "Resample")
    path.write_text(whole.replace('type: "Foo-Bar 2"', python % "Foo_Bar_2"))
    main([str(path), "--allow-python"])
    assert "OK" in capsys.readouterr().out
    sys.modules.pop("fork_layers", None)


def test_what_has_no_stubs(path):
    with pytest.raises(CatdogError, match=r"net\.prototxt: has no layer that is not known"):
        stubs(read_net("deep64").message, path)
    with pytest.raises(CatdogError, match="is a solver"):
        stubs(SolverParameter(), path)


@pytest.mark.usefixtures("path")
def test_a_folder_of_nets(tmp_path, capsys):
    good = 'input: "x" input_shape { dim: 2 } layer { name: "r" type: "ReLU" bottom: "x" top: "y" }'
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper/good.prototxt").write_text(good)
    (tmp_path / "solver.prototxt").write_text("base_lr: 1")
    with pytest.raises(CatdogError, match="1 of 2 nets have faults"):
        main([str(tmp_path)])
    good_line, bad_line, summary = capsys.readouterr().out.splitlines()
    assert good_line.endswith("good.prototxt: OK")
    assert 'layer type "Resample" belongs' in bad_line
    assert summary == "1 of 2 nets check OK"


def test_a_folder_with_nothing_to_check(tmp_path):
    with pytest.raises(CatdogError, match=r"has neither a net \(\.prototxt\) nor a store"):
        main([str(tmp_path)])
