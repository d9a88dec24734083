"""Every tool answers --help and a wrong word on its command line."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from catdog.cli import main as cli

ROOT = Path(__file__).parent.parent


def run(name, *words):
    """The exit code of a tool, run in this process."""
    main = importlib.import_module(f"catdog.tools.{name}").main
    try:
        cli.run_tool(main, list(words))
    except SystemExit as stop:
        return stop.code or 0
    return 0


@pytest.mark.parametrize("name", cli.names())
def test_help_says_what_the_tool_is_for_and_how_to_run_it(name, capsys):
    assert run(name, "--help") == 0
    told = capsys.readouterr().out
    assert f"python tools/{name}.py" in told
    assert "usage:" in told


@pytest.mark.parametrize("name", cli.names())
def test_a_wrong_flag_is_one_line_and_exit_code_2(name, capsys):
    assert run(name, "--no-such-flag") == 2
    told = capsys.readouterr()
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert not told.out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("evaluate", ["--weights", "w", "--model", "m", "--iterations", "0"]),
        ("extract_features", ["w", "m", "fc6", "--out", "f.npz", "--batches", "0"]),
        ("extract_features", ["w", "m", "fc6", "db6", "0", "lmdb"]),
        ("time_net", ["--model", "m", "--batch", "0"]),
        ("time_net", ["--model", "m", "--iterations", "0"]),
        ("explore", ["photos", "--tiny", "0"]),
        ("sweep", ["--solver", "s", "base_lr=1,2", "--trials", "0"]),
        ("draw_sample", ["--train", "0"]),
        ("plot_learning_curve", ["log", "--smooth", "-1"]),
    ],
)
def test_a_number_of_nothing_is_one_line_and_exit_code_2(name, words, capsys):
    assert run(name, *words) == 2
    told = capsys.readouterr()
    assert " is no whole number from " in told.err
    assert told.err.count("\n") == 1


def test_no_tool_hides_a_module_of_the_standard_library():
    assert not set(cli.names()) & set(sys.stdlib_module_names)


def test_the_file_of_the_console_command_is_that_command(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/catdog.py"), "chekc"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'error: no tool "chekc"; did you mean "check"?\n'


def test_a_tool_runs_as_a_script(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/check.py"), "no_such_net.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    looked = f"no such file in {tmp_path}, and none of the nets and solvers that ship with catdog"
    told = f"error: no_such_net.yaml: {looked}; `catdog list` names those\n"
    assert done.stderr == told
