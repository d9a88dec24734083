"""What a run that goes on has otherwise than the one that wrote the snapshot."""

from pathlib import Path

import numpy as np
import pytest

from catdog.errors import WeightsError
from catdog.proto.caffe_pb2 import SolverState
from catdog.solver.events import Warned
from catdog.solver.solverstate import read_state
from tests.runs import Run, rows

MOMENTUM = {"SGD": {"momentum": 0.9}, "Nesterov": {"momentum": 0.9}, "AdaGrad": {}, "RMSProp": {}}


def stopped(folder: Path, kind: str, **fields: object) -> Path:
    """The state of a run of three iterations."""
    run = Run(type=kind, snapshot_prefix=str(folder / "snap"), **MOMENTUM[kind], **fields)
    run.solver.step(3)
    run.solver.snapshot()
    return folder / "snap_iter_3.solverstate"


def without_type(state: Path) -> Path:
    """As Caffe writes it: nothing is said of the type."""
    message = SolverState.FromString(state.read_bytes())
    message.ClearField("run")
    message.ClearField("seal")
    state.write_bytes(message.SerializeToString())
    return state


@pytest.mark.parametrize(("before", "now"), [("SGD", "AdaGrad"), ("AdaGrad", "SGD")])
def test_the_state_of_another_type_is_refused(before: str, now: str, tmp_path: Path) -> None:
    state = stopped(tmp_path, before)
    with pytest.raises(WeightsError) as error:
        Run(type=now).solver.restore(state)
    text = str(error.value)
    assert text.startswith(f"{state}: is the state of a solver of type {before}, which keeps ")
    assert f"--set type={before}" in text and "--weights" in text


def test_types_that_keep_the_same_are_told(tmp_path: Path) -> None:
    run = Run(type="Nesterov", momentum=0.9)
    run.solver.restore(stopped(tmp_path, "SGD"))
    (warning,) = run.said(Warned)
    assert warning.what == "not as in the snapshot: type was SGD and is Nesterov"


@pytest.mark.parametrize("now", ["AdaGrad", "RMSProp"])
def test_caffes_state_with_numbers_below_0_is_no_state_of_squares(now: str, tmp_path: Path) -> None:
    state = without_type(stopped(tmp_path, "SGD"))
    assert any((np.asarray(blob) < 0).any() for blob in read_state(state).history)
    with pytest.raises(WeightsError, match="has numbers below 0: it is another solver type"):
        Run(type=now).solver.restore(state)


def test_caffes_state_without_numbers_below_0_is_told(tmp_path: Path) -> None:
    run = Run(momentum=0.9)
    run.solver.restore(without_type(stopped(tmp_path, "AdaGrad")))
    (warning,) = run.said(Warned)
    assert "no number below 0, as that of AdaGrad" in warning.what
    for kind in ("AdaGrad", "SGD"):
        same = Run(type=kind, **MOMENTUM[kind])
        same.solver.restore(without_type(stopped(tmp_path, kind)))
        assert not same.said(Warned)


def test_other_data_are_told(tmp_path: Path) -> None:
    state = stopped(tmp_path, "SGD")
    run = Run(feed=rows(count=300, batch_size=4), iter_size=2)
    run.solver.restore(state)
    (warning,) = run.said(Warned)
    assert warning.what == (
        "not as in the snapshot: iter_size was 1 and is 2; "
        'layer "data" read its data (20 examples) and reads its data (300 examples); '
        'layer "data" had batch_size 8 and has 4'
    )
