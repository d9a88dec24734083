"""A training that has no room is refused before anything is built, with what would fit."""

import pytest

from catdog.errors import CatdogError
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TRAIN, SolverParameter
from catdog.spec import net_state, read_net
from catdog.training import memory
from catdog.training.check import inspect
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import write_small


@pytest.fixture
def solver(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_small(tmp_path)
    return "solver.yaml"


def free(monkeypatch, count):
    monkeypatch.setattr(memory, "free_memory", lambda: count)


def refused(solver, *settings):
    with pytest.raises(CatdogError) as caught:
        train(solver, Options(overrides=settings))
    return str(caught.value)


def test_it_is_refused_before_anything_is_there(solver, tmp_path, monkeypatch):
    before = sorted(tmp_path.iterdir())
    free(monkeypatch, 250 << 20)
    said = refused(solver, "train_net.data.data_param.batch_size=100000")
    assert "net.yaml: its training would take about" in said
    assert "; most: loss " in said
    assert "250.0 MiB are free; a batch of " in said
    assert said.endswith(", or try it with --force")
    assert sorted(tmp_path.iterdir()) == before


def test_the_batch_that_it_names_fits_and_one_more_does_not(solver, monkeypatch):
    free(monkeypatch, 250 << 20)
    said = refused(solver, "train_net.data.data_param.batch_size=100000")
    setting, _, count = said.split("--set ")[1].split(",")[0].partition("=")
    assert setting == "train_net.data.data_param.batch_size"
    assert train(solver, Options(overrides=[f"{setting}={count}", "max_iter=1"])).iteration == 1
    assert "250.0 MiB are free" in refused(solver, f"{setting}={int(count) + 1}")


def test_what_it_says_can_be_pasted(solver, tmp_path, monkeypatch):
    text = (tmp_path / "net.yaml").read_text().replace("name: data", "name: my data")
    (tmp_path / "net.yaml").write_text(text)
    free(monkeypatch, 250 << 20)
    said = refused(solver, "train_net.my data.data_param.batch_size=100000")
    assert "--set 'train_net.my data.data_param.batch_size=" in said


def test_the_test_net_counts_too_and_force_goes_on(solver, monkeypatch):
    free(monkeypatch, 250 << 20)
    setting = "test_net.data.data_param.batch_size=200000"
    assert "its test would take" in refused(solver, setting)
    free(monkeypatch, 1000)
    assert "not even a batch of 1 would fit" in refused(solver)
    assert train(solver, Options(overrides=["max_iter=1"], force=True)).iteration == 1


def test_check_tells_it_and_refuses_nothing(solver, monkeypatch):
    (line,) = [line for line in inspect(solver) if line.startswith("memory of the TRAIN net")]
    assert "free here" not in line
    free(monkeypatch, 1000)
    lines = [line for line in inspect(solver) if line.startswith("memory of the TRAIN net")]
    assert lines == [line + ", and 1000 bytes are free here"]


@pytest.mark.parametrize(("type_", "blobs"), [("SGD", 1), ("Adam", 2), ("AdaDelta", 2)])
@pytest.mark.parametrize("averaged", [False, True])
def test_history_and_average_count(type_, blobs, averaged):
    from tests.net.test_footprint import DENSE, DENSE_INPUTS, net_of

    message = SolverParameter(type=type_, ema_decay=0.9 if averaged else 0)
    needed = memory.need(net_of(DENSE, DENSE_INPUTS), message)
    # parameters, their gradients, the history, the average
    assert needed.fixed == (200 << 20) + 4 * 44 * (2 + blobs + averaged)


@pytest.mark.parametrize("name", ["caffenet", "deep64", "catdog96", "resnet50", "squeezenet1_1"])
def test_what_surely_has_room_is_more_than_what_is_needed(name):
    spec = read_net(f"net_specs/{name}.yaml")
    resolved = resolve(spec, net_state(TRAIN, 0, (), spec.message.state))
    net = Net(resolved.rest, inputs={"data": (2, 3, 224, 224), "label": (2,)}, fill=False)
    adam = SolverParameter(type="Adam", ema_decay=0.9)
    assert memory.need(net, adam).total < memory._at_most(net)


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_so_it_is_of_recurrent_nets(kind):
    from tests.net.test_footprint import net_of

    text = f'''layer {{ name: "r" type: "{kind}" bottom: "x" bottom: "cont" top: "r"
      recurrent_param {{ num_output: 64 weight_filler {{ type: "xavier" }} }} }}
      layer {{ name: "l" type: "EuclideanLoss" bottom: "r" bottom: "wanted" top: "l" }}'''
    net = net_of(text, {"x": (50, 16, 64), "cont": (50, 16), "wanted": (50, 16, 64)})
    assert memory.need(net, SolverParameter(type="SGD")).total < memory._at_most(net)
