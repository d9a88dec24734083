"""Solvers on blobs: Caffe's trajectories, what a program may do between steps, snapshots."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import catdog.pycaffe as caffe
from catdog.errors import CatdogError, SpecError, WeightsError
from catdog.solver.events import NetTested
from tests.pycaffe.nets import SIMPLE

GOLDENS = Path(__file__).parent.parent / "goldens/solvers"
CASES = json.loads((GOLDENS / "index.json").read_text())


@pytest.fixture
def start(write, tmp_path, monkeypatch):
    """A solver of the simple net with some fields more."""
    monkeypatch.chdir(tmp_path)

    def started(more="", net=SIMPLE):
        text = f"""net: "{write(net)}" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9
        snapshot_prefix: "model" snapshot_after_train: false {more}"""
        return caffe.get_solver(write(text, "solver.prototxt"))

    return started


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_trajectories(case, tmp_path, monkeypatch):
    folder = shutil.copytree(GOLDENS / case["case"], tmp_path / "case")
    monkeypatch.chdir(folder)
    solver = caffe.get_solver("solver.prototxt")
    for key, array in np.load("init.npz").items():
        layer, index = key.rsplit(":", 1)
        solver.net.params[layer][int(index)].data[...] = array
    for row in json.loads(Path("trajectory.json").read_text()):
        assert solver.iter == row["iter"]
        np.testing.assert_allclose(solver.lr, row["lr"], rtol=1e-5)
        solver.step(1)
        if case["iter_size"] == 1:
            np.testing.assert_allclose(solver.net.blobs["loss"].data, row["loss"], rtol=2e-4)
    for key, array in np.load("final.npz").items():
        layer, index = key.rsplit(":", 1)
        got = solver.net.params[layer][int(index)].data
        np.testing.assert_allclose(got, array, rtol=1e-3, atol=1e-3 * np.abs(array).max())


@pytest.mark.parametrize("case", ["resume_sgd", "resume_adam"])
def test_goes_on_from_caffes_own_state(case, tmp_path, monkeypatch):
    folder = shutil.copytree(GOLDENS / case, tmp_path / "case")
    monkeypatch.chdir(folder)
    solver = caffe.get_solver("solver.prototxt")
    solver.restore("snap_iter_20.solverstate")
    assert solver.iter == 20
    for row in json.loads(Path("trajectory_resumed.json").read_text()):
        solver.step(1)
        np.testing.assert_allclose(solver.net.blobs["loss"].data, row["loss"], rtol=2e-4)


def test_the_file_or_the_class_says_the_rule(start, write):
    solver = start('type: "Nesterov"')
    assert type(solver) is caffe.NesterovSolver
    kinds = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
    plain = f'net: "{write(SIMPLE)}" base_lr: 0.01 lr_policy: "fixed"'
    for kind in kinds:
        made = getattr(caffe, f"{kind}Solver")(write(plain, "solver"))
        made.step(1)
        assert made.param.type == kind


def test_solve_runs_to_max_iter(start):
    solver = start("max_iter: 5 test_iter: 2 test_interval: 2")
    solver.solve()
    assert solver.iter == 5
    assert len(solver.test_nets) == 1


def test_an_update_is_taken_from_the_diffs(start):
    solver = start()
    weights = solver.net.layers[1].blobs[0]
    held = weights.data
    held[...] = 0
    weights.diff[...] = 1
    solver.apply_update()
    np.testing.assert_allclose(held, -0.01, rtol=1e-6)
    solver.apply_update()
    np.testing.assert_allclose(held, -0.01 - 0.019, rtol=1e-6)


def test_diffs_of_the_last_step_can_be_read(start):
    solver = start("weight_decay: 0.5")
    weights = solver.net.params["ip"][0]
    before = weights.data.copy()
    solver.step(1)
    wanted = before - 0.01 * (weights.diff + 0.5 * before)
    np.testing.assert_allclose(weights.data, wanted, rtol=1e-5, atol=1e-7)


def test_nccl_on_one_device_changes_nothing(start):
    def losses(alone):
        caffe.set_random_seed(3)
        solver = start()
        if not alone:
            nccl = caffe.NCCL(solver, caffe.NCCL.new_uid())
            nccl.bcast()
            solver.add_callback(nccl)
            solver.net.after_backward(nccl)
        solver.step(3)
        return float(solver.net.blobs["loss"].data)

    assert losses(alone=True) == losses(alone=False)
    caffe.set_solver_count(2)
    try:
        with pytest.raises(CatdogError, match="one device, not on 2"):
            caffe.NCCL(start(), caffe.NCCL.new_uid())
    finally:
        caffe.set_solver_count(1)


def test_callbacks_frame_the_gradients(start):
    solver = start("iter_size: 2")
    heard = []
    weights = solver.net.params["ip"][0]
    solver.add_callback(
        lambda: heard.append(("start", float(np.abs(weights.diff).max()))),
        lambda: heard.append(("gradients", float(np.abs(weights.diff).max()))),
    )
    solver.step(2)
    assert [name for name, _ in heard] == ["start", "gradients"] * 2
    assert heard[0][1] == heard[2][1] == 0 and heard[1][1] > 0


def test_test_nets_have_the_parameters_of_the_trained_one(start):
    solver = start("test_iter: 1 test_iter: 1 test_interval: 100 test_initialization: false")
    solver.step(2)
    for net in solver.test_nets:
        for name, blobs in solver.net.params.items():
            for mine, theirs in zip(blobs, net.params[name], strict=True):
                np.testing.assert_array_equal(mine.data, theirs.data)
                assert np.shares_memory(mine.data, theirs.data)
        net.forward()


def test_share_weights(start, write):
    solver, other = start(), caffe.Net(write(SIMPLE), caffe.TEST)
    solver.share_weights(other)
    solver.net.params["ip"][0].data[...] = 4
    assert (other.params["ip"][0].data == 4).all()


def test_nets_outlive_their_solver(start):
    solver = start("test_iter: 1 test_interval: 100")
    nets = [solver.net, *solver.test_nets]
    del solver
    for net in nets:
        assert np.isfinite(net.forward()["loss"])


@pytest.mark.parametrize(("form", "ending"), [("BINARYPROTO", ""), ("HDF5", ".h5")])
def test_a_snapshot_is_gone_on_from(start, tmp_path, form, ending):
    fields = f'snapshot_format: {form} snapshot: 3 type: "Adam"'
    constant = SIMPLE.replace('type: "gaussian"', "value: 0.1")
    solver = start(fields, constant)
    solver.step(5)
    state = tmp_path / f"model_iter_3.solverstate{ending}"
    assert state.is_file() and (tmp_path / f"model_iter_3.caffemodel{ending}").is_file()
    again = start(fields, constant)
    again.restore(str(state))
    assert again.iter == 3
    again.step(2)
    for name, blobs in solver.net.params.items():
        for mine, theirs in zip(blobs, again.net.params[name], strict=True):
            np.testing.assert_array_equal(mine.data, theirs.data)
    with pytest.raises(WeightsError, match="no such file"):
        again.restore("model_iter_9.solverstate")


def test_diffs_ride_in_a_snapshot(start, tmp_path):
    solver = start("snapshot_diff: true snapshot_format: HDF5")
    solver.step(1)
    solver.snapshot()
    with h5py.File(tmp_path / "model_iter_1.caffemodel.h5") as file:
        assert np.abs(file["diff/ip/0"][()]).max() > 0


def test_a_loss_that_is_no_number_does_not_stop_it(start):
    solver = start()
    solver.net.params["ip"][0].data[...] = np.nan
    solver.step(2)
    assert np.isnan(solver.net.blobs["loss"].data)


def test_it_says_what_caffe_says(start, capfd):
    solver = start("max_iter: 2 display: 1 test_iter: 1 test_interval: 2")
    caffe.init_log(0)
    solver.solve()
    said = capfd.readouterr().err
    for line in (
        *("Iteration 0, Testing net (#0)", "Test net output #0: loss = ", "Iteration 1, lr = 0.01"),
        *("Train net output #0: loss = ", "Optimization Done."),
    ):
        assert line in said


def test_faults_of_a_solver(start, write, tmp_path):
    with pytest.raises(SpecError, match='unknown lr_policy "fixd"'):
        caffe.get_solver(write('net: "x" base_lr: 1 lr_policy: "fixd"', "s.prototxt"))
    with pytest.raises(CatdogError, match="no such file"):
        caffe.SGDSolver(str(tmp_path / "none"))
    with pytest.raises(CatdogError, match="give test_iter"):
        start("test_interval: 1")


PLATEAU = """net: "{net}" base_lr: 2 lr_policy: "plateau" gamma: 0.5 plateau_winsize: 2
plateau_winsize: 1 average_loss: 2 momentum: 0.9 snapshot: 4 snapshot_prefix: "model" """


def test_a_plateau_of_losses_lowers_the_rate_and_is_gone_on_with(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PLATEAU.format(net=write(SIMPLE.replace('type: "gaussian"', "value: 0.1")))
    solver = caffe.get_solver(write(text, "solver.prototxt"))
    losses, rates, least, since, step = [], [], 1e38, 0, 0
    for iteration in range(10):
        solver.step(1)
        losses.append(float(solver.net.blobs["loss"].data))
        smoothed = np.mean(losses[-2:])
        if smoothed < least:
            least, since = smoothed, iteration
        if step < 2 and iteration >= since + (2, 1)[step]:
            step, since = step + 1, iteration
        rates.append(2 * 0.5**step)
        assert solver.lr == rates[-1]
    assert rates[0] > rates[-1], "the case shows nothing"
    again = caffe.get_solver(write(text, "solver.prototxt"))
    again.restore("model_iter_4.solverstate")
    assert again.lr == rates[3]


DETECTOR = """
layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 1 dim: 2 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
  inner_product_param { num_output: 2 } }
layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "x" top: "loss"
  include { phase: TRAIN } }
layer { name: "silence" type: "Silence" bottom: "ip" include { phase: TEST } }
layer { name: "rows" type: "Input" top: "found" top: "true" include { phase: TEST }
  input_param { shape { dim: 1 dim: 1 dim: 2 dim: 7 } shape { dim: 1 dim: 1 dim: 1 dim: 8 } } }
layer { name: "detection_eval" type: "DetectionEvaluate" bottom: "found" bottom: "true"
  top: "detection_eval" include { phase: TEST } detection_evaluate_param { num_classes: 3 } }
"""


def test_detections_are_scored(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = f"""net: "{write(DETECTOR)}" base_lr: 0.1 lr_policy: "fixed"
    test_iter: 2 test_interval: 1 eval_type: "detection"
    ap_version: "Integral" snapshot_prefix: "model" """
    solver = caffe.get_solver(write(text, "solver.prototxt"))
    said = []
    monkeypatch.setattr(solver, "_say", said.append)
    blobs = solver.test_nets[0].blobs
    # class 1 is found behind a wrong one: precision 1/2, that of class 2 without a box is 0
    blobs["found"].data[...] = [[0, 1, 0.9, 0, 0, 0.2, 0.2], [0, 1, 0.8, 0.5, 0.5, 1, 1]]
    blobs["true"].data[...] = [0, 1, 0, 0.5, 0.5, 1, 1, 0]
    solver.step(1)
    (tested,) = (event for event in said if isinstance(event, NetTested))
    (output,) = tested.outputs
    assert output.name == "detection_eval"
    # two batches alike: both wrong ones come first
    precisions = 1 / 3, 2 / 4
    assert output.value == pytest.approx(sum(each / 2 for each in precisions) / 2)
