"""Which snapshot a run goes on from, and what is noticed of a damaged one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from catdog.errors import WeightsError
from catdog.proto.caffe_pb2 import SolverParameter, SolverState
from catdog.solver.snapshot_search import check_whole, newest
from catdog.solver.solverstate import write_state
from tests.runs import Run
from tests.solver.test_solverstate import SGD, STATE
from tests.test_resume import FORMS

KINDS = (".solverstate", ".caffemodel", "_ema.caffemodel")


def trained(folder: Path, *, last: int = 6, seed: int = 3, **fields: object) -> Run:
    """A run with a snapshot after every second iteration."""
    usual = {"ema_decay": 0.5, "snapshot_prefix": str(folder / "sn[a]p"), "snapshot": 2}
    run = Run(seed=seed, **{**usual, **fields})
    run.solver.step(last)
    return run


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(place: float) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[int(place * (len(content) - 1))] ^= 4
        return bytes(changed)

    return flip


DAMAGES = {
    "half": half,
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "a byte less": lambda content: content[:-1],
    "without its seal": lambda content: content[:-35],
    "first bit": flipped(0),
    "second byte": flipped(0.001),
    "in the middle": flipped(0.5),
    "last bit": flipped(1),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("damage", [*DAMAGES, "gone"])
def test_a_damaged_snapshot_is_noticed_and_passed_over(
    form: SolverParameter.SnapshotFormat, damage: str, tmp_path: Path
) -> None:
    trained(tmp_path, snapshot_format=form)
    prefix, end = str(tmp_path / "sn[a]p"), ".h5" * (form == SolverParameter.HDF5)
    state = tmp_path / f"sn[a]p_iter_6.solverstate{end}"
    assert newest(prefix).path == state
    for kind in KINDS:
        path = tmp_path / f"sn[a]p_iter_6{kind}{end}"
        content = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(DAMAGES[damage](content))
        found = newest(prefix)
        assert found.path == tmp_path / f"sn[a]p_iter_4.solverstate{end}", kind
        assert found.passed_over.startswith("sn[a]p_iter_6.solverstate"), kind
        with pytest.raises(WeightsError) as error:
            check_whole(state)
        assert "\n" not in str(error.value)
        path.write_bytes(content)
    assert check_whole(state).iteration == 6


@pytest.mark.parametrize("name", ["x.solverstate", "x.solverstate.h5"])
def test_every_cut_and_every_flipped_bit_of_a_state_is_noticed(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_state(path, STATE)
    content = path.read_bytes()
    step = 1 if len(content) < 1000 else 97
    for at in (*range(0, len(content) - 40, step), *range(len(content) - 40, len(content))):
        flip = bytearray(content)
        flip[at] ^= 1 << at % 8
        for broken in (bytes(flip), content[:at]):
            path.write_bytes(broken)
            with pytest.raises(WeightsError):
                check_whole(path)


def test_weights_of_another_run_are_not_the_states(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    trained(mine)
    trained(other, seed=9)
    name = "sn[a]p_iter_6.caffemodel"
    (mine / name).write_bytes((other / name).read_bytes())
    with pytest.raises(WeightsError, match=r"not what was written together with sn\[a\]p_iter_6"):
        Run(ema_decay=0.5).solver.restore(mine / "sn[a]p_iter_6.solverstate")
    assert newest(str(mine / "sn[a]p")).path == mine / "sn[a]p_iter_4.solverstate"


def test_the_newest_is_of_the_run_that_is_named_or_of_the_last(tmp_path: Path) -> None:
    prefix = str(tmp_path / "sn[a]p")
    old = trained(tmp_path).solver.run
    new = trained(tmp_path, last=2).solver.run
    last = tmp_path / "sn[a]p_iter_2.solverstate"
    for found in (newest(prefix, new), newest(prefix)):
        assert (found.path, found.run) == (last, new)
        assert f"sn[a]p_iter_6.solverstate (of run {old}, not {new})" in found.passed_over
    assert newest(prefix, old).path == tmp_path / "sn[a]p_iter_6.solverstate"
    assert newest(prefix, "another").path is None
    assert newest(str(tmp_path / "no" / "folder")).path is None
    assert newest(str(tmp_path / "snap")).path is None


def test_what_a_run_left_behind_when_it_went_on_from_before_is_put_aside(tmp_path: Path) -> None:
    trained(tmp_path)
    again = Run(ema_decay=0.5, snapshot_prefix=str(tmp_path / "sn[a]p"), snapshot=5)
    again.solver.restore(tmp_path / "sn[a]p_iter_2.solverstate")
    assert newest(str(tmp_path / "sn[a]p")).path == tmp_path / "sn[a]p_iter_6.solverstate"
    # killed in this iteration, before it had a snapshot of its own
    again.solver.step(1)
    found = newest(str(tmp_path / "sn[a]p"), again.solver.run)
    assert found.path == tmp_path / "sn[a]p_iter_2.solverstate"
    assert found.passed_over == ""
    for name in ("caffemodel", "solverstate"):
        assert (tmp_path / f"sn[a]p_iter_6.{name}.1").is_file()
    assert (tmp_path / "sn[a]p_iter_6_ema.caffemodel.1").is_file()


def test_a_clock_that_was_set_back_is_no_matter(tmp_path: Path, monkeypatch) -> None:
    trained(tmp_path)
    again = Run(ema_decay=0.5, snapshot_prefix=str(tmp_path / "sn[a]p"), snapshot=2)
    again.solver.restore(tmp_path / "sn[a]p_iter_6.solverstate")
    monkeypatch.setattr("time.time", lambda: 1000.0)
    again.solver.step(2)
    found = newest(str(tmp_path / "sn[a]p"), again.solver.run)
    assert found.path == tmp_path / "sn[a]p_iter_8.solverstate"


def test_a_state_that_does_not_tell_its_run_is_said_to(tmp_path: Path) -> None:
    trained(tmp_path)
    assert not newest(str(tmp_path / "sn[a]p")).nameless
    for path in tmp_path.glob("*.solverstate"):
        message = SolverState.FromString(path.read_bytes())
        message.run.ClearField("id")
        message.ClearField("seal")
        path.write_bytes(message.SerializeToString())
    assert newest(str(tmp_path / "sn[a]p"), "another").nameless


def test_iterations_are_numbers_and_caffes_files_have_no_checksums(tmp_path: Path) -> None:
    message = SolverState.FromString((SGD / "snap_iter_20.solverstate").read_bytes())
    for iteration in (900, 1000, 80):
        message.iter, message.learned_net = iteration, f"snap_iter_{iteration}.caffemodel"
        (tmp_path / f"snap_iter_{iteration}.solverstate").write_bytes(message.SerializeToString())
        weights = (SGD / "snap_iter_20.caffemodel").read_bytes()
        (tmp_path / message.learned_net).write_bytes(weights)
    assert newest(str(tmp_path / "snap")).path == tmp_path / "snap_iter_1000.solverstate"
    (tmp_path / "snap_iter_1000.caffemodel").write_bytes(half(weights))
    assert newest(str(tmp_path / "snap")).path == tmp_path / "snap_iter_900.solverstate"
