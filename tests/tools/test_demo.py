"""The demo works in any folder, and what fails in a step fails the demo."""

from pathlib import Path

import pytest
from catdog.tools import demo

from catdog.spec.shipped import find_solver
from tests.tool_run import run_tool


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys):
    """The lines of a demo of these steps in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*steps: str, words: tuple[str, ...] = ()) -> list[str]:
        monkeypatch.setattr(demo, "STEPS", [(f"step {step}", step) for step in steps])
        return run_tool(demo.main, capsys, *words)

    return run


def test_the_steps_run_in_a_folder_of_their_own(run, tmp_path):
    lines = run("draw_sample input --train 8 --test 2")
    assert lines[1:3] == [
        "== step draw_sample input --train 8 --test 2",
        "$ catdog draw_sample input --train 8 --test 2",
    ]
    assert len(list((tmp_path / "demo/input/train").iterdir())) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert not any("make " in line for line in lines)
    (tmp_path / "Makefile").write_text("")
    assert "make data" in run()[-1]


def test_what_its_steps_name_is_there(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (train,) = (step for _, step in demo.STEPS if step.startswith("train "))
    assert find_solver(train.split()[-1]).is_file()


def test_a_step_that_fails_ends_it(run):
    (line,) = run("train --solver small", "draw_sample x", words=("--iterations", "3"))
    assert line == "error: demo: train ended with exit code 2"
    assert not Path("demo/x").exists()


def test_a_folder_that_cannot_be_made_is_told(run, tmp_path):
    (tmp_path / "demo").write_text("")
    assert run() == ["error: demo: File exists; start in a folder that can be written to"]
