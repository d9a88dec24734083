"""How a training ends, in the exit code and the last lines of the tool."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from catdog.tools import sweep as sweep_tool
from catdog.tools import train as train_tool

from catdog.cli.main import run_tool
from catdog.solver.events import Event, Iterating
from catdog.solver.solverstate import read_state
from catdog.tracking.log_writer import LogWriter
from catdog.tracking.run_file import read_run, run_path
from catdog.tracking.shell_hook import WhenDone
from catdog.training.sweep.trial import _Judge
from tests.tiny_solver import write_solver


@pytest.fixture
def solver(tmp_path: Path) -> Path:
    return write_solver(tmp_path)


def code(main: Callable[[Sequence[str]], None], *words: object) -> int:
    try:
        run_tool(main, list(map(str, words)))
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def after(iteration: int, *numbers: int) -> Callable[[WhenDone, Event], None]:
    """In place of a listener: sends signals to this process at an iteration."""

    def listen(_: WhenDone, event: Event) -> None:
        if isinstance(event, Iterating) and event.iteration == iteration:
            for number in numbers:
                os.kill(os.getpid(), number)

    return listen


@pytest.mark.parametrize(
    ("number", "words", "want"),
    [
        (signal.SIGINT, (), 130),
        (signal.SIGTERM, (), 143),
        (signal.SIGUSR1, (), 138),
        (signal.SIGUSR2, (), 140),
        (signal.SIGHUP, ("--sighup_effect", "stop"), 129),
        (signal.SIGHUP, (), 0),
    ],
)
def test_a_signal_snapshots_and_is_the_exit_code(
    number: int,
    words: Sequence[str],
    want: int,
    solver: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(WhenDone, "__call__", after(2, number))
    monkeypatch.setattr("sys.argv", ["catdog train", "--solver", "s.yaml", "--snapshot", "x"])
    assert code(train_tool.main, "--solver", solver, *words) == want
    prefix = solver.parent / "out/tiny"
    assert read_state(Path(f"{prefix}_iter_3.solverstate")).iteration == 3
    told = "To go on: catdog train --solver s.yaml --snapshot auto" in capsys.readouterr().err
    assert told is (want != 0)
    assert read_run(run_path(str(prefix)))["status"] == ("stopped" if want else "done")


@pytest.mark.parametrize("times", [2, 5])
def test_several_interrupts_end_at_once_in_a_line(
    times: int,
    solver: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # the third and later ones come while the files are closed
    more = [signal.SIGINT] * times
    monkeypatch.setattr(WhenDone, "__call__", after(2, *more[:2]))
    close = LogWriter.close

    def disturbed(log: LogWriter) -> None:
        for each in more[2:]:
            os.kill(os.getpid(), each)
        close(log)

    monkeypatch.setattr(LogWriter, "close", disturbed)
    assert code(train_tool.main, "--solver", solver) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"
    assert read_run(run_path(str(solver.parent / "out/tiny")))["status"] == "stopped"


def test_a_run_that_diverged_ends_with_3_and_a_mistake_with_2(solver: Path) -> None:
    fields = ("--set", "max_iter=50", "--set", "snapshot=1")
    assert code(train_tool.main, "--solver", solver, *fields, "--set", "base_lr=1e30") == 3
    assert code(train_tool.main, "--solver", solver, "--set", "base_lt=1") == 2


def test_a_sweep_that_is_stopped_ends_with_130(
    solver: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_Judge, "__call__", after(2, signal.SIGINT))
    out = solver.parent / "sweep"
    words = ("--solver", solver, "base_lr=0.1,0.2", "--trials", 2, "--out", out)
    assert code(sweep_tool.main, *words) == 130
    assert "2 trials are left: the same command goes on" in capsys.readouterr().out
    monkeypatch.undo()
    assert code(sweep_tool.main, *words) == 0
