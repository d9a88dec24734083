"""A net that is calibrated and compared by the tool, and what it then says of photos."""

import csv
import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from catdog.inference.predictor import Predictor
from catdog.weights import read_weights, write_weights
from tests.analysis.test_report import job  # noqa: F401  # photos, LMDBs, nets
from tests.tool_run import run_tool


@pytest.fixture
def tool(monkeypatch, capsys, job):  # noqa: F811
    """Runs a tool in a copy of the job's weights; gives its lines, or the error."""
    monkeypatch.chdir(job)
    shutil.copy("two.caffemodel", "net.caffemodel")

    def run(name, *words):
        return run_tool(importlib.import_module(f"catdog.tools.{name}").main, capsys, *words)

    return run


JUDGE = ("evaluate", "--weights", "net.caffemodel", "--data", "train_lmdb")


def test_sets_of_classes_from_the_calibration_to_the_answers(tool):
    lines = tool(*JUDGE, "--calibrate", "--coverage", "0.8", "--report", "cal.html")
    (told,) = [line for line in lines if "of the sets for 80% hold the right class" in line]
    assert told.endswith("fitted on the other half of them")
    found = json.loads(Path("cal.json").read_text())
    assert f"{found['coverage']['right'] / found['photos']:.2%}" in told
    assert "Sets of classes" in Path("cal.html").read_text()
    assert "these very photos" not in Path("cal.html").read_text()
    assert any("these very photos" in line for line in tool(*JUDGE, "--coverage", "0.8"))
    tool("predict", "input/test1", "--weights", "net.caffemodel", "--coverage", "0.8",
         "--table", "t.csv", "--page", "p.html", "--out", "s.csv")  # fmt: skip
    predictor = Predictor(read_weights("net.caffemodel"), coverage=0.8)
    misfit = np.sort(np.array(predictor.confidence.misfit))
    least = 1 - misfit[int(np.ceil((len(misfit) + 1) * 0.8)) - 1]
    with Path("t.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    for row in rows:
        said = predictor(row["file"])
        names = [name for name, p in said.top() if p >= least - 1e-6 or name == said.label]
        assert row["set_80%"].split("|") == names == said.within
        assert f"80%: {' or '.join(names)}" in Path("p.html").read_text()
        assert f"(80%: {' or '.join(names)})" in str(said)
    # the form of a submission is that of a competition
    assert Path("s.csv").read_text().startswith("id,label\n")
    lines = tool("predict", rows[0]["file"], "--weights", "net.caffemodel", "--coverage", "0.8")
    assert lines[-1].startswith("  80%: ")


def test_what_cannot_be_is_told_in_a_line(tool):
    photo = str(next(Path("input/test1").iterdir()))
    words = ("predict", photo, "--weights", "net.caffemodel", "--coverage")
    for share, told in (
        ("0.9", "carry nothing to make sets of classes by; catdog evaluate"),
        ("1", '"1" is no share between 0 and 1'),
        ("95", '"95" is no share between 0 and 1'),
    ):
        (error,) = tool(*words, share)
        assert told in error
    tool(*JUDGE, "--calibrate", "--tta", "flip")
    (error,) = tool(*words, "0.9")
    assert "--coverage: the weights were calibrated with --tta flip; predict so, or" in error
    (error,) = tool(*words, "0.999", "--tta", "2")
    assert "--coverage 0.999: needs 999 photos" in error
    (error,) = tool("predict", photo, "--weights", "net.caffemodel,two.caffemodel",
                    "--coverage", "0.9")  # fmt: skip
    assert "not the mean of several" in error


def test_two_nets_are_compared_on_the_same_photos(tool):
    weights = read_weights("two.caffemodel")
    for blob in weights.blobs["score"]:
        blob[:] = blob[::-1].copy()
    write_weights(Path("swapped.caffemodel"), weights)
    lines = tool(*JUDGE, "--against", "swapped.caffemodel", "--report", "both.html")
    found = json.loads(Path("both.json").read_text())["against"]
    # what the one gets right the other gets wrong
    assert (found["both"], found["neither"]) == (0, 0)
    assert found["only_first"] + found["only_second"] == found["photos"]
    assert any(line.endswith("(McNemar's exact test)") for line in lines)
    assert "Compared with another net" in Path("both.html").read_text()
    (error,) = tool(*JUDGE, "--against", "nowhere.caffemodel")
    assert "nowhere.caffemodel" in error
