"""States to files and back, Caffe's own among them, and how one is found."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from catdog.errors import WeightsError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import (
    BlobShape,
    FeedState,
    GeneratorState,
    NetParameter,
    RunState,
    SolverState,
    SourceState,
)
from catdog.solver.snapshot_search import find
from catdog.solver.solverstate import (
    TrainingState,
    learned_net,
    model_path,
    read_state,
    resume_net,
    state_path,
    write_state,
)
from catdog.spec.upgrade import upgrade_net
from catdog.weights import weights_of, write_weights

GOLDENS = Path(__file__).parents[1] / "goldens"
SGD = GOLDENS / "solvers" / "resume_sgd"
ADAM = GOLDENS / "solvers" / "resume_adam"

RUN = RunState(
    generator=[GeneratorState(device="cpu", state=b"\x00\x01\xff")],
    train=FeedState(source=[SourceState(layer="data", position=7, epoch=2, seed=2**64 - 1)]),
    test=[FeedState()],
    recent_loss=[0.5, 0.25],
)
HISTORY = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.float32(3).reshape(()),
    np.ones(0, "f4"),
]
STATE = TrainingState(
    iteration=20, current_step=1, learned_net="a/snap_20.x", history=HISTORY, run=RUN
)


@pytest.mark.parametrize("folder", [SGD, ADAM])
def test_caffes_state_is_read(folder: Path) -> None:
    state = read_state(folder / "snap_iter_20.solverstate")
    assert (state.iteration, state.learned_net) == (20, "snap_iter_20.caffemodel")
    assert state.run == RunState()
    with np.load(folder / "snapshot_history.npz") as want:
        assert len(state.history) == len(want)
        for i, array in enumerate(state.history):
            np.testing.assert_array_equal(array, want[f"history:{i}"])


@pytest.mark.parametrize("name", ["model.solverstate", "model.solverstate.h5"])
def test_both_forms_of_caffes_state_are_read(name: str) -> None:
    state = read_state(GOLDENS / "formats" / name)
    with np.load(GOLDENS / "formats" / "expected_models.npz") as want:
        start = "model.solverstate/"
        assert state.iteration == want[start + "iter"]
        assert state.current_step == want[start + "current_step"]
        for i, array in enumerate(state.history):
            np.testing.assert_array_equal(array, want[f"{start}history:{i}"])
        assert len(state.history) == sum(key.startswith(f"{start}history:") for key in want)


def test_caffes_state_is_written_byte_for_byte(tmp_path: Path) -> None:
    theirs = SGD / "snap_iter_20.solverstate"
    write_state(tmp_path / theirs.name, read_state(theirs))
    ours = SolverState.FromString((tmp_path / theirs.name).read_bytes())
    ours.ClearField("run")
    ours.ClearField("seal")
    assert ours.SerializeToString() == theirs.read_bytes()


@pytest.mark.parametrize("name", ["x.solverstate", "x.solverstate.h5"])
def test_a_state_written_is_a_state_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / name
    write_state(path, STATE)
    state = read_state(path)
    assert (state.iteration, state.current_step, state.learned_net) == (20, 1, "a/snap_20.x")
    assert state.run == RUN
    assert len(state.history) == len(HISTORY)
    for one, other in zip(state.history, HISTORY, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.float32
    assert [each.name for each in path.parent.iterdir()] == [name]


def test_hdf5_has_caffes_layout(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate.h5"
    write_state(path, STATE)
    with h5py.File(path) as file:
        assert file["iter"].shape == file["current_step"].shape == (1,)
        assert file["iter"].dtype == file["current_step"].dtype == np.int32
        assert file["learned_net"].shape == ()
        # a C string with its end
        assert file["learned_net"].dtype == f"S{len(STATE.learned_net) + 1}"
        assert sorted(file["history"]) == ["0", "1", "2"]
        assert file["history"]["0"].dtype == np.float32


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate.h5"
    write_state(path, STATE)
    before = path.read_bytes()
    broken = TrainingState(iteration=2**40, history=HISTORY)
    with pytest.raises(OverflowError):
        write_state(path, broken)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 50, b"net: 'x.prototxt'\n", b"\x89HDF\r\n\x1a\n" + b"\0" * 64]
)
def test_a_file_that_is_no_state_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is no solver state") as error:
        read_state(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_weights_given_for_a_state_are_refused() -> None:
    with pytest.raises(WeightsError, match="is no solver state"):
        read_state(SGD / "snap_iter_20.caffemodel")


def test_names_are_caffes() -> None:
    assert model_path("a/snap", 7) == Path("a/snap_iter_7.caffemodel")
    assert model_path("a/snap", 7, hdf5=True) == Path("a/snap_iter_7.caffemodel.h5")
    assert state_path(model_path("a/snap", 7, hdf5=True)) == Path("a/snap_iter_7.solverstate.h5")


def pair(folder: Path, prefix: str, iteration: int, *, hdf5: bool = False) -> Path:
    model = model_path(str(folder / prefix), iteration, hdf5=hdf5)
    model.touch()
    state_path(model).touch()
    return state_path(model)


@pytest.mark.parametrize("hdf5", [False, True])
def test_either_file_of_a_snapshot_is_taken(hdf5: bool, tmp_path: Path) -> None:
    state = pair(tmp_path, "snap", 7, hdf5=hdf5)
    model = model_path(str(tmp_path / "snap"), 7, hdf5=hdf5)
    assert find(str(state)) == find(str(model)) == state


def test_a_name_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    pair(tmp_path, "snap", 10)
    with pytest.raises(WeightsError, match=r"did you mean .snap_iter_10.solverstate"):
        find(str(tmp_path / "snap_iter_1.solverstate"))
    (tmp_path / "alone.caffemodel").touch()
    with pytest.raises(WeightsError, match="give them to --weights"):
        find(str(tmp_path / "alone.caffemodel"))


def test_weights_are_found_beside_a_moved_state(tmp_path: Path) -> None:
    state = pair(tmp_path, "snap", 10)
    model = tmp_path / "snap_iter_10.caffemodel"
    assert (
        learned_net(state, TrainingState(10, learned_net="old/place/snap_iter_10.caffemodel"))
        == model
    )
    model.unlink()
    with pytest.raises(WeightsError, match=r"beside the .solverstate"):
        learned_net(state, TrainingState(10, learned_net="snap_iter_10.caffemodel"))
    with pytest.raises(WeightsError, match="not named"):
        learned_net(state, TrainingState(10))


def edited(first: str = "a", outputs: int = 4) -> Net:
    """Five layers, one after the other."""
    net = NetParameter(input=["x"], input_shape=[BlobShape(dim=[2, 3])])
    bottom = "x"
    for name in (first, "b", "c", "d", "e"):
        layer = net.layer.add(name=name, type="InnerProduct", bottom=[bottom], top=[name])
        layer.inner_product_param.num_output = outputs
        bottom = name
    return Net(upgrade_net(net))


def test_an_edited_net_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "run_iter_2.caffemodel"
    write_weights(path, weights_of(edited()))
    remedy = (
        "go on with the net that the snapshot was made with, or start anew from its weights: "
        f"--weights {path}"
    )
    # not with a layer of random numbers either
    with pytest.raises(WeightsError) as caught:
        resume_net(edited("new"), path)
    assert str(caught.value) == f"{path}: has no weights for new; {remedy}"
    with pytest.raises(WeightsError) as caught:
        resume_net(edited(outputs=5), path)
    assert str(caught.value) == (
        f'{path}: layer "a": blob 0 is [5, 3] in the net, [4, 3] in the file; '
        'layer "b": blob 0 is [5, 5] in the net, [4, 4] in the file; '
        'layer "c": blob 0 is [5, 5] in the net, [4, 4] in the file; and 2 more; '
        f"{remedy}"
    )
