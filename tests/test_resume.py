"""A resumed run equals one that was never interrupted; Caffe's own snapshots are gone on from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.errors import Diverged, WeightsError
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter, SolverState
from catdog.solver.action import Action
from catdog.solver.events import Display, NetTested, Snapshotted
from tests.runs import Run, rows
from tests.solver.test_solver import RESUMES, SOLVERS, agrees_at_the_end, arrays, golden, trajectory

FORMS = [SolverParameter.BINARYPROTO, SolverParameter.HDF5]


@pytest.mark.parametrize("case", RESUMES)
def test_caffes_snapshot_is_gone_on_from(case: str) -> None:
    want = json.loads((SOLVERS / case / "trajectory_resumed.json").read_text())
    solver = golden(case)
    solver.restore(SOLVERS / case / "snap_iter_20.solverstate")
    assert solver.iteration == want[0]["iter"] == 20
    losses = trajectory(solver, len(want))
    np.testing.assert_allclose(losses, [row["loss"] for row in want], rtol=2e-4, atol=1e-4)
    agrees_at_the_end(solver, arrays(case, "final_resumed"), arrays(case, "history_resumed"))


@pytest.mark.parametrize("case", RESUMES)
def test_our_snapshot_is_caffes(case: str, tmp_path: Path) -> None:
    solver = golden(case)
    solver.param.snapshot_prefix = str(tmp_path / "snap")
    solver.step(20)
    solver.snapshot()
    mine, caffes = (
        SolverState.FromString((folder / "snap_iter_20.solverstate").read_bytes())
        for folder in (tmp_path, SOLVERS / case)
    )
    assert (mine.iter, mine.current_step) == (caffes.iter, caffes.current_step)
    assert [b.shape for b in mine.history] == [b.shape for b in caffes.history]
    net = NetParameter.FromString((tmp_path / "snap_iter_20.caffemodel").read_bytes())
    theirs = NetParameter.FromString((SOLVERS / case / "snap_iter_20.caffemodel").read_bytes())
    blobs = {layer.name: [b.shape for b in layer.blobs] for layer in net.layer if layer.blobs}
    assert blobs == {lay.name: [b.shape for b in lay.blobs] for lay in theirs.layer if lay.blobs}


FIELDS = {
    "SGD": {"momentum": 0.9, "lr_policy": "multistep", "gamma": 0.5, "stepvalue": [3, 6, 8]},
    "Nesterov": {"momentum": 0.9, "iter_size": 2, "average_loss": 3},
    "AdaGrad": {"average_loss": 20, "weight_decay": 0.01},
    "RMSProp": {"rms_decay": 0.9, "clip_gradients": 0.5},
    "AdaDelta": {"momentum": 0.9},
    "Adam": {"momentum": 0.9, "warmup_iter": 7, "average_loss": 2},
}


def shown(run: Run) -> list[tuple[object, ...]]:
    """The numbers of every display and test, without the times."""
    return [
        (type(r).__name__, r.iteration, r.outputs, r.loss)
        for r in run.events
        if isinstance(r, Display | NetTested)
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", FIELDS)
def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit(
    kind: str, form: SolverParameter.SnapshotFormat, tmp_path: Path
) -> None:
    fields = {
        "type": kind,
        "max_iter": 10,
        "display": 1,
        "test_interval": 3,
        "snapshot_format": form,
        "snapshot_prefix": str(tmp_path / "snap"),
        **FIELDS[kind],
    }
    whole = Run(tests=[2, None], **fields)
    whole.solver.solve()
    first = Run(tests=[2, None], asks={9: Action.STOP}, snapshot_after_train=True, **fields)
    first.solver.solve()
    stopped = first.solver.iteration
    assert 0 < stopped < 10
    (snapshot,) = first.said(Snapshotted)
    # another seed: all that matters comes out of the snapshot
    second = Run(tests=[2, None], seed=99, **fields)
    second.solver.restore(Path(snapshot.state))
    second.solver.solve()
    begun = next(i for i, row in enumerate(shown(whole)) if row[1] >= stopped)
    assert shown(second) == shown(whole)[begun:]
    for one, other in zip(whole.solver.net.learnable, second.solver.net.learnable, strict=True):
        assert torch.equal(one.parameter, other.parameter)
    pairs = zip(whole.solver.update.history(), second.solver.update.history(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_state_of_another_net_or_type_is_refused(tmp_path: Path) -> None:
    run = Run(type="Adam", snapshot_prefix=str(tmp_path / "snap"))
    run.solver.step(2)
    run.solver.snapshot()
    state = tmp_path / "snap_iter_2.solverstate"
    # Caffe does not write the type
    message = SolverState.FromString(state.read_bytes())
    message.ClearField("run")
    message.ClearField("seal")
    state.write_bytes(message.SerializeToString())
    with pytest.raises(WeightsError, match="8 history blobs, SGD on this net needs 4") as error:
        Run().solver.restore(state)
    assert str(error.value).startswith(f"{state}: ")


def test_a_run_that_diverged_leaves_the_last_good_snapshot(tmp_path: Path) -> None:
    run = Run(snapshot=1, snapshot_prefix=str(tmp_path / "snap"), feed=rows())
    run.solver.step(2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    run.solver.net.layer_blobs()["ip1"][0][0, 0] = torch.nan
    with pytest.raises(Diverged, match="a parameter is no number; no snapshot is written"):
        run.solver.snapshot()
    with pytest.raises(Diverged):
        run.solver.step(5)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_snapshot_diff_writes_the_updates(tmp_path: Path) -> None:
    run = Run(snapshot_diff=True, snapshot_prefix=str(tmp_path / "snap"), momentum=0.9)
    run.solver.step(2)
    run.solver.snapshot()
    net = NetParameter.FromString((tmp_path / "snap_iter_2.caffemodel").read_bytes())
    diffs = {layer.name: [list(blob.diff) for blob in layer.blobs] for layer in net.layer}
    updates = run.solver.update.history()
    assert diffs["ip1"][0] == updates[0].flatten().tolist()
    assert diffs["ip2"][1] == updates[3].flatten().tolist()
