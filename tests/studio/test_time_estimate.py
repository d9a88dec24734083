"""How long a training would take."""

import time

import pytest

from catdog.errors import CatdogError
from catdog.studio.desk import Desk
from catdog.studio.desk_work import work
from catdog.studio.draft import drafted
from catdog.studio.place import StudioFolder
from catdog.studio.time_estimate import estimated_by_run, measured
from tests.small_solver import NET, SOLVER, write_small
from tools.train import main as train


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("studio")
    write_small(path)
    return path


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


def compiled(folder, net=NET):
    found = drafted(net, SOLVER, StudioFolder(folder))
    return found.plans[0], found.solver.message


def test_a_few_steps_are_measured(folder):
    began = time.monotonic()
    found = measured(*compiled(folder), "cpu", test_batches=6)
    spent = time.monotonic() - began
    assert 0 < found.iteration < spent
    # 8 iterations, and 1 + 8 // 3 tests of 6 batches, each a third of an iteration
    assert found.total == pytest.approx(found.iteration * (8 + 3 * 6 / 3))
    assert "batches of 4" in found.source
    with pytest.raises(CatdogError, match="no device"):
        measured(*compiled(folder), "nowhere")


def test_a_large_batch_is_tried_in_part(folder, monkeypatch):
    monkeypatch.setattr("catdog.studio.time_estimate._SECONDS", 0.0)
    large = NET.replace("batch_size: 4", "batch_size: 40")
    assert "4 of 40 examples" in measured(*compiled(folder, large), "cpu").source


def test_an_earlier_run_tells_more(folder):
    assert estimated_by_run(*compiled(folder), folder) is None
    train(["--solver", "solver.yaml", "--resources", "0"])
    found = estimated_by_run(*compiled(folder), folder)
    assert found.iteration > 0 and found.total == pytest.approx(8 * found.iteration)
    assert "run solver" in found.source
    other = NET.replace("num_output: 9", "num_output: 8")
    assert estimated_by_run(*compiled(folder, other), folder) is None


def test_a_desk_answers_all_of_it(folder):
    with Desk(StudioFolder(folder), work) as desk:
        texts = {"net": NET, "solver": SOLVER}
        draft = desk.ask(kind="draft", **texts)
        assert draft["is_whole"] and draft["memory"]["total"] > draft["net"]["blob_bytes"]
        assert desk.ask(kind="picture", **texts)["svg"].startswith("<?xml")
        told = desk.ask(kind="time", device="cpu", measure=True, **texts)["time"]
        assert told["total"] > 0
        with pytest.raises(CatdogError, match="does not compile"):
            desk.ask(kind="picture", net="name: [", solver=SOLVER)
        with pytest.raises(CatdogError, match="no such folder"):
            desk.ask(kind="photos", source="nothing")
