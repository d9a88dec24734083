"""The nets of a cross-validation: found where it left them, each asked what it has not seen."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from catdog.tools.predict import main

from catdog.data.datum import read_example
from catdog.data.lmdb_store import Reader
from catdog.data.sources.index_file import read_index, write_index
from catdog.errors import CatdogError, DataError
from catdog.inference.intervals import with_interval
from catdog.inference.open_nets import NetOptions
from catdog.inference.predictor import Predictor
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.training.cross_validation import cross_validate
from catdog.training.options import Options
from catdog.training.out_of_fold import out_of_fold
from catdog.training.train import train
from catdog.training.trained_folds import trained_folds
from catdog.weights import read_weights
from tests.tiny_solver import write_labelled, write_solver
from tests.tool_run import run_tool

SIZE = DatasetParameter(width=3, height=2, channel_order=DatasetParameter.GRAY)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Three folds that have been trained; their snapshot_prefix."""
    folder = tmp_path_factory.mktemp("folds")
    solver = write_solver(folder)

    def one(options):
        train(solver, options)
        return False

    list(cross_validate(solver, Options(overrides=["max_iter=3"]), 3, one))
    return folder / "out/tiny"


def by_hand(trained: Path) -> dict[str, tuple[int, int, np.ndarray]]:
    """Of each key its label, the fold that has not seen it, and what the net of that says."""
    found = {}
    with Reader(trained.parents[1] / "train_lmdb") as reader:
        for fold in (1, 2, 3):
            folder = trained.with_name(f"tiny_fold{fold}")
            predictor = Predictor(read_weights(folder / "tiny_iter_3.caffemodel"), dataset=SIZE)
            for place in read_index(folder / "test.txt", 24):
                example = read_example(reader.get(place))
                (row,) = predictor.probabilities([example.array])
                found[reader.keys[place].decode()] = example.label, fold, row
    return found


def test_each_photo_is_predicted_by_the_net_that_has_not_seen_it(trained, tmp_path, capsys):
    out = tmp_path / "oof.csv"
    (line,) = run_tool(main, capsys, "--folds-of", trained, "--out-of-fold", out, "--device", "cpu")
    wanted = by_hand(trained)
    with out.open() as file:
        head, *rows = csv.reader(file)
    assert head == ["key", "label", "fold", "0", "1"]
    assert [row[0] for row in rows] == sorted(wanted) and len(rows) == 24
    right = 0
    for key, label, fold, *numbers in rows:
        assert (int(label), int(fold)) == wanted[key][:2]
        np.testing.assert_allclose(list(map(float, numbers)), wanted[key][2], atol=1e-6)
        right += int(wanted[key][2].argmax()) == int(label)
    assert line == f"24 rows of 3 folds in {out}, {with_interval(right, 24)} of them right"


def test_the_nets_are_found_by_prefix_by_folder_and_by_one_of_them(trained):
    weights = [trained.with_name(f"tiny_fold{i}") / "tiny_iter_3.caffemodel" for i in (1, 2, 3)]
    for name in (trained, trained.parent, trained.with_name("tiny_fold2")):
        assert [fold.weights for fold in trained_folds(name)] == weights
    assert all(fold.is_done for fold in trained_folds(trained))


def copy(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained.parent, tmp_path / "out")
    return tmp_path / "out/tiny"


def test_folds_that_are_not_of_one_split_are_refused(trained, tmp_path):
    run = copy(trained, tmp_path)
    shutil.copytree(f"{run}_fold3", f"{run}_fold4")
    with pytest.raises(CatdogError, match="its 4 folds are not those of one split"):
        trained_folds(run)
    shutil.rmtree(f"{run}_fold3")
    with pytest.raises(CatdogError, match="has fold 4, and no fold 3"):
        trained_folds(run)
    shutil.rmtree(f"{run}_fold4")
    with pytest.raises(CatdogError, match="its 2 folds are not those of one split"):
        trained_folds(run)
    with pytest.raises(CatdogError, match="has no folds; name the snapshot_prefix"):
        trained_folds(tmp_path / "nowhere")
    shutil.copytree(f"{run}_fold1", f"{run}er_fold1")
    with pytest.raises(CatdogError, match="has the folds of several runs; name one: "):
        trained_folds(run.parent)


def test_a_store_that_was_built_anew_is_refused(trained, tmp_path):
    run = copy(trained, tmp_path)
    folds = trained_folds(run)
    for fold in folds:
        record = fold.folder / "tiny_run.yaml"
        record.write_text(record.read_text().replace(str(trained.parents[1]), str(tmp_path)))
    with pytest.raises(CatdogError, match="train_lmdb: no such LMDB"):
        out_of_fold(folds, NetOptions().open)
    write_labelled(tmp_path / "train_lmdb", [0, 1])
    with pytest.raises(DataError, match="has 2 records, and the folds name record 23"):
        out_of_fold(folds, NetOptions().open)


def test_a_fold_that_was_stopped_is_told(trained, tmp_path, capsys):
    run = copy(trained, tmp_path)
    record = tmp_path / "out/tiny_fold2/tiny_run.yaml"
    record.write_text(record.read_text().replace("status: done", "status: stopped"))
    main(["--folds-of", str(run), "--out-of-fold", str(tmp_path / "o.csv"), "--device=cpu"])
    told = capsys.readouterr().err
    assert "warning: the training of fold 2 has not come to its end" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out-of-fold", "x.csv"], "--out-of-fold: says of which run?; add --folds-of RUN"),
        (["x", "--folds-of", "r", "--weights", "w"], "--folds-of and --weights exclude each other"),
        ([], "the following arguments are required: photos"),
        (["x", "--link"], "--link: is for --sort-into"),
    ],
)
def test_arguments_that_do_not_go_together(words, told, capsys):
    (line,) = run_tool(main, capsys, *words)
    assert line.startswith(f"error: {told}")


def test_an_index_beyond_the_lists_is_one_line(trained, tmp_path):
    run = copy(trained, tmp_path)
    write_index(tmp_path / "out/tiny_fold1/test.txt", [])
    with pytest.raises(DataError, match="names no record"):
        trained_folds(run)
