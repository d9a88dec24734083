"""The console command, and what becomes of a reader that goes away."""

import subprocess
import sys
from pathlib import Path

import pytest

from catdog.cli import main as cli

ROOT = Path(__file__).parents[2]


@pytest.fixture
def catdog(monkeypatch, capsys):
    """Run `catdog WORD ...`; gives the exit code, output and error."""

    def catdog(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["catdog", *words])
        try:
            cli.main()
        except SystemExit as stop:
            return (stop.code or 0, *capsys.readouterr())
        return (0, *capsys.readouterr())

    return catdog


def test_help_has_a_line_for_each_tool(catdog):
    code, told, _ = catdog("--help")
    assert code == 0
    assert catdog("help") == (0, told, "")
    assert catdog() == (2, told, "")
    tools, scripts = told.split("tools:\n")[1].split("\n\n")
    assert "readNetFromCaffe" in scripts
    lines = {line.split()[0]: line for line in tools.splitlines()}
    assert list(lines) == cli.names()
    assert lines["train"].endswith("  Train a net as a solver file says.")
    assert max(map(len, lines.values())) < 120


def test_help_of_a_tool(catdog):
    code, told, _ = catdog("help", "train")
    assert code == 0
    assert told.startswith("usage: catdog train ")
    assert catdog("train", "--help")[1] == told
    assert "  catdog train --solver " in told
    assert "tools/train.py" not in told


def test_version(catdog):
    import catdog as package

    assert catdog("--version") == (0, f"catdog {package.__version__}\n", "")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("plot", "plot_learning_curve"),
        ("trian", "train"),
        ("time", "time_net"),
        ("test", "evaluate"),
        ("draw", "draw_net"),
        ("summary", "summarize"),
    ],
)
def test_a_word_that_is_no_tool(catdog, word, meant):
    error = f'error: no tool "{word}"; did you mean "{meant}"?\n'
    assert catdog(word) == (2, "", error)


@pytest.mark.parametrize("word", ["opencv", "pycaffe"])
def test_a_word_that_is_a_module(catdog, word):
    error = f'error: no tool "{word}"; `python -m catdog.{word} SCRIPT` is its command\n'
    assert catdog(word, "script.py") == (2, "", error)


def test_a_reader_that_goes_away_sees_no_traceback():
    shell = f"{sys.executable} -c 'from catdog.cli.main import main; main()' --help | true"
    script = f"{sys.executable} {ROOT}/tools/train.py --help | true"
    for command in (shell, script):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert done.stderr == ""


def test_a_python_without_torch_is_told_what_to_do(tmp_path):
    done = subprocess.run(
        # -S: without the packages that are installed
        [sys.executable, "-S", str(ROOT / "tools/train.py"), "--solver", "s.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "has no torch; run `make .venv/installed` in " in done.stderr
    assert done.stderr.endswith(f"then .venv/bin/python {ROOT}/tools/train.py --solver s.yaml\n")


def test_a_tool_whose_output_is_closed_ends_well(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    cli.run_tool(lambda _: None)
