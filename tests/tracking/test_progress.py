"""The bar on a terminal, and lines above it."""

import io
import os
import re

from catdog.solver.events import (
    Display,
    Iterating,
    NetTested,
    NetTestedBatch,
    NetTesting,
    Noted,
)
from catdog.tracking.log_writer import LogWriter
from catdog.tracking.progress import AboveBar, ProgressBar
from catdog.tracking.schedule import Schedule
from tests.clock import Clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines_left(text: str) -> list[str]:
    """What a terminal shows in the end: it knows line ends, returns and one line up."""
    rows: list[list[str]] = [[]]
    row = column = 0
    for word in re.findall(r"\x1b\[A|.", text, re.DOTALL):
        if word == "\n":
            row, column = row + 1, 0
            rows += [[]] * (row == len(rows))
        elif word == "\r":
            column = 0
        elif word == "\x1b[A":
            row -= 1
        else:
            line = rows[row]
            rows[row] = [*line[:column], *" " * (column - len(line)), word, *line[column + 1 :]]
            column += 1
    lines = ("".join(cells).rstrip() for cells in rows)
    return [line for line in lines if line]


def test_rate_images_and_time_left() -> None:
    terminal, clock = Terminal(), Clock()
    bar = ProgressBar(Schedule(10, 110, examples=64, test_interval=50, tests=(5,)), terminal, clock)
    for iteration in range(10, 60):
        bar(Iterating(iteration, 0.1))
        clock.now += 0.5
        if iteration == 20:
            bar(Display(20, 10, 5.0, 10, 0.75, 0.1, ()))
    last = terminal.getvalue().split("\r")[-1]
    assert "59/110" in last
    # 51 iterations of half a second, and two tests of five forward passes
    assert "2 it/s, 128 images/s, 00:27 left, loss 0.75" in last


def test_the_bar_leaves_the_last_column_free_and_follows_the_window(monkeypatch) -> None:
    columns = [100]
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns[0], 24)))
    monkeypatch.setattr(Terminal, "fileno", lambda _: 2)
    terminal, clock = Terminal(), Clock()
    bar = ProgressBar(Schedule(0, 100), terminal, clock)
    widths = []
    for iteration, columns[0] in enumerate((100, 60, 30)):
        clock.now += 1
        bar(Iterating(iteration, 0.1))
        widths.append(len(terminal.getvalue().split("\r")[-1].rstrip()))
    assert widths == [99, 59, 29]


def test_lines_of_the_log_stay_whole() -> None:
    terminal, clock = Terminal(), Clock()
    log = LogWriter(stream=AboveBar(terminal))
    bar = ProgressBar(Schedule(0, 100), terminal, clock)
    for iteration in range(100):
        clock.now += 1
        bar(Iterating(iteration, 0.1))
        if iteration % 10 == 0:
            log(Noted(f"line {iteration}"))
    bar.close()
    shown = lines_left(terminal.getvalue())
    assert [line.split("] ")[1] for line in shown] == [f"line {i}" for i in range(0, 100, 10)]


def test_a_test_has_a_bar_that_goes() -> None:
    terminal, clock = Terminal(), Clock()
    bar = ProgressBar(Schedule(0, 100, test_interval=50, tests=(5, None)), terminal, clock)
    bar._delay = 0.0
    for net in (0, 1):
        bar(NetTesting(0, net))
        assert bar._test is not None
        bar._test.mininterval = 0
        for batch in range(5):
            bar(NetTestedBatch(0, net, batch))
        bar(NetTested(0, net, ()))
    bar.close()
    assert "test #0" in terminal.getvalue()
    assert re.search(r"4/5 \[", terminal.getvalue())
    assert not [line for line in lines_left(terminal.getvalue()) if "test #" in line]
