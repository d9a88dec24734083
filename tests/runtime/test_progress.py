"""A bar on a terminal, lines elsewhere."""

import io

import pytest

from catdog.runtime.progress import progress
from tests.tracking.test_progress import Terminal


def test_a_terminal_has_a_bar() -> None:
    terminal = Terminal()
    assert list(progress([1, 2], "look", stream=terminal)) == [1, 2]
    last = terminal.getvalue().split("\r")[-1]
    assert last.startswith("look: 100%|")
    assert "2/2" in last
    assert last.rstrip().endswith(" photos/s]")


def test_short_work_says_nothing_elsewhere() -> None:
    stream = io.StringIO()
    assert list(progress(range(50), stream=stream)) == list(range(50))
    with progress(total=3, stream=stream) as bar:
        bar.update(3)
    assert not stream.getvalue()


def test_long_work_says_a_line_every_thirty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("tqdm.std.time", lambda: now)
    stream = io.StringIO()
    with progress(what="features", total=100, unit="examples", stream=stream) as bar:
        for _ in range(100):
            bar.update()
            now += 1
    lines = stream.getvalue().splitlines()
    assert lines[0] == "features: 31 of 100 examples, 1.03 examples/s, 01:06 left"
    # at 30, 60 and 90 seconds
    assert len(lines) == 3


def test_hidden_is_hidden() -> None:
    terminal = Terminal()
    list(progress([1], stream=terminal, hidden=True))
    assert not terminal.getvalue()
