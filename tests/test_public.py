"""`import catdog`: the names of the Python interface."""

import subprocess
import sys

import pytest

import catdog


def test_each_name_is_there():
    assert {name: getattr(catdog, name) for name in catdog.__all__}
    assert catdog.__version__.count(".") == 2
    assert {*catdog.__all__} <= {*dir(catdog)}


def test_another_name_is_not():
    with pytest.raises(AttributeError, match="module 'catdog' has no attribute 'trian'"):
        _ = catdog.trian


def test_the_import_is_quick():
    code = "import sys, catdog; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_net_a_solver_and_a_training(tmp_path):
    from tests.tiny_solver import write_solver

    path = write_solver(tmp_path)
    assert catdog.read_solver(path).message.max_iter == 4
    assert catdog.read_net(tmp_path / "net.yaml").message.name == "tiny"
    solver = catdog.train(path)
    assert isinstance(solver, catdog.Solver)
    assert isinstance(solver.net, catdog.Net)
    assert solver.iteration == 4
