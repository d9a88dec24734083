"""The command after a training: after which ends it runs and what it is told."""

import io
from pathlib import Path

import pytest

from catdog.errors import CatdogError
from catdog.solver.events import Best, Display, Done, Preparing, Snapshotted, Stopped
from catdog.tracking.shell_hook import OCCASIONS, WhenDone

NAMES = ("STATUS", "ITERATION", "LOG", "BEST", "SCORE", "ERROR")
TELL = f'echo "{",".join(f"$CATDOG_{name}" for name in NAMES)}" > told'


def ended(
    on: str = "always", error: BaseException | None = None, stop: bool = False, command: str = TELL
) -> str:
    """Run a training that ends so; what the command was told, and what was said of it."""
    stream = io.StringIO()
    try:
        with WhenDone(command, on, stream) as listener:
            listener(Preparing("cpu", 'snapshot_prefix: "runs/a/net"'))
            listener(Display(5, 5, 1.0, 5, 0.5, 0.1, ()))
            listener(Best(7, "accuracy", 0.95, "runs/a/net_best.caffemodel"))
            listener(Snapshotted(8, "runs/a/net_iter_8.caffemodel", "s"))
            if error:
                raise error
            listener(Stopped(9) if stop else Done(9))
    except type(error or Exception()) as raised:
        assert raised is error
    told = Path("told")
    return (told.read_text().strip() if told.exists() else "") + stream.getvalue()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


BEST = "runs/a/train.log,runs/a/net_best.caffemodel,accuracy=0.95"


@pytest.mark.parametrize(
    ("end", "told", "occasions"),
    [
        ({}, f"done,9,{BEST},", {"success", "always"}),
        ({"stop": True}, f"stopped,9,{BEST},", {"always"}),
        ({"error": CatdogError("no", where="x")}, f"failed,8,{BEST},x: no", {"failure", "always"}),
        ({"error": OSError("full")}, f"failed,8,{BEST},OSError: full", {"failure", "always"}),
        ({"error": KeyboardInterrupt()}, f"stopped,8,{BEST},", {"always"}),
    ],
)
@pytest.mark.parametrize("on", OCCASIONS)
def test_it_runs_after_the_ends_that_are_asked_for(
    on: str, end: dict[str, object], told: str, occasions: set[str]
) -> None:
    assert ended(on, **end) == (told if on in occasions else "")


@pytest.mark.parametrize(
    ("command", "how"),
    [("exit 3", "ended with exit code 3"), ("kill -9 $$", "was ended by signal 9")],
)
def test_that_it_fails_is_one_line(command: str, how: str) -> None:
    assert ended(command=command) == f"warning: --when-done: `{command}` {how}\n"


def test_without_a_command_nothing_runs() -> None:
    assert ended(command="") == ""
