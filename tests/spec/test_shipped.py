"""Nets and solvers by name: the working directory, the folder of the solver, what ships."""

from pathlib import Path

import pytest

from catdog.errors import CatdogError, SpecError
from catdog.spec import read_net, read_solver
from catdog.spec.read import read_spec
from catdog.spec.shipped import (
    find_net,
    find_solver,
    find_spec,
    is_shipped,
    shipped_nets,
    shipped_note,
    shipped_solvers,
)
from catdog.spec.solver_nets import solver_nets

ROOT = Path(__file__).parents[2]
NET, SOLVER = ROOT / "net_specs/deep64.yaml", ROOT / "solvers/deep64.yaml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_that_ships_is_listed_with_what_it_is():
    for listed, folder in ((shipped_nets(), "net_specs"), (shipped_solvers(), "solvers")):
        assert [each.path for each in listed] == sorted((ROOT / folder).glob("*.yaml"))
        assert all(each.name == each.path.stem for each in listed)
        assert all(15 < len(each.about) < 170 and each.about[-1] == "." for each in listed)
    (deep,) = (each for each in shipped_nets() if each.name == "deep64")
    assert deep.about == (
        "Six convolutions of 100 to 600 outputs on 64x64 pictures, two classes: a net for small "
        "machines."
    )


@pytest.mark.parametrize("name", ["deep64", "deep64.yaml", "net_specs/deep64.yaml"])
def test_what_ships_is_found_from_anywhere(name):
    assert find_net(name) == NET
    assert find_solver(name.replace("net_specs", "solvers")) == SOLVER
    assert shipped_note(NET) == f"net deep64: {NET}, which ships with catdog"
    assert read_net(name).path == NET


@pytest.mark.parametrize(
    "name", ["elsewhere/deep64.yaml", "solvers/deep64.yaml", "deep64.prototxt", "/deep64.yaml", ""]
)
def test_other_paths_are_what_they_are(name):
    assert find_net(name) == Path(name)


@pytest.mark.parametrize("own", ["deep64", "deep64.yaml", "net_specs/deep64.yaml"])
def test_the_working_directory_goes_before_what_ships(folder, own):
    (folder / "net_specs").mkdir()
    Path(own).write_text("name: own")
    assert find_net("deep64") == Path(own)
    assert not is_shipped(find_net("deep64"))
    assert not shipped_note(find_net("deep64"))


def test_a_folder_of_that_name_is_no_net(folder):
    (folder / "deep64").mkdir()
    assert find_net("deep64") == NET
    assert find_spec("deep64") == Path("deep64")


def test_the_net_of_a_solver_lies_beside_it_or_ships(folder):
    (folder / "job").mkdir()
    solver = folder / "job/deep64.yaml"
    solver.write_text("net: deep64\nbase_lr: 1\nlr_policy: fixed\nmax_iter: 1\n")
    # the solver itself is no net
    assert solver_nets(read_solver(solver))[0].spec.path == NET
    own = folder / "job/net_specs/deep64.yaml"
    own.parent.mkdir()
    own.write_text(NET.read_text())
    assert solver_nets(read_solver(solver))[0].spec.path == own


def test_the_own_net_of_a_solver_that_is_started_elsewhere_is_not_exchanged(folder, monkeypatch):
    for kind, text in (("net_specs", "name: own"), ("solvers", "net: net_specs/deep64.yaml")):
        (folder / kind).mkdir()
        (folder / kind / "deep64.yaml").write_text(text)
    away = folder / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    with pytest.raises(SpecError, match=f"start in {folder}, where its paths begin"):
        solver_nets(read_solver(folder / "solvers/deep64.yaml"))


def test_a_name_of_both_kinds_is_not_guessed():
    assert find_spec("quick") == ROOT / "solvers/quick.yaml"
    assert find_spec("small64") == ROOT / "net_specs/small64.yaml"
    with pytest.raises(CatdogError) as caught:
        find_spec("deep64")
    assert str(caught.value) == (
        "deep64: is the name of a net and of a solver; write net_specs/deep64.yaml or "
        "solvers/deep64.yaml"
    )
    assert find_spec("solvers/deep64.yaml") == SOLVER


@pytest.mark.parametrize(
    ("read", "name", "kinds", "remedy"),
    [
        (read_net, "dep64", "nets", 'did you mean "deep64"?'),
        (read_net, "net_specs/dep64.yaml", "nets", 'did you mean "deep64"?'),
        (read_net, "net.yaml", "nets", "`catdog list` names those"),
        (read_solver, "quik", "solvers", 'did you mean "quick"?'),
        (read_spec, "zzz", "nets and solvers", "`catdog list` names those"),
    ],
)
def test_what_is_not_there_says_where_it_was_looked_for(folder, read, name, kinds, remedy):
    with pytest.raises(CatdogError) as caught:
        read(name)
    assert str(caught.value) == (
        f"{name}: no such file in {folder}, and none of the {kinds} that ship with catdog; {remedy}"
    )


def test_the_net_of_a_solver_that_is_nowhere(folder):
    Path("s.yaml").write_text("net: dep64.yaml\n")
    with pytest.raises(SpecError) as caught:
        solver_nets(read_solver("s.yaml"))
    assert str(caught.value) == (
        f's.yaml:1:1: no such file "dep64.yaml" in {folder} or beside the solver, and no net that '
        'ships with catdog; did you mean "deep64"?'
    )
