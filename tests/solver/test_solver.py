"""The training loop against Caffe's trajectories, and when it says and does what."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from numpy.typing import NDArray

from catdog.errors import SpecError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TRAIN, NetParameter, SolverParameter
from catdog.solver.action import Action
from catdog.solver.events import (
    Display,
    Done,
    Event,
    FinalLoss,
    Iterating,
    NetTested,
    NetTestedBatch,
    NetTestInterrupted,
    Snapshotted,
    Stopped,
    Warned,
)
from catdog.solver.solver import Solver
from catdog.tracking.log_writer import lines
from tests.runs import NET, Rows, Run

SOLVERS = Path(__file__).parents[1] / "goldens" / "solvers"
INDEX = {meta["case"]: meta for meta in json.loads((SOLVERS / "index.json").read_text())}
RESUMES = [case for case, meta in INDEX.items() if "snapshot" in meta]
Arrays = dict[str, NDArray[np.float32]]


def arrays(case: str, name: str) -> Arrays:
    with np.load(SOLVERS / case / f"{name}.npz") as content:
        return dict(content)


def golden(
    case: str,
    emit: Callable[[Event], object] = lambda _: None,
    *,
    placed: bool = False,
    compiled: bool = False,
) -> Solver:
    """The solver of a case at its start, on the case's rows."""
    param, message = SolverParameter(), NetParameter()
    text_format.Parse((SOLVERS / case / "solver.prototxt").read_text(), param)
    text_format.Parse((SOLVERS / case / "net_input.prototxt").read_text(), message)
    message.state.phase = TRAIN
    param.ClearField("snapshot")
    net = Net(message)
    if placed:
        # in channels_last, as tools/train.py has it
        net.place("cpu")
    for key, value in arrays(case, "init").items():
        layer, index = key.rsplit(":", 1)
        net.layer_blobs()[layer][int(index)].copy_(torch.from_numpy(value))
    rows = Rows(arrays(case, "data"), INDEX[case]["batch_size"])
    return Solver(param, net, rows, emit=emit, compiled=compiled)


def trajectory(solver: Solver, iterations: int) -> list[float]:
    """The loss of each iteration before its update."""
    losses: list[float] = []
    detector = solver._divergence
    add = detector.add
    detector.add = lambda i, loss, batch: losses.append(loss.item()) or add(i, loss, batch)
    solver.step(iterations)
    return losses


def caffes_losses(case: str) -> list[float]:
    """The loss of each iteration on Caffe."""
    rows = json.loads((SOLVERS / case / "trajectory.json").read_text())
    return [row["loss"] for row in rows]


def agree(mine: torch.Tensor, caffe: NDArray[np.float32], name: str) -> None:
    # below 1e-5: gradients that would be 0 but for rounding, such as a bias before BatchNorm
    most = 1e-3 * max(np.abs(caffe).max(initial=0), 1e-5)
    np.testing.assert_allclose(mine.numpy(), caffe, rtol=0, atol=most, err_msg=name)


def agrees_at_the_end(solver: Solver, final: Arrays, history: Arrays) -> None:
    blobs = solver.net.layer_blobs()
    assert sum(map(len, blobs.values())) == len(final)
    for key, value in final.items():
        layer, index = key.rsplit(":", 1)
        agree(blobs[layer][int(index)], value, key)
    mine = solver.update.history()
    assert len(mine) == len(history)
    for i, blob in enumerate(mine):
        agree(blob, history[f"history:{i}"], f"history:{i}")


def is_caffes(case: str, *, placed: bool = False, compiled: bool = False) -> None:
    want = caffes_losses(case)
    solver = golden(case, placed=placed, compiled=compiled)
    losses = trajectory(solver, len(want))
    np.testing.assert_allclose(losses, want, rtol=2e-4, atol=2e-4 * max(want))
    agrees_at_the_end(solver, arrays(case, "final"), arrays(case, "history"))


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize("case", INDEX)
def test_a_trajectory_is_caffes(case: str, placed: bool) -> None:
    is_caffes(case, placed=placed)


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("case", ["bn_net", "sgd_iter_size2", "sgd_sigmoid"])
def test_a_compiled_trajectory_is_caffes(case: str) -> None:
    is_caffes(case, placed=True, compiled=True)


def test_the_displayed_loss_is_caffes() -> None:
    case = "sgd_average_loss"
    want = json.loads((SOLVERS / case / "displayed_loss.json").read_text())
    shown: list[Event] = []
    golden(case, shown.append).step(len(want))
    displays = [event for event in shown if isinstance(event, Display)]
    assert [event.iteration for event in displays] == [row["iter"] for row in want]
    for event, row in zip(displays, want, strict=True):
        assert event.loss == pytest.approx(row["displayed_loss"], rel=2e-4)


def test_what_is_said_when() -> None:
    run = Run(tests=[2], test_interval=2, display=3, max_iter=6)
    run.solver.solve()
    assert run.story() == [
        "Solving",
        "NetTesting 0",
        "NetTested 0",
        "Display 0",
        "NetTesting 2",
        "NetTested 2",
        "Display 3",
        "NetTesting 4",
        "NetTested 4",
        "FinalLoss 6",
        "NetTesting 6",
        "NetTested 6",
        "Done 6",
    ]


def test_every_iteration_and_every_batch_of_a_test_is_told() -> None:
    run = Run(tests=[2], test_interval=2, max_iter=2)
    run.solver.solve()
    rate = np.float32(0.1)
    assert run.ticks == [
        NetTestedBatch(0, 0, 0),
        NetTestedBatch(0, 0, 1),
        Iterating(0, rate),
        Iterating(1, rate),
        NetTestedBatch(2, 0, 0),
        NetTestedBatch(2, 0, 1),
    ]


def test_the_last_weights_are_tested_off_the_beat_and_the_first_test_can_be_left_out() -> None:
    run = Run(tests=[1], test_interval=4, display=4, max_iter=5, test_initialization=False)
    run.solver.solve()
    assert run.story() == [
        "Solving",
        "Display 0",
        "NetTesting 4",
        "NetTested 4",
        "Display 4",
        "NetTesting 5",
        "NetTested 5",
        "Done 5",
    ]


def test_without_display_and_test_interval_nothing_is_shown() -> None:
    run = Run(tests=[1], max_iter=3)
    run.solver.solve()
    assert run.story() == ["Solving", "Done 3"]


def test_a_display_has_the_outputs_and_their_weights() -> None:
    run = Run(display=1)
    run.solver.step(2)
    shown = run.said(Display)[1]
    assert isinstance(shown, Display)
    assert [(o.name, o.loss_weight) for o in shown.outputs] == [("accuracy", 0.0), ("loss", 1.0)]
    assert shown.loss == pytest.approx(shown.outputs[1].value)
    assert (shown.iteration, shown.iterations, shown.every, shown.lr) == (1, 1, 1, np.float32(0.1))


def test_the_last_display_takes_one_more_batch() -> None:
    run = Run(display=1, max_iter=2, average_loss=2)
    run.solver.solve()
    (final,) = run.said(FinalLoss)
    assert isinstance(final, FinalLoss)
    plain = Run(max_iter=2, average_loss=2)
    plain.solver.solve()
    solver = plain.solver
    last = solver.net(solver.feed.next()).loss
    assert final.loss == pytest.approx((solver._losses[-1] + last).item() / 2)


NORMED = NET.replace(
    'layer { name: "relu"',
    'layer { name: "norm" type: "BatchNorm" bottom: "ip1" top: "ip1" } layer { name: "relu"',
)


def test_the_last_display_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hangup in the last test writes the snapshot that stands there already, to the byte."""
    # its name and its time are all that a snapshot has of chance
    monkeypatch.setattr("secrets.token_hex", lambda _: "abcd")
    monkeypatch.setattr("time.time", lambda: 1.0)
    # asked: after each of 2 iterations, then between the batches of the last test
    fields = {"text": NORMED, "tests": [2], "test_interval": 2, "test_initialization": False}
    fields |= {"max_iter": 2, "average_loss": 2, "snapshot_after_train": True}

    def files(asks: dict[int, Action], display: int) -> tuple[Run, list[bytes]]:
        prefix = str(tmp_path / "snap")
        run = Run(display=display, snapshot_prefix=prefix, asks=asks, **fields)
        run.solver.solve()
        assert len(run.said(FinalLoss)) == (display > 0)
        assert len(run.said(Snapshotted)) == 1 + bool(asks)
        endings = ("caffemodel", "solverstate")
        return run, [(tmp_path / f"snap_iter_2.{e}").read_bytes() for e in endings]

    plain, wanted = files({}, 0)
    for asks, display in (({}, 1), ({3: Action.SNAPSHOT}, 1)):
        shown, found = files(asks, display)
        assert found == wanted
        assert shown.said(NetTested) == plain.said(NetTested)


def test_several_test_nets_are_tested_in_turn_on_the_trained_weights() -> None:
    run = Run(tests=[1, None], test_interval=2)
    run.solver.step(3)
    said = run.said(NetTested)
    assert [(r.iteration, r.net) for r in said] == [(0, 0), (0, 1), (2, 0), (2, 1)]
    trained = run.solver.net.layer_blobs()["ip1"][0]
    for test in run.solver.tests:
        assert test.net.layer_blobs()["ip1"][0].data_ptr() == trained.data_ptr()


def test_asked_to_stop_it_stops_after_the_iteration() -> None:
    run = Run(asks={3: Action.STOP}, max_iter=10, display=1)
    run.solver.solve()
    assert run.solver.iteration == 3
    assert isinstance(run.events[-1], Stopped)
    assert not run.said(Done) + run.said(FinalLoss)


def test_asked_to_stop_in_a_test_it_leaves_the_test() -> None:
    run = Run(tests=[5, 5], asks={2: Action.STOP}, test_interval=1, max_iter=10)
    run.solver.solve()
    assert run.solver.iteration == 0
    assert run.story()[1:] == ["NetTesting 0", "NetTestInterrupted 0", "Stopped 0"]
    assert len(run.said(NetTestInterrupted)) == 1


def test_fields_that_do_nothing_are_named() -> None:
    run = Run(gamma=0.5, max_iter=0)
    run.solver.solve()
    assert [w.what for w in run.said(Warned)] == ['lr_policy "fixed" does not look at gamma']


def test_all_faults_of_a_solver_are_told_at_once() -> None:
    with pytest.raises(SpecError) as error:
        Run(type="Sgd", lr_policy="step", average_loss=0, test_iter=[-1], display=-1)
    text = str(error.value)
    for words in ("SGD", "needs gamma", "needs stepsize", "average_loss", "test_iter", "display"):
        assert words in text


def test_every_record_of_a_run_has_a_line() -> None:
    run = Run(tests=[1], test_interval=1, display=1, max_iter=2, debug_info=True)
    run.solver.solve()
    assert all(list(lines(event)) for event in run.events)


def test_a_snapshot_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    def story(asks: dict[int, Action] | None = None, **fields: object) -> list[int]:
        run = Run(asks=asks, **{"snapshot_after_train": True, **fields})
        taken: list[int] = []
        monkeypatch.setattr(run.solver, "snapshot", lambda: taken.append(run.solver.iteration))
        run.solver.solve()
        return taken

    assert story(max_iter=5, snapshot=2) == [2, 4, 5]
    assert story(max_iter=4, snapshot=2) == [2, 4]
    assert story(max_iter=5) == [5]
    assert story(max_iter=5, snapshot=2, snapshot_after_train=False) == [2, 4]
    assert story({3: Action.SNAPSHOT}, max_iter=5, snapshot=4) == [3, 4, 5]
    assert story({3: Action.STOP}, max_iter=5, snapshot=2) == [2, 3]
    assert story({3: Action.STOP}, max_iter=5, snapshot_after_train=False) == []
