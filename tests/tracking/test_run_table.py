import json
from pathlib import Path

import pytest
import yaml

from catdog.errors import CatdogError
from catdog.runtime.lock import only_one
from catdog.solver.events import Done, NetTested, Output, Preparing
from catdog.tracking.run_file import RunFile, read_run, run_path
from catdog.tracking.run_table import difference, differing, listing, metric_of, ordered, rows
from catdog.tracking.runs import RunRecord, find_run, find_runs, learned_from, standing

NET = """
layer { name: "fc" type: "InnerProduct" inner_product_param { num_output: %d } }
layer { name: "a" type: "Accuracy" top: "acc" } layer { name: "l" type: "HingeLoss" top: "loss" }
"""


def make(folder, name, acc, *, rate=0.1, outputs=4, tested=None, seed=1):
    """A run with these fields; `tested`: num_output of the test net, where it is another."""
    solver = f"base_lr: {rate} max_iter: 5 stepvalue: 1 stepvalue: 2 snapshot_prefix: '{name}'"
    nets = (NET % outputs, NET % (tested or outputs))
    with RunFile(str(folder / name / "net"), "s.yaml") as record:
        record(Preparing("cpu", solver, seed, nets))
        if acc is not None:
            record(NetTested(5, 0, (Output("acc", acc), Output("loss", 1 - acc, 1.0))))
        record(Done(5))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "s", "one", 0.5)
    make(tmp_path / "s", "two", 0.75, rate=0.01)
    make(tmp_path / "s", "three", None, outputs=8)
    return find_runs([Path("s")])


def test_the_runs_below_a_folder_by_their_start(runs):
    assert {run.name for run in runs} == {"s/one/net", "s/two/net", "s/three/net"}
    assert all(run.status == "done" for run in runs)
    with pytest.raises(CatdogError, match="no such folder"):
        find_runs([Path("nowhere")])
    Path("empty").mkdir()
    with pytest.raises(CatdogError, match=r"no run \(\*_run.yaml\)"):
        find_runs([Path("empty")])


@pytest.mark.usefixtures("runs")
def test_which_run_a_name_means():
    for name in ("s/one/net", "s/one", "s/one/net_run.yaml"):
        assert find_run(name).name == "s/one/net"
    with pytest.raises(CatdogError, match="s: has 3 runs; name one: s/"):
        find_run("s")
    with pytest.raises(CatdogError, match='did you mean "s/one/net"'):
        find_run("s/one/nett")


def test_the_fields_in_which_runs_differ(runs, tmp_path):
    assert list(differing(runs)) == ["base_lr", "net.fc.inner_product_param.num_output"]
    make(tmp_path / "s", "four", 0.1, tested=6, seed=2)
    assert list(differing(find_runs([Path("s")]))) == [
        "base_lr",
        "seed",
        "train_net.fc.inner_product_param.num_output",
        "test_net.fc.inner_product_param.num_output",
    ]


@pytest.mark.usefixtures("runs")
def test_the_difference_of_two():
    lines = difference(find_run("s/one"), find_run("s/two")).splitlines()
    assert [line.split() for line in lines] == [
        ["field", "s/one/net", "s/two/net"],
        ["base_lr", "0.1", "0.01"],
    ]
    assert difference(find_run("s/one"), find_run("s/one")) == ""


def test_the_table(runs):
    assert metric_of(runs) == "acc"
    table = {row["run"]: row for row in rows(runs)}
    two = table["s/two/net"]
    assert (two["best acc"], two["at"], two["final loss"]) == (0.75, 5, 0.25)
    assert two["base_lr"] == "0.01"
    assert table["s/three/net"]["best acc"] is None
    assert "best loss" in rows(runs, "loss")[0]
    json.dumps(list(table.values()))
    with pytest.raises(CatdogError, match=r'no run has a best "los".*did you mean "loss"'):
        rows(runs, "los")
    head, *lines = listing(rows(runs)).splitlines()
    assert head.split()[:5] == ["run", "status", "started", "time", "iterations"]
    assert len(lines) == 3


def test_the_best_first(runs):
    def names(metric, column):
        return [row["run"].split("/")[1] for row in ordered(rows(runs, metric), runs, column)]

    assert names("acc", "acc") == ["two", "one", "three"]
    assert names("loss", "loss") == ["two", "one", "three"]
    assert names("", "base_lr")[0] == "two"
    with pytest.raises(CatdogError, match=r'no column "base_l".*did you mean "base_lr"'):
        ordered(rows(runs), runs, "base_l")


def test_many_fields_are_counted(tmp_path):
    for name in ("a", "b"):
        words = " ".join(f"{f}: {1 if name == 'a' else 2}" for f in FIELDS)
        with RunFile(str(tmp_path / name), "s.yaml") as record:
            record(Preparing("cpu", words, 1, ("",)))
    text = listing(rows(find_runs([tmp_path])))
    assert text.splitlines()[-1].startswith("2 more fields differ")


FIELDS = (
    *("base_lr", "gamma", "power", "momentum", "weight_decay", "stepsize", "display"),
    *("average_loss", "delta", "clip_gradients"),
)


def test_a_run_whose_process_is_gone(tmp_path):
    prefix = str(tmp_path / "net")
    with only_one(prefix, "another", "wait"):
        RunFile(prefix, "s.yaml")
        (run,) = find_runs([tmp_path])
        assert run.status == "running"
    (run,) = find_runs([tmp_path])
    assert run.status == "lost"
    # a kill leaves the file of the lock
    (tmp_path / ".net.lock").touch()
    (run,) = find_runs([tmp_path])
    assert run.status == "lost"


def test_the_score_of_a_file_without_one_follows_from_its_nets(runs):
    one = runs[0]
    assert one.content["score"] == one.score == "acc"
    older = RunRecord(one.name, {key: one.content[key] for key in one.content if key != "score"})
    assert older.score == "acc"
    assert RunRecord("x", {"status": "failed"}).score == ""


def test_how_weights_of_a_run_did(tmp_path):
    prefix = tmp_path / "net"
    weights = [
        tmp_path / f"net_{name}" for name in ("best.caffemodel", "iter_20_ema.caffemodel.h5")
    ]
    assert not standing(weights[0])
    scores = {0: 0.9, 10: 0.75, 20: 0.5}
    with RunFile(str(prefix), "s.yaml") as record:
        record(Preparing("cpu", "max_iter: 20", 1, (NET % 4, NET % 4)))
        for iteration, acc in scores.items():
            record(NetTested(iteration, 0, (Output("acc", acc), Output("loss", 1 - acc, 1.0))))
    want = "acc 0.75 in its best test, at iteration 10, and 0.5 in its last, at 20"
    assert [standing(each) for each in weights] == [want] * 2
    between = standing(tmp_path / "net_iter_5.caffemodel")
    assert between == f"{want}; these weights are of iteration 5"
    assert not standing(tmp_path / "alexnet.caffemodel")
    with RunFile(str(prefix), "s.yaml", resumed=True) as record:
        record(Preparing("cpu", "max_iter: 30", 1, (NET % 4, NET % 4)))
        record(NetTested(30, 0, (Output("acc", 0.8), Output("loss", 0.2, 1.0))))
    assert standing(weights[0]) == "acc 0.8 in its last test, at iteration 30, its best"
    run_path(str(prefix)).write_text("no record")
    assert not standing(weights[0])


def broken(folder, change):
    """The record of a run, changed by this function of its content."""
    make(folder, "broken", 0.5)
    path = folder / "broken/net_run.yaml"
    content = read_run(path)
    change(content)
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("status", value) for value in (["done"], None)),
        ("seconds", "many"),
        ("started", "yesterday"),
        ("best", {"acc": 0.5}),
        ("best", {"acc": {"value": "high", "iteration": 5, "better": "higher"}}),
        ("final", {"acc": "high"}),
        ("final", ["acc"]),
        ("test_nets", [4]),
        ("solver", "base_lrr: 1"),
        ("train_net", "layer {"),
    ],
)
def test_a_broken_record_is_passed_over_and_told(tmp_path, key, value):
    make(tmp_path, "whole", 0.5)
    path = broken(tmp_path, lambda content: content.update({key: value}))
    told: list[str] = []
    assert [run.name for run in find_runs([tmp_path], told.append)] == [f"{tmp_path}/whole/net"]
    assert len(told) == 1 and told[0].startswith(f"passed over: {path}: is no record of a run")
    with pytest.raises(CatdogError, match="is no record of a run"):
        find_runs([path])
    with pytest.raises(CatdogError, match="is no record of a run"):
        find_run(str(path))


def test_a_record_of_an_earlier_version_is_listed(tmp_path):
    def shorten(content):
        for key in set(content) - {"status"}:
            del content[key]
        content["status"] = "running"

    path = broken(tmp_path, shorten)
    (run,) = find_runs([path])
    assert run.status == "lost"
    assert listing(rows([run])).splitlines()[1].split() == [run.name, "lost", "-", "-", "-"]


def test_columns_to_sort_by(runs):
    table = rows(runs)
    by = {
        name: [row["run"].split("/")[1] for row in ordered(table, runs, name)]
        for name in ("acc", "best acc", "final acc", "final loss", "time", "iterations")
    }
    # the best first, of a loss the lowest; "three" was never tested
    best_first = ["two", "one", "three"]
    assert by["acc"] == by["best acc"] == by["final acc"] == by["final loss"] == best_first
    assert sorted(by["time"]) == sorted(by["iterations"]) == sorted(best_first)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("ac", 'did you mean one of "acc", "final acc"?; --json shows all'),
        ("num_output", 'did you mean "net.fc.inner_product_param.num_output"?; --json shows all'),
        ("stratus", 'did you mean "status"?; --json shows all'),
        (
            "xyz",
            "there are run, status, started, seconds, iteration, the test outputs, and fields in "
            "which runs differ; --json shows all",
        ),
    ],
)
def test_a_column_that_is_not_there_brings_the_few_that_are_meant(runs, word, meant):
    with pytest.raises(CatdogError) as raised:
        ordered(rows(runs), runs, word)
    assert raised.value.remedy == meant


def test_the_column_of_the_order_is_shown(runs):
    table = [{**row, **{f"field{i}": i for i in range(20)}} for row in rows(runs)]
    assert "field19" not in listing(table).splitlines()[0]
    head = listing(table, "field19").splitlines()[0].split()
    assert "field19" in head and "base_lr" in head


def test_of_many_runs_the_first_are_named(tmp_path):
    for name in "abcdef":
        make(tmp_path, name, 0.5)
    with pytest.raises(CatdogError) as raised:
        find_run(str(tmp_path))
    names = ", ".join(f"{tmp_path}/{name}/net" for name in "abcd")
    assert raised.value.remedy == f"name one: {names}, and 2 more"


def test_the_store_that_a_run_was_trained_on_is_known(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    net = 'layer { name: "d" type: "Data" top: "d" data_param { source: "in/train_lmdb" } }'
    with RunFile("snapshots/net", "s.yaml") as record:
        record(Preparing("cpu", "max_iter: 5", 1, (net, net.replace("train", "validation"))))
    monkeypatch.chdir(tmp_path)
    weights = Path("work/snapshots/net_iter_5.caffemodel")
    assert learned_from(weights, tmp_path / "work/in/train_lmdb")
    assert learned_from(weights, Path("work/snapshots/../in/train_lmdb"))
    assert not learned_from(weights, Path("work/in/validation_lmdb"))
    # as seen from here there is another one
    assert not learned_from(weights, Path("in/train_lmdb"))
    assert not learned_from(Path("elsewhere.caffemodel"), Path("work/in/train_lmdb"))
