"""train_classifier, from LMDBs to a weight file that evaluate takes."""

import re
from pathlib import Path

import numpy as np
import pytest
from catdog.tools.evaluate import main as evaluate
from catdog.tools.train_classifier import main

from catdog.data.datum import array_to_datum
from catdog.errors import CatdogError
from catdog.training.options import Options
from catdog.training.train import train
from tests.data.sources.build import write_values
from tests.small_solver import NET, SOLVER

pytest.importorskip("sklearn")


def write(folder: Path, count: int, seed: int) -> None:
    """Pictures that are darker or brighter, by their label."""
    chance = np.random.default_rng(seed)
    pairs = []
    for number in range(count):
        label = number % 2
        picture = chance.integers(60 * label, 190 + 60 * label, (3, 8, 10)).astype(np.uint8)
        pairs.append((f"{number:08d}".encode(), array_to_datum(picture, label).SerializeToString()))
    write_values(folder, pairs)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "train", 24, 0)
    write(tmp_path / "validation", 10, 1)
    net = NET.replace("num_output: 10", "num_output: 2").replace("scale: 0.01,", "mirror: true,", 1)
    (tmp_path / "net.yaml").write_text(net)
    (tmp_path / "solver.yaml").write_text(SOLVER.replace('freeze: ["*1"]', ""))
    monkeypatch.chdir(tmp_path)
    train("solver.yaml", Options(overrides=["max_iter=2", "snapshot_prefix=run"]))
    return tmp_path


WORDS = ["--model", "net.yaml", "--weights", "run_iter_2.caffemodel", "--device", "cpu"]


@pytest.mark.usefixtures("folder")
def test_the_table_and_the_written_net_agree(capsys: pytest.CaptureFixture[str]) -> None:
    main([*WORDS, "--out", "classified.caffemodel"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "9 features fc1 of 24 training, 10 validation examples"
    logistic, svm = (line.split() for line in lines[2:4])
    assert (logistic[0], svm[0]) == ("logistic", "svm")
    assert lines[4] == "classified.caffemodel: layer fc2 is the logistic classifier"
    evaluate(["--model", "net.yaml", "--weights", "classified.caffemodel", "--device", "cpu"])
    told = dict(re.findall(r"^(\w+) = (\S+)", capsys.readouterr().out, re.MULTILINE))
    assert float(told["accuracy"]) == pytest.approx(float(logistic[3].strip("%")) / 100)
    assert float(told["loss"]) == pytest.approx(float(logistic[4]), abs=1e-4)


@pytest.mark.usefixtures("folder")
def test_any_blob_and_one_kind(capsys: pytest.CaptureFixture[str]) -> None:
    main([*WORDS, "--blob", "pool1", "--kind", "svm", "--strength", "0.01"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("72 features pool1 of 24 training")
    assert len(lines) == 3
    assert lines[2].split()[:2] == ["svm", "0.01"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--blob", "pool9"], 'no blob "pool9"; did you mean "pool1"'),
        (["--strength", "much"], '"much" is no number above 0'),
        (["--blob", "pool1", "--strength", "1", "--out", "x.caffemodel"], r"\[9, 72\].*\[2, 72\]"),
        (["--blob", "conv1", "--strength", "1", "--out", "x.caffemodel"], "no InnerProduct layer"),
    ],
)
def test_mistakes(more: list[str], words: str) -> None:
    with pytest.raises(CatdogError, match=words):
        main([*WORDS, *more])
    assert not Path("x.caffemodel").exists()
