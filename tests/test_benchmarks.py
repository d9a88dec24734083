"""The benchmarks are well-formed, their peers compute the same, and a small one runs."""

import json
import math

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import gpu, limits, many, sharded
from benchmarks.comparison import Comparison, Measurement, Missing, measure, table, write
from benchmarks.peers.nets import CaffeNet, Deep64
from benchmarks.workplace import ROOT, Workplace
from catdog.data.build.photo_files import photos_in
from catdog.errors import CatdogError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST
from catdog.solver.faults import solver_faults
from catdog.spec import filter_net, net_state, read_net
from catdog.spec.data_layers import cut_data_layers
from catdog.training.options import Options, resolved_nets, solver_spec

FIELDS = {
    *("case", "peer", "ours", "theirs", "unit", "ratio", "spread", "goal", "limit", "share_goal")
}


def test_cases_have_names_of_their_own_and_sensible_goals():
    names = [(case.case, case.peer) for case in command.CASES]
    assert len(set(names)) == len(names)
    assert all(case.goal is None or case.goal > 0 for case in command.CASES)
    assert {case.unit for case in command.CASES} <= {"photos/s", "images/s", "MiB/s", "s", "MiB"}


def test_only_what_is_asked_for():
    assert command.chosen([]) == list(command.CASES)
    assert [case.case for case in command.chosen(["mean"])] == ["mean of an LMDB"]
    with pytest.raises(CatdogError, match="maen: no comparison has this word; --list"):
        command.main(["--only", "mean", "--only", "maen"])


@pytest.mark.parametrize(("unit", "ratio"), [("photos/s", 2), ("s", 0.5)])
def test_ratios_say_how_many_times_better_ours_is(unit, ratio):
    case = Comparison("a", "b", unit, 1, lambda *_: (lambda: 4.0, lambda: 2.0))
    row = measure(case, None, 3)
    assert (row.ours, row.theirs, row.ratio, row.spread) == (4, 2, ratio, 0)
    assert row.reached == (ratio >= 1)


def test_sides_take_turns():
    order = []
    sides = [lambda name=name: order.append(name) or 1.0 for name in "ab"]
    measure(Comparison("a", "b", "s", None, lambda *_: sides), None, 3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"


def test_results_are_kept_where_only_some_are_measured(tmp_path):
    old, new = (Measurement("a", peer, 1.0, 2.0, "s", 2.0, 0.1, None) for peer in "xy")
    path = tmp_path / "results.json"
    write([old], path, keep=True)
    write([new], path, keep=True)
    rows = json.loads(path.read_text())
    assert [row["peer"] for row in rows] == ["x", "y"]
    write([new], path, keep=False)
    assert [row["peer"] for row in json.loads(path.read_text())] == ["y"]
    assert all(set(row) == FIELDS for row in rows)
    assert len(table([old, new]).splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "peer", "size"), [("caffenet", CaffeNet, 227), ("deep64", Deep64, 64)]
)
def test_peers_are_the_nets_of_the_specs(name, peer, size):
    message = read_net(ROOT / f"net_specs/{name}.yaml").message
    rest = cut_data_layers(filter_net(message, net_state(TEST)))[1]
    net, plain = Net(rest, inputs={"data": (2, 3, size, size), "label": (2,)}), peer().eval()
    state = {
        f"{layer}.{part}": blob
        for layer, blobs in net.layer_blobs().items()
        for part, blob in zip(("weight", "bias"), blobs, strict=True)
    }
    plain.load_state_dict(state)
    pictures, labels = torch.randn(2, 3, size, size), torch.tensor([0, 1])
    with torch.no_grad():
        loss = net({"data": pictures, "label": labels.float()}).blobs["loss"]
        expected = torch.nn.functional.cross_entropy(plain(pictures), labels)
    assert torch.allclose(loss, expected, rtol=1e-4)


def test_a_small_comparison_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.building._PASSES", 1)
    out = tmp_path / "results.json"
    words = ["--only", "mean of", "--count", "12", "--repeats", "1", "--out", str(out)]
    command.main(words)
    (row,) = json.loads(out.read_text())
    assert set(row) == FIELDS
    assert all(math.isfinite(row[name]) for name in ("ours", "theirs", "ratio"))
    assert "a plain read" in capsys.readouterr().out


def test_what_is_missing_is_told(tmp_path, monkeypatch, capsys):
    def prepare(*_):
        raise Missing("there is no such thing here")

    monkeypatch.setattr(command, "CASES", (Comparison("a", "b", "s", None, prepare),))
    command.main(["--out", str(tmp_path / "results.json")])
    assert "left out: a beside b: there is no such thing here" in capsys.readouterr().err


def test_given_photos_are_taken_evenly(tmp_path):
    drawn = Workplace(tmp_path / "drawn", count=6).photos
    assert sorted(path.name for path in photos_in(drawn))[:2] == ["cat.0.jpg", "cat.1.jpg"]
    place = Workplace(tmp_path / "taken", drawn, 3)
    assert len(photos_in(place.photos)) == 3
    assert {folder.name for folder in place.by_class.iterdir()} <= {"cat", "dog"}


def test_many_small_photos(tmp_path):
    many.make_photos(tmp_path, 90)
    for step in many.STEPS:
        name, count, *_ = many.take(step, tmp_path)
        expected = {"average": 75, "feed": 64}
        assert (name, int(count)) == (step, expected.get(step, 90))


def test_steps_over_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(sharded, "_PLACES", 2000)
    monkeypatch.setattr(sharded, "_BATCHES", 3)
    sharded.make_shards(tmp_path / "shards", 3, 40)
    for step in sharded.STEPS:
        name, seen, seconds, *memory = sharded.take(step, tmp_path / "shards")
        assert name == step
        assert seen == "120" or "order" in step
        assert all(float(number) >= 0 for number in (seconds, *memory))


def test_a_machine_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CatdogError, match=r"^this machine has no GPU; run it where"):
        gpu.main(["--photos", "photos.zip"])


def test_both_sides_of_a_training_on_a_device(tmp_path):
    place = Workplace(tmp_path, count=12)
    way = gpu.Way("resident", overrides=("net.data.data_param.cache=DEVICE",))
    found = gpu.speed(way, place.solver("small64", 64, 4), torch.device("cpu"), [], 2)
    assert found.way == "resident" and found.fed > 0 and found.share > 0
    assert "resident" in gpu.table([found])


def test_a_limit_counts_the_products_of_a_net(monkeypatch):
    """A product takes as long as it has factors here; the bottom of the first gets no gradient."""
    monkeypatch.setattr(limits, "_best", lambda _: 1e9)
    monkeypatch.setattr(limits, "_matrices", lambda rows, inner, columns, _: rows * inner * columns)
    monkeypatch.setattr(limits, "bandwidth", lambda: math.inf)
    net = Net(
        read_net(ROOT / "net_specs/small64.yaml"), inputs={"data": (4, 3, 64, 64), "label": (4,)}
    )
    forward = sum(
        node.layer.multiply_adds(
            [net.shapes[name] for name in node.bottoms], [net.shapes[name] for name in node.tops]
        )
        for node in net.nodes
        if node.type in ("Convolution", "InnerProduct")
    )
    first = next(node for node in net.nodes if node.type == "Convolution")
    bottoms, tops = (net.shapes[first.bottoms[0]],), (net.shapes[first.tops[0]],)
    of_first = first.layer.multiply_adds(bottoms, tops)
    assert 4 / limits.forward_rate("small64", 64, 4) == pytest.approx(forward)
    assert 4 / limits.step_rate("small64", 64, 4) == pytest.approx(3 * forward - of_first)


def test_the_overrides_of_a_gpu_fit_the_shipped_solver(tmp_path):
    options = Options(overrides=gpu.steps_alone(tmp_path))
    nets = resolved_nets(solver_spec(gpu.SOLVER, options), options)
    sources = [net.running.layer[0].data_param.source for net in nets]
    assert sources == [f"{tmp_path}/train_lmdb", f"{tmp_path}/validation_lmdb"]
    assert not solver_faults(solver_spec(gpu.SOLVER, options).message)
