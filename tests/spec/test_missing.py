from pathlib import Path

from catdog.proto.caffe_pb2 import SolverParameter
from catdog.spec import Spec
from catdog.spec.missing import no_such_file


def test_a_solver_that_is_started_from_another_folder_says_from_which_one(tmp_path, monkeypatch):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/a.yaml").write_text("name: a")
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    spec = Spec(SolverParameter(net="nets/a.yaml"), tmp_path / "solvers/s.yaml")
    assert str(no_such_file(spec, "nets/a.yaml")) == (
        f'{spec.path}:1:1: no such file "nets/a.yaml" in {away} or beside the solver; '
        f"start in {tmp_path}, where its paths begin"
    )


def test_a_name_that_is_nearly_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nett.yaml").write_text("")
    spec = Spec(SolverParameter(test_net=["net.yaml"]), Path("s.yaml"))
    assert no_such_file(spec, "net.yaml").remedy == 'did you mean "nett.yaml"?'
