"""`import catdog`: the names of the Python interface."""

import inspect
import pydoc
import subprocess
import sys

import pytest

import catdog

PLAIN = [name for name in catdog.__all__ if name != "__version__"]


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


@pytest.mark.parametrize("name", PLAIN)
def test_the_help_of_the_package_names_each(name):
    assert name in (catdog.__doc__ or "")
    assert inspect.getdoc(getattr(catdog, name))


CALLED = [name for name in PLAIN if name not in ("CatdogError", "Solver", "Unreadable")]


@pytest.mark.parametrize("name", CALLED)
def test_what_one_calls_has_an_example(name):
    text = inspect.getdoc(getattr(catdog, name)) or ""
    before = text.partition("Args:")[0]
    assert "\n    " in before or "\n>>> " in before, "an example before the arguments"


def test_help_reads_on():
    text = pydoc.render_doc(catdog, renderer=pydoc.plaintext)
    assert "run = catdog.train(" in text
    assert "class Run" in text
    assert "train(" in text


def test_a_net_a_solver_and_a_training(tmp_path):
    from tests.tiny_solver import write_solver

    path = write_solver(tmp_path)
    assert catdog.read_solver(path).message.max_iter == 4
    assert catdog.read_net(tmp_path / "net.yaml").message.name == "tiny"
    run = catdog.train(path)
    assert isinstance(run, catdog.Run)
    assert isinstance(run.solver, catdog.Solver)
    assert isinstance(run.net, catdog.Net)
    assert run.iteration == run.solver.iteration == 4
