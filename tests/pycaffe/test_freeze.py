"""Our own fields of a solver in pycaffe: freeze works, those of tools/train.py are refused."""

import numpy as np
import pytest

import catdog.pycaffe as caffe
from catdog.errors import SpecError
from tests.pycaffe.nets import SIMPLE


@pytest.fixture
def start(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def started(more):
        text = f"""net: "{write(SIMPLE)}" base_lr: 0.01 lr_policy: "fixed" weight_decay: 0.1
        momentum: 0.9 snapshot_prefix: "model" snapshot_after_train: false {more}"""
        return caffe.get_solver(write(text, "solver.prototxt"))

    return started


def test_frozen_layers_stand_still(start):
    name = next(iter(start("").net.params))
    for more, moves in (("", True), (f'freeze: "{name[:-1]}?"', False)):
        solver = start(more)
        before = solver.net.params[name][0].data.copy()
        solver.step(2)
        assert np.array_equal(before, solver.net.params[name][0].data) is not moves


@pytest.mark.parametrize("more", ["fresh_lr_mult: 2", "cache_features: true"])
def test_what_belongs_to_train_is_refused(start, more):
    with pytest.raises(SpecError, match=r"is for tools/train\.py; leave it out"):
        start(more)


def test_a_pattern_that_names_nothing(start):
    with pytest.raises(SpecError, match="names no layer"):
        start('freeze: "zzz"')
