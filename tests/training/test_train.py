"""From a solver file to a trained net, its snapshots and its log."""

import io
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from catdog.errors import CatdogError, Diverged, SpecError, WeightsError
from catdog.solver.events import Event, Iterating
from catdog.solver.snapshot_search import AUTO
from catdog.solver.solver import Solver
from catdog.tracking.log_reader import read_log
from catdog.training.options import Options
from catdog.training.train import train
from tests.tiny_solver import write_solver

GOLDEN = Path(__file__).parents[1] / "goldens" / "solvers" / "sgd_momentum_fixed"


@pytest.fixture
def solver(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A solver with its net and data in a folder of its own, found from another one."""
    for name in ("net.prototxt", "solver.prototxt", "train.h5", "train.txt"):
        shutil.copyfile(GOLDEN / name, tmp_path / name)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    return change(tmp_path / "solver.prototxt", "", f'\nsnapshot_prefix: "{tmp_path}/out/run"')


def change(path: Path, old: str, new: str) -> Path:
    text = path.read_text().replace('snapshot_prefix: "snap"', "") if not old else path.read_text()
    path.write_text(text.replace(old, new) if old else text + new)
    return path


def run(solver: Path, *overrides: str, **options: object) -> Solver:
    return train(solver, Options(overrides=overrides, **options))


def same(one: Solver, other: Solver) -> bool:
    pairs = zip(one.net.learnable, other.net.learnable, strict=True)
    return all(torch.equal(a.parameter, b.parameter) for a, b in pairs)


def test_a_training_leaves_snapshots_and_a_log(solver: Path) -> None:
    stream = io.StringIO()
    train(solver, Options(overrides=["max_iter=4", "snapshot=2"]), stream=stream)
    out = solver.parent / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "metrics.csv",
        "resources.csv",
        "run_iter_2.caffemodel",
        "run_iter_2.solverstate",
        "run_iter_4.caffemodel",
        "run_iter_4.solverstate",
        "run_run.yaml",
        "train.log",
    ]
    log = read_log(out / "train.log")
    assert [i for i, _ in log.train_loss] == [0, 1, 2, 3]
    assert log.snapshots == [f"{out}/run_iter_{i}.caffemodel" for i in (2, 4)]
    assert stream.getvalue() == (out / "train.log").read_text()


@pytest.mark.parametrize("name", ["run_iter_3.solverstate", "run_iter_3.caffemodel", AUTO])
def test_a_resume_goes_on_as_if_nothing_had_been(solver: Path, name: str) -> None:
    whole = run(solver, "max_iter=7", "snapshot_prefix=/" + str(solver.parent / "whole" / "run"))
    run(solver, "max_iter=3")
    snapshot = name if name == AUTO else str(solver.parent / "out" / name)
    resumed = run(solver, "max_iter=7", snapshot=snapshot)
    assert same(whole, resumed)
    log = read_log(solver.parent / "out" / "train.log")
    assert [i for i, _ in log.train_loss] == list(range(7))
    assert log.resumed_from == [str(solver.parent / "out" / "run_iter_3.solverstate")]


def test_auto_without_a_snapshot_starts_anew(solver: Path) -> None:
    assert run(solver, "max_iter=1", snapshot=AUTO).iteration == 1


def test_weights_are_a_start(solver: Path) -> None:
    first = run(solver, "max_iter=2")
    weights = str(solver.parent / "out" / "run_iter_2.caffemodel")
    second = run(solver, "max_iter=0", "random_seed=99", "snapshot_prefix=x/y", weights=[weights])
    assert same(first, second)
    assert second.iteration == 0
    log = Path("x/train.log").read_text()
    assert f"Finetuning from {weights}" in log
    assert "Copied layers: conv1, conv2, ip1" in log
    with pytest.raises(CatdogError, match="exclude each other"):
        run(solver, snapshot=weights, weights=[weights])


def test_weights_that_are_given_go_before_those_of_the_solver(solver: Path) -> None:
    first = run(solver, "max_iter=2")
    weights = str(solver.parent / "out" / "run_iter_2.caffemodel")
    named = f"weights={weights}"
    for overrides, given in (([named], ()), ([named], None), (["weights=none.h5"], [weights])):
        again = run(solver, "max_iter=0", "snapshot_prefix=x/y", *overrides, weights=given)
        assert same(first, again)
    with pytest.raises(CatdogError, match="--weights: no known ImageNet weights belong"):
        run(solver, "max_iter=0", weights=None)


def test_the_seed_is_the_whole_of_chance(solver: Path) -> None:
    one, again = (run(solver, "max_iter=2") for _ in range(2))
    other = run(solver, "max_iter=2", "random_seed=8")
    assert same(one, again)
    assert not same(one, other)


def test_a_prefix_is_completed_by_the_solvers_name(solver: Path) -> None:
    run(solver, "max_iter=1", f"snapshot_prefix={solver.parent}/")
    assert (solver.parent / "solver_iter_1.caffemodel").exists()
    change(solver, "snapshot_prefix", "# ")
    run(solver, "max_iter=2")
    assert (solver.parent / "solver_iter_2.caffemodel").exists()


def test_an_interrupt_snapshots_and_stops(solver: Path) -> None:
    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            if "Iteration 3 (" in text:
                os.kill(os.getpid(), signal.SIGINT)
            return super().write(text)

    stopped = train(solver, Options(overrides=["max_iter=1000"]), stream=Stream())
    assert stopped.iteration == 4
    assert (solver.parent / "out" / "run_iter_4.solverstate").exists()
    assert "Optimization stopped early." in (solver.parent / "out" / "train.log").read_text()


def test_a_diverged_training_says_so_in_its_log(solver: Path) -> None:
    with pytest.raises(Diverged):
        run(solver, "max_iter=50", "base_lr=1e30")
    log = (solver.parent / "out" / "train.log").read_text()
    assert "loss is nan" in log or "loss is inf" in log


TEST_DATA = """
layer { name: "data" type: "HDF5Data" top: "data" top: "label" include { phase: TEST }
  hdf5_data_param { source: "train.txt" batch_size: 5 } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip1" bottom: "label" top: "accuracy"
  include { phase: TEST } }
"""


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("snapshot", ["", AUTO])
def test_a_start_that_fails_leaves_what_an_earlier_run_wrote(solver: Path, snapshot: str) -> None:
    run(solver, "max_iter=2")
    out = solver.parent / "out"
    before = contents(out)
    net, data = solver.parent / "net.prototxt", solver.parent / "train.h5"
    text, numbers = net.read_text(), data.read_bytes()
    for path, broken in ((net, b"layer {"), (data, b"no HDF5")):
        kept = path.read_bytes()
        path.write_bytes(broken)
        with pytest.raises(CatdogError):
            run(solver, "max_iter=4", snapshot=snapshot)
        path.write_bytes(kept)
        assert contents(out) == before
    assert (net.read_text(), data.read_bytes()) == (text, numbers)
    run(solver, "max_iter=4")
    assert (out / "train.log.1").read_bytes() == before["train.log"]


def test_a_start_that_fails_leaves_no_folder(solver: Path) -> None:
    (solver.parent / "net.prototxt").write_text("layer {")
    with pytest.raises(CatdogError):
        run(solver)
    assert not (solver.parent / "out").exists()


def test_a_second_training_under_the_same_prefix_is_refused(solver: Path) -> None:
    """It is told while the first one runs, and nothing of the first is touched."""
    out = solver.parent / "out"
    told: list[str] = []

    def try_another(event: Event) -> None:
        if isinstance(event, Iterating) and event.iteration == 1:
            before = contents(out)
            with pytest.raises(CatdogError) as error:
                run(solver, "max_iter=3")
            told.append(str(error.value))
            assert contents(out) == before

    train(solver, Options(overrides=["max_iter=3"]), listeners=[try_another])
    (text,) = told
    assert text.startswith(f"{out}/run: another training is writing here (process {os.getpid()} ")
    assert "--set snapshot_prefix=" in text
    run(solver, "max_iter=3", "snapshot_prefix=elsewhere/run")
    run(solver, "max_iter=3")


def test_what_differs_from_the_snapshot_is_told(solver: Path) -> None:
    run(solver, "max_iter=2")
    stream = io.StringIO()
    changes = ["max_iter=3", "iter_size=2", "net.data.hdf5_data_param.batch_size=3"]
    train(solver, Options(overrides=changes, snapshot=AUTO), stream=stream)
    (line,) = [line for line in stream.getvalue().splitlines() if "not as in the snapshot" in line]
    assert "iter_size was 1 and is 2" in line
    assert 'layer "data" had batch_size ' in line and " and has 3" in line
    again = io.StringIO()
    train(solver, Options(overrides=[*changes, "max_iter=4"], snapshot=AUTO), stream=again)
    assert "not as in the snapshot" not in again.getvalue()


def with_test_net(solver: Path) -> Path:
    net = solver.with_name("net.prototxt")
    text = net.read_text().replace(
        'type: "HDF5Data"', 'type: "HDF5Data" include { phase: TRAIN }', 1
    )
    net.write_text(text + TEST_DATA)
    return solver


def test_the_nets_test_phase_is_tested_whole(solver: Path) -> None:
    trained = run(with_test_net(solver), "max_iter=2", "test_interval=2")
    assert [test.iterations for test in trained.tests] == [None]
    log = read_log(solver.parent / "out" / "train.log")
    assert [(v.iteration, v.name) for v in log.test_outputs] == [
        (0, "accuracy"),
        (0, "loss"),
        (2, "accuracy"),
        (2, "loss"),
    ]
    # 48 rows
    assert log.test_outputs[0].value * 48 == pytest.approx(
        round(log.test_outputs[0].value * 48), abs=1e-3
    )


def test_test_nets_are_those_that_caffe_makes(solver: Path) -> None:
    trained = run(with_test_net(solver), "max_iter=0", "test_interval=2", "test_iter=[3, 4]")
    assert [test.iterations for test in trained.tests] == [3, 4]
    own = f"test_net={solver.parent}/net.prototxt"
    trained = run(solver, "max_iter=0", "test_interval=2", "test_iter=[3, 4]", own)
    assert [test.iterations for test in trained.tests] == [3, 4]
    trained = run(solver, "max_iter=0", own, "test_interval=1")
    assert [test.iterations for test in trained.tests] == [None]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["test_iter=[3]"], "test nets need a test_interval above 0"),
        (["train_net=x"], "names net, train_net to train; write one of"),
        (
            ["test_net=[a, b]", "test_iter=[1]", "test_interval=1"],
            "has 1 test_iter for 2 test nets",
        ),
        (["lr_policy=stepp"], 'did you mean "step"'),
        (["type=Adamm", "average_loss=0"], "average_loss must be 1 or more"),
    ],
)
def test_faults_come_before_anything_is_done(
    solver: Path, overrides: list[str], words: str
) -> None:
    with pytest.raises(SpecError) as error:
        run(solver, *overrides)
    assert words in str(error.value)
    assert str(error.value).startswith((f"{solver}:", "--set "))
    assert not (solver.parent / "out").exists()


def test_what_is_missing_is_told_with_its_place(solver: Path) -> None:
    with pytest.raises(CatdogError, match="no such file"):
        run(solver, "net=nets.prototxt")
    with pytest.raises(WeightsError, match="no such file"):
        run(solver, snapshot="nothing.solverstate")
    (solver.parent / "train.txt").unlink()
    with pytest.raises(CatdogError, match=r"train\.txt"):
        run(solver)
    change(solver, "max_iter", "# ")
    with pytest.raises(SpecError, match="max_iter is missing"):
        run(solver)


def test_the_device_is_what_the_solver_says_and_the_machine_has(
    solver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    stream = io.StringIO()
    train(solver, Options(overrides=["max_iter=0", "solver_mode=GPU"]), stream=stream)
    assert "this machine has none: training on the CPU" in stream.getvalue()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(CatdogError, match="device_id is 2, this machine has 2 GPUs; 0 to 1"):
        run(solver, "solver_mode=GPU", "device_id=2")


def test_prediction_runs_the_stages_that_were_trained(tmp_path: Path) -> None:
    path = write_solver(tmp_path)
    for stages in ("[]", "[drop]"):
        carried = train(path, Options(overrides=[f"stage={stages}"])).model
        assert carried.layer[-1].name == "loss"
        for net in (carried.layer, carried.deploy.layer):
            assert ("drop" in [layer.name for layer in net]) is (stages == "[drop]")


def test_the_deploy_net_takes_one_example(tmp_path: Path) -> None:
    carried = train(write_solver(tmp_path), Options(overrides=["max_iter=0"])).model
    (shape,) = carried.deploy.layer[0].input_param.shape
    assert shape.dim[0] == 1
    assert len(shape.dim) == 4


def test_compile_is_for_gpus(tmp_path):
    with pytest.raises(CatdogError, match=r"^--compile: torch\.compile makes no net faster on the"):
        train(write_solver(tmp_path), Options(device=torch.device("cpu"), compile=True))


def test_a_precision_that_only_costs_time_is_told(solver: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64"})
    log = io.StringIO()
    train(solver, Options(amp="bf16", overrides=["max_iter=1"]), stream=log)
    assert "this CPU has no instructions for it" in log.getvalue()
