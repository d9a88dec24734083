"""`catdog.train`: fields by keywords, what is printed, what comes back."""

import io
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import catdog
from catdog.errors import CatdogError, SpecError, WeightsError
from catdog.interface.training import assignments
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.events import Iterating
from catdog.spec import override
from tests.tiny_solver import write_solver


@pytest.fixture
def solver(tmp_path) -> Path:
    return write_solver(tmp_path)


def test_fields_are_those_of_the_solver_and_of_its_nets(solver):
    run = catdog.train(
        str(solver),
        max_iter=3,
        base_lr=1e-5,
        snapshot=2,
        type="Adam",
        stage=["drop"],
        momentum=None,
        overrides={"net.fc.inner_product_param.num_output": 5},
        device="cpu",
    )
    assert run.iteration == 3
    param = run.solver.param
    assert (param.base_lr, param.snapshot, param.type) == (pytest.approx(1e-5), 2, "Adam")
    assert run.net.shapes["fc"] == (6, 5)
    assert [node.name for node in run.net if node.type == "Dropout"] == ["drop"]
    assert sorted(path.name for path in run.folder.glob("*.caffemodel")) == [
        "tiny_iter_2.caffemodel",
        "tiny_iter_3.caffemodel",
    ]


def test_values_are_written_as_a_spec_takes_them():
    given = {
        "base_lr": 1e-05,
        "momentum": np.float32(0.5),
        "max_iter": np.int64(7),
        "stepvalue": np.array([2, 3]),
        "test_iter": range(2),
        "snapshot_prefix": Path("a: b#c"),
        "debug_info": True,
        "weights": ["x.caffemodel", 'é"'],
        "lr_policy": None,
        "solver_mode": "CPU",
    }
    message = override(SolverParameter(), assignments(given))
    assert message.base_lr == np.float32(1e-05)
    assert (message.momentum, message.max_iter, message.debug_info) == (0.5, 7, True)
    assert list(message.stepvalue) == [2, 3]
    assert list(message.test_iter) == [0, 1]
    assert message.snapshot_prefix == "a: b#c"
    assert list(message.weights) == ["x.caffemodel", 'é"']
    assert not message.HasField("lr_policy")
    assert message.solver_mode == SolverParameter.CPU
    with pytest.raises(CatdogError, match="object is no value of a field"):
        assignments({"max_iter": object()})
    with pytest.raises(SpecError, match="nan"):
        override(SolverParameter(), assignments({"base_lr": math.nan}))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"maxiter": 3}, '^maxiter=3: unknown field "maxiter"; did you mean "max_iter"'),
        ({"class_weights": "even"}, "^class_weights: 'even' is no weight for each class"),
        ({"weigths": "x"}, 'unknown field "weigths"; did you mean "weights"'),
        ({"overrides": {"net.cf.name": 1}}, '"net.cf" names no layer'),
        ({"device": "cdua"}, '^device: no device "cdua"; cpu, cuda or cuda:1'),
        ({"freeze": "conv*"}, "conv"),
        ({"snapshot": "none.solverstate"}, "none.solverstate"),
    ],
)
def test_mistakes_are_one_line(solver, given, told):
    with pytest.raises(CatdogError, match=told) as caught:
        catdog.train(solver, **given)
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)
    assert not (solver.parent / "out" / "metrics.csv").exists()


def test_weights_and_layers_that_stand_still(solver):
    first = catdog.train(solver)
    again = catdog.train(
        solver, weights=first.weights, freeze="fc", snapshot_prefix=str(solver.parent / "more/net")
    )
    for index in range(2):
        of = [run.net.node("fc").layer.blobs.parameter(index) for run in (first, again)]
        assert torch.equal(*of)
    moved = [run.net.node("score").layer.blobs.parameter(0) for run in (first, again)]
    assert not torch.equal(*moved)
    with pytest.raises(WeightsError, match="no such file"):
        catdog.train(solver, weights=["none.caffemodel"])


def test_nothing_is_printed_unless_a_stream_is_given(solver, capfd):
    catdog.train(solver)
    assert capfd.readouterr() == ("", "")
    stream = io.StringIO()
    catdog.train(solver, stream=stream)
    assert "Iteration 4, Testing net (#0)" in stream.getvalue()
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_gives_a_run_that_can_go_on(solver):
    def interrupt(event):
        if isinstance(event, Iterating) and event.iteration == 2:
            os.kill(os.getpid(), signal.SIGINT)

    run = catdog.train(solver, listeners=[interrupt])
    assert (run.status, run.iteration) == ("stopped", 3)
    run = catdog.train(solver, snapshot="auto")
    assert (run.status, run.iteration) == ("done", 4)
    whole = catdog.train(solver, snapshot_prefix=str(solver.parent / "whole/tiny"))
    for one, other in zip(run.net.learnable, whole.net.learnable, strict=True):
        assert torch.equal(one.parameter, other.parameter)


def test_options_that_are_no_fields(solver):
    run = catdog.train(solver, amp="bf16", force=True, tensorboard=True)
    assert run.solver._precision._dtype == torch.bfloat16
    assert list(run.folder.glob("tiny_tensorboard/events*"))
    with pytest.raises(CatdogError, match="fp8"):
        catdog.train(solver, amp="fp8")


def test_python_layers_only_where_they_are_allowed(solver):
    net = solver.parent / "net.yaml"
    text = net.read_text() + (
        "- {name: mine, type: Python, bottom: fc, top: mine,\n"
        "   python_param: {module: own_layer, layer: Own}}\n"
    )
    net.write_text(text)
    with pytest.raises(CatdogError, match="mine"):
        catdog.train(solver)
