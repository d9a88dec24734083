import pytest

from catdog.data.sources.index_file import read_index
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import Datum
from catdog.solver.snapshot_search import AUTO
from catdog.tracking.run_file import read_run, run_path
from catdog.training.cross_validation import cross_validate, scores, table
from catdog.training.options import Options
from catdog.training.train import train
from tests.data.sources.build import write_values
from tests.tiny_solver import write_labelled, write_solver


@pytest.fixture
def solver(tmp_path):
    return write_solver(tmp_path)


def run(solver, count, *overrides, snapshot="", stop_after=9):
    """The records of the folds, and which of them were trained."""
    trained = []

    def one(options):
        trained.append(options)
        train(solver, options)
        return len(trained) >= stop_after

    options = Options(overrides=overrides, snapshot=snapshot)
    return list(cross_validate(solver, options, count, one)), trained


def places(solver, fold, name):
    return read_index(solver.parent / f"out/tiny_fold{fold}/{name}.txt", 24)


def test_each_record_is_tested_once_and_labels_are_dealt_out_evenly(solver):
    records, _ = run(solver, 4, "max_iter=1")
    assert [record["status"] for record in records] == ["done"] * 4
    tests = [places(solver, fold, "test") for fold in range(1, 5)]
    assert sorted(place for part in tests for place in part) == list(range(24))
    for fold, part in enumerate(tests, 1):
        assert sum(place % 3 == 0 for place in part) == 2
        assert set(places(solver, fold, "train")) == set(range(24)) - set(part)


def test_a_fold_tests_on_its_part_of_the_train_data(solver):
    (record, *_), _ = run(solver, 3, "max_iter=1")
    net = record["test_nets"][0]
    assert "tiny_fold1/test.txt" in net
    assert "train_lmdb" in net
    assert "tiny_fold1/train.txt" in record["train_net"]
    # 8 of 24 records: accuracy comes in eighths
    assert (record["final"]["accuracy"] * 8) % 1 == pytest.approx(0)


def test_folds_are_the_same_for_the_same_seed(solver):
    run(solver, 2, "max_iter=1")
    first = places(solver, 1, "test")
    run(solver, 2, "max_iter=1")
    assert places(solver, 1, "test") == first
    run(solver, 2, "max_iter=1", "random_seed=6")
    assert places(solver, 1, "test") != first


def test_going_on_runs_what_is_not_done(solver):
    records, trained = run(solver, 3, stop_after=2)
    assert (len(records), len(trained)) == (2, 2)
    before = read_run(run_path(str(solver.parent / "out/tiny_fold1/tiny")))
    records, trained = run(solver, 3, snapshot=AUTO)
    assert (len(records), len(trained)) == (3, 1)
    assert records[0] == before
    with pytest.raises(CatdogError, match="takes no single snapshot"):
        run(solver, 3, snapshot="x.solverstate")


def test_an_index_file_is_split_and_what_it_repeats_stays_together(solver):
    chosen = [*range(12), 0, 0, 3]
    (solver.parent / "chosen.txt").write_text("\n".join(map(str, chosen)))
    assignment = f"train_net.data.data_param.index_file={solver.parent}/chosen.txt"
    run(solver, 2, "max_iter=1", assignment)
    tests = [places(solver, fold, "test") for fold in (1, 2)]
    assert sorted(tests[0] + tests[1]) == list(range(12))
    for fold, part in enumerate(tests, 1):
        expected = [place for place in chosen if place not in part]
        assert places(solver, fold, "train") == expected


def test_several_labels_are_split_without_strata(solver):
    datum = Datum(channels=1, height=2, width=3, data=bytes(6), labels=[0, 1])
    write_values(
        solver.parent / "several", [(b"%d" % n, datum.SerializeToString()) for n in range(5)]
    )
    source = f"train_net.data.data_param.source={solver.parent}/several"
    folds = cross_validate(solver, Options(overrides=[source]), 2, enough)
    with pytest.raises(EnoughError):
        next(folds)
    assert sorted(places(solver, 1, "train") + places(solver, 1, "test")) == list(range(5))


class EnoughError(Exception):
    """Ends a cross-validation before its first training."""


def enough(_):
    raise EnoughError


@pytest.mark.parametrize(
    ("count", "overrides", "words"),
    [
        (1, [], "--folds: 1 is no number of folds; 2 to 24"),
        (9, [], "label 1 has 8 records, too few for 9 folds; --folds 8"),
        (2, ["test_interval=0"], "has 0 test nets"),
        (2, ["train_net.data.type=DummyData"], "has 0 Data layers in one phase"),
    ],
)
def test_what_cannot_be_split(solver, count, overrides, words):
    with pytest.raises(CatdogError, match=words):
        run(solver, count, *overrides)


def test_a_label_with_one_record(solver):
    write_labelled(solver.parent / "one", [0, 0, 0, 1])
    with pytest.raises(CatdogError, match=r"label 1 has 1 records.*leave it out"):
        run(solver, 2, f"train_net.data.data_param.source={solver.parent}/one")


def test_mean_and_spread():
    best = {"accuracy": {"value": 0.9, "iteration": 2, "better": "higher"}}
    records = [
        {"iteration": 4, "final": {"iteration": 4, "accuracy": value}, "best": best}
        for value in (0.5, 0.7, 0.9)
    ]
    assert scores(records[0]) == {"accuracy": 0.5, "best accuracy": 0.9}
    assert [line.split() for line in table(records).splitlines()[-2:]] == [
        ["mean", "0.7", "0.9"],
        # the sample standard deviation: sqrt((0.04 + 0 + 0.04) / 2)
        ["spread", "0.2", "0"],
    ]
