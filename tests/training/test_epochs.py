"""max_epoch and test_epoch become iterations once the data can be counted."""

import shutil
from pathlib import Path

import pytest

from catdog.data.sources.index_file import write_index
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import ProcessState, RunState, SolverParameter
from catdog.solver.events import Noted
from catdog.solver.solverstate import TrainingState, read_state, write_state
from catdog.tracking.run_file import read_run, run_path
from catdog.training.check import Inspection, inspect
from catdog.training.epochs import Epoch, in_epochs, stand_in
from catdog.training.options import Options, batch_fields, solver_spec
from catdog.training.resuming import check_passes
from catdog.training.train import train
from tests.small_solver import SOLVER, write_small

IN_EPOCHS = SOLVER.replace("max_iter: 8", "max_epoch: 2").replace(
    "test_interval: 3", "test_epoch: 0.5"
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch) -> None:
    write_small(tmp_path, solver=IN_EPOCHS)
    monkeypatch.chdir(tmp_path)


def resolved(*overrides: str, world: int = 1) -> tuple[int, int]:
    message = solver_spec("solver.yaml", Options(overrides=overrides), world).message
    assert not in_epochs(message)
    return message.max_iter, message.test_interval


@pytest.mark.parametrize(
    ("epochs", "epoch", "iterations"),
    [
        (1, Epoch(10, 4), 3),
        (5, Epoch(50000, 64), 3907),
        (0.1, Epoch(1000, 1), 100),
        (0.7, Epoch(10, 1), 7),
        (1e-6, Epoch(10, 4), 1),
    ],
)
def test_iterations_are_rounded_up_and_no_tenth_is_more_than_one(epochs, epoch, iterations):
    as_field = SolverParameter(max_epoch=epochs).max_epoch
    assert epoch.iterations(as_field) == iterations


def test_epochs_are_passes_over_the_train_data():
    # 10 examples in batches of 4
    assert resolved() == (5, 2)
    assert resolved("iter_size=2") == (3, 1)
    assert resolved(world=2) == (3, 1)
    assert resolved("train_net.data.data_param.batch_size=1") == (20, 5)
    write_index(Path("half.txt"), range(5))
    assert resolved("train_net.data.data_param.index_file=half.txt") == (3, 1)


def test_what_the_command_line_says_replaces_the_other_of_the_file():
    assert resolved("max_iter=7") == (7, 2)
    assert resolved("test_interval=3", "max_epoch=4") == (10, 3)
    Path("solver.yaml").write_text(SOLVER)
    assert resolved("max_epoch=4") == (10, 3)


def test_a_policy_has_the_iterations_that_were_worked_out():
    Path("solver.yaml").write_text(IN_EPOCHS.replace("fixed", "cosine"))
    assert inspect("solver.yaml", Inspection())[0] == "solver.yaml: OK"
    rates = [
        train("solver.yaml", Options(overrides=[each, "snapshot_prefix=out/x"])).rate
        for each in ("max_epoch=2", "max_iter=5")
    ]
    assert rates[0] == rates[1]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("max_iter: 3", r"solver.yaml:\d+:\d+: max_iter and max_epoch are both given; leave one"),
        ("test_interval: 3", r"test_interval and test_epoch are both given"),
    ],
)
def test_both_are_one_fault(more, told):
    Path("solver.yaml").write_text(IN_EPOCHS + more)
    for ask in (lambda: solver_spec("solver.yaml", Options()), lambda: inspect("solver.yaml")):
        with pytest.raises(CatdogError, match=told) as caught:
            ask()
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
def test_a_number_that_is_none(value):
    told = r"--set max_epoch=.*(must be a number above 0|takes a number)"
    with pytest.raises(CatdogError, match=told):
        resolved(f"max_epoch={value}")


def test_more_iterations_than_can_be_counted():
    with pytest.raises(CatdogError, match=r"max_epoch=1e30: is more iterations than"):
        resolved("max_epoch=1e30")


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ("{name: s, type: Silence}", r"net\.yaml: has no data layer in the TRAIN phase"),
        (
            "{name: d, type: DummyData, top: [a], dummy_data_param: {shape: {dim: [2, 3]}}}",
            r'layer "d": \(DummyData\) has no end, so there are no epochs; write max_iter',
        ),
    ],
)
def test_nets_whose_examples_cannot_be_counted(layer, told):
    Path("net.yaml").write_text(f"layer: [{layer}]")
    Path("solver.yaml").write_text(IN_EPOCHS.replace('freeze: ["*1"]', ""))
    for ask in (resolved, lambda: inspect("solver.yaml")):
        with pytest.raises(CatdogError, match=told):
            ask()


def test_a_check_without_data_and_a_training_without_them():
    shutil.rmtree("train")
    shutil.rmtree("validation")
    assert inspect("solver.yaml")[0] == "solver.yaml: OK"
    with pytest.raises(CatdogError, match=r"^train: "):
        resolved()


def test_the_run_tells_its_iterations_and_goes_on_exactly():
    told: list[object] = []
    whole = train("solver.yaml", Options(), listeners=[told.append])
    assert whole.iteration == 5
    (line,) = [e.what for e in told if isinstance(e, Noted) and e.what.startswith("An epoch")]
    assert line == (
        "An epoch is 2.5 iterations of 4 examples, 10 in all; 5 iterations are 2 epochs"
    )
    record = read_run(run_path("solver"))
    assert "max_iter: 5\n" in record["solver"]
    assert "max_epoch" not in record["solver"]
    other = Options(overrides=["snapshot_prefix=out/x", "max_epoch=1"])
    assert train("solver.yaml", other).iteration == 3
    other = Options(overrides=["snapshot_prefix=out/x"], snapshot="auto")
    assert train("solver.yaml", other).iteration == 5
    assert Path("out/x_iter_5.caffemodel").exists()
    mine = whole.net.layer_blobs()["fc2"][0]
    theirs = train("solver.yaml", other).net.layer_blobs()["fc2"][0]
    assert mine.tolist() == theirs.tolist()


def test_going_on_with_iterations_of_another_size_is_no_count_of_epochs():
    first = train("solver.yaml", Options(overrides=["max_epoch=1", "snapshot_prefix=out/x"]))
    assert first.iteration == 3
    kept = {path: path.read_bytes() for path in Path("out").glob("x_iter_*")}
    larger = "train_net.data.data_param.batch_size=8"
    for other in (larger, "iter_size=2"):
        again = ["max_epoch=2", "snapshot_prefix=out/x", other]
        told = r"x_iter_3.solverstate: its iterations are of 4 examples, those of this .* of 8:"
        with pytest.raises(CatdogError, match=told) as caught:
            train("solver.yaml", Options(overrides=again, snapshot="auto"))
        assert caught.value.remedy.endswith("or say how far: --set max_iter=N")
    assert {path: path.read_bytes() for path in Path("out").glob("x_iter_*")} == kept
    said = Options(overrides=["max_iter=5", "snapshot_prefix=out/x", larger], snapshot="auto")
    assert train("solver.yaml", said).iteration == 5
    # without the sizes of Caffe's own states there is nothing to hold against
    state = read_state(Path("out/x_iter_3.solverstate"))
    state.run.train.ClearField("data")
    write_state(Path("out/x_iter_3.solverstate"), state)
    check_passes(Path("out/x_iter_3.solverstate"), 8)


def test_the_processes_of_a_snapshot_count_too():
    state = TrainingState(3, run=RunState(iter_size=2, process=[ProcessState()]))
    state.run.train.data.add(batch_size=5)
    write_state(Path("a_iter_3.solverstate"), state)
    check_passes(Path("a_iter_3.solverstate"), 20)
    with pytest.raises(CatdogError, match="are of 20 examples, those of this training of 10"):
        check_passes(Path("a_iter_3.solverstate"), 10)


def test_the_batches_of_the_training():
    assert batch_fields("solver.yaml", Options()) == ["data.data_param.batch_size"]
    Path("net.yaml").write_text("layer: [{name: s, type: Silence}]")
    Path("solver.yaml").write_text(IN_EPOCHS.replace('freeze: ["*1"]', ""))
    with pytest.raises(CatdogError, match="no data layer with a batch_size"):
        batch_fields("solver.yaml", Options())


def test_a_stand_in_changes_nothing_else():
    solver = SolverParameter(max_epoch=3, test_interval=7, base_lr=1)
    assert stand_in(solver) == SolverParameter(max_iter=1, test_interval=7, base_lr=1)
    assert solver.max_epoch == 3
