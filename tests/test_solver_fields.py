"""Every field of a solver has its place: a new one fails here until it is listed."""

import math
import re
from pathlib import Path

import pytest

from catdog.errors import SpecError
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.faults import solver_faults
from catdog.spec.solver_nets import net_faults
from catdog.spec.upgrade import upgrade_solver

CATDOG = Path(__file__).parents[1] / "catdog"
#: Where each field is honoured.
READERS = {
    "spec/solver_nets.py": "net net_param train_net test_net train_net_param test_net_param "
    "train_state test_state test_iter test_interval stage",
    "solver/solver.py": "test_interval test_compute_loss test_initialization display "
    "average_loss max_iter iter_size snapshot debug_info "
    "snapshot_after_train fresh_lr_mult type layer_wise_reduce",
    "solver/lr_policy.py": "base_lr lr_policy gamma power stepsize stepvalue max_iter "
    "stagelr stageiter plateau_winsize",
    "solver/warmup.py": "warmup_iter warmup_start warmup_start_lr rampup_interval rampup_lr engine",
    "solver/loss_plateau.py": "plateau_winsize",
    "solver/average_precision.py": "eval_type ap_version show_per_class_result",
    "solver/early_stopping.py": "snapshot_best watched_score early_stop_patience "
    "early_stop_min_delta plateau_patience plateau_min_delta min_lr ema_decay",
    "spec/freezing.py": "freeze unfreeze",
    "solver/snapshot_rotation.py": "snapshot_keep snapshot_prefix snapshot_diff snapshot_format",
    "solver/updates.py": "iter_size momentum weight_decay regularization_type clip_gradients delta "
    "momentum2 rms_decay snapshot_diff",
    "training/options.py": "snapshot_prefix weights freeze",
    "training/epochs.py": "max_epoch test_epoch",
    "training/start_checks.py": "max_iter snapshot_prefix",
    "training/solver_setup.py": "solver_mode device_id random_seed",
    "training/train.py": "weights cache_features",
    "spec/upgrade.py": "solver_type",
}
SOUND = {"net": "net.yaml", "base_lr": 0.1, "lr_policy": "fixed", "max_iter": 10}


def test_every_field_is_listed():
    listed = {field for fields in READERS.values() for field in fields.split()}
    assert listed == set(SolverParameter.DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize("path", READERS)
def test_what_is_listed_is_read(path):
    text = (CATDOG / path).read_text()
    missing = [name for name in READERS[path].split() if not re.search(rf"\b{name}\b", text)]
    assert not missing


def told(**fields):
    solver = SolverParameter(**{**SOUND, **fields})
    return [fault.what for fault in [*solver_faults(solver), *net_faults(solver)]]


def test_a_sound_solver_has_no_faults():
    assert told() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("test_interval", -1),
        ("display", -1),
        ("average_loss", 0),
        ("max_iter", -1),
        ("max_epoch", 5),
        ("test_epoch", 1),
        ("iter_size", 0),
        ("lr_policy", "linear"),
        ("regularization_type", "L3"),
        ("snapshot", -1),
        ("type", "LBFGS"),
        ("warmup_iter", -1),
        ("warmup_start", 2),
        ("warmup_start_lr", -1),
        ("warmup_start_lr", math.nan),
        ("rampup_interval", -1),
        ("rampup_lr", -1),
        ("engine", "cuDNN"),
        ("eval_type", "segmentation"),
        ("ap_version", "12point"),
        ("show_per_class_result", True),
        ("fresh_lr_mult", -1),
        ("ema_decay", 1),
        ("unfreeze", [{"layers": ["conv1"]}]),
        ("unfreeze", [{"iteration": 5}]),
        ("min_lr", -1),
        ("plateau_min_delta", -1),
        ("early_stop_min_delta", -1),
        ("test_iter", [-1]),
        ("base_lr", -0.1),
        ("base_lr", math.nan),
        ("base_lr", math.inf),
        ("momentum", -0.5),
        ("momentum", 1),
        ("momentum", math.nan),
        ("weight_decay", -1),
        ("weight_decay", math.nan),
        ("delta", -1),
        ("gamma", math.nan),
        ("power", math.inf),
        ("clip_gradients", math.nan),
        ("min_lr", math.nan),
    ],
)
def test_a_value_that_cannot_work_is_told(field, value):
    assert any(field in what or str(value) in what for what in told(**{field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [("clip_gradients", -1), ("test_iter", [0]), ("base_lr", 0), ("power", -0.5), ("gamma", 2)],
)
def test_what_caffe_takes_on_purpose_is_taken(field, value):
    assert told(**{field: value, "test_interval": 1}) == []


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"lr_policy": "step", "gamma": 0.1}, "stepsize"),
        ({"lr_policy": "step", "gamma": 0.1, "stepsize": 0}, "stepsize"),
        ({"lr_policy": "multistep", "gamma": 0.1}, "stepvalue"),
        ({"lr_policy": "multistep", "gamma": 0.1, "stepvalue": [4, 2]}, "stepvalue"),
        ({"lr_policy": "inv", "gamma": 0.1}, "power"),
        ({"lr_policy": "sigmoid", "gamma": -0.1, "stepsize": 5}, "gamma"),
        ({"lr_policy": "multifixed", "stagelr": [1], "stageiter": [1, 2]}, "stagelr"),
        ({"lr_policy": "plateau", "gamma": 0.1, "plateau_winsize": [2, 0]}, "plateau_winsize"),
        (
            {"lr_policy": "plateau", "gamma": 0.1, "plateau_winsize": [2], "plateau_patience": 3},
            "plateau_patience",
        ),
        ({"warmup_iter": 3, "warmup_start": 0.1, "warmup_start_lr": 0.1}, "warmup_start_lr"),
        ({"warmup_iter": 3, "rampup_interval": 3}, "rampup_interval"),
        ({"warmup_iter": 3, "engine": "MKLDNN"}, "warmup_start_lr"),
        ({"warmup_iter": 3, "engine": "MKLDNN", "warmup_start_lr": 0}, "divided"),
        ({"type": "AdaGrad", "momentum": 0.9}, "momentum"),
        ({"type": "RMSProp", "momentum": 0.9}, "momentum"),
        ({"type": "RMSProp", "rms_decay": 1}, "rms_decay"),
        ({"type": "Adam", "momentum2": 1}, "momentum2"),
        ({"train_net": "other.yaml"}, "train"),
        ({"test_net": ["a", "b"], "test_iter": [1], "test_interval": 1}, "test_iter"),
        ({"test_state": [{}, {}], "test_iter": [1], "test_interval": 1}, "test_state"),
        ({"test_iter": [1]}, "test_interval"),
    ],
)
def test_fields_that_do_not_go_together_are_told(fields, what):
    assert any(what in each for each in told(**fields))


def test_type_and_solver_type_are_not_both_given():
    with pytest.raises(SpecError, match="both type and solver_type"):
        upgrade_solver(SolverParameter(type="SGD", solver_type=SolverParameter.ADAM))
    assert upgrade_solver(SolverParameter(solver_type=SolverParameter.ADAM)).type == "Adam"
