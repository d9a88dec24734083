"""Rows for people: what a terminal shows, and what it shows where it is narrow."""

from pathlib import Path

import pytest

from catdog.errors import Diverged
from catdog.solver.events import Noted, Warned
from catdog.tracking.console import Console
from catdog.tracking.console_table import ConsoleTable, NumberColumn, fitting, share, short
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import write_small
from tests.tracking.test_progress import Terminal, lines_left

FIELDS = ("snapshot_prefix=out/run", "snapshot=4")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")


def shown(*overrides: str, columns: int = 140) -> list[str]:
    terminal = Terminal()
    patch = pytest.MonkeyPatch()
    patch.setattr("catdog.tracking.listeners.width_of", lambda _: columns)
    with patch.context():
        train("solver.yaml", Options(overrides=[*FIELDS, *overrides]), stream=terminal)
    patch.undo()
    assert "\x1b[3" not in terminal.getvalue()
    return lines_left(terminal.getvalue())


def test_a_row_for_each_display_and_each_test() -> None:
    lines = shown()
    (header,) = [at for at, line in enumerate(lines) if line.lstrip().startswith("iter ")]
    assert " ".join(lines[header].split()) == (
        "iter epoch train loss train acc test acc test loss lr images/s left"
    )
    assert lines[0].startswith("Training on cpu")
    assert any(line.startswith("An epoch is 2.5 iterations of 4") for line in lines)
    rows = [line for line in lines[header + 1 :] if line.split()[0].isdigit()]
    assert " ".join(row.split()[0] for row in rows) == "0 0 1 2 3 3 4 5 6 6 7 8 8"
    # the test at 3: epoch, train loss and accuracy, accuracy and loss
    assert rows[4].split()[1] == "1.20"
    assert sum("%" in word for word in rows[4].split()) == 2
    assert not rows[0].endswith("best")
    assert rows[4].endswith("best")
    assert lines[-1].startswith(("Most memory", "The processor waited", "Done: 8"))
    assert "snapshot: out/run_iter_4.caffemodel" in lines
    log = Path("out/train.log").read_text()
    assert "Iteration 3, Testing net (#0)" in log
    assert not any("solver.cpp" in line for line in lines)


def test_all_numbers_stand_under_their_names() -> None:
    lines = shown()
    (header,) = [line for line in lines if line.lstrip().startswith("iter ")]
    (row,) = [line for line in lines if line.startswith("   7")]
    end = header.index("train acc") + len("train acc")
    assert row[end - 1] == "%"
    assert row[end - 6 : end].strip().endswith("%")


@pytest.mark.parametrize("columns", [80, 60, 30, 8])
def test_no_row_is_wider_than_the_terminal(columns: int) -> None:
    lines = shown(columns=columns)
    at = next(i for i, line in enumerate(lines) if line.lstrip().startswith("iter"))
    rows = [line for line in lines[at:] if line.split()[0].isdigit() and not line.endswith("best")]
    assert rows
    assert max(map(len, rows)) < columns


def test_what_is_left_out_first() -> None:
    columns = [
        NumberColumn("a", "a", 0, 5),
        NumberColumn("b", "b", 9, 5),
        NumberColumn("c", "c", 1, 5),
    ]
    assert [c.key for c in fitting(columns, 20)] == ["a", "b", "c"]
    assert [c.key for c in fitting(columns, 19)] == ["a", "c"]
    assert [c.key for c in fitting(columns, 1)] == ["a"]


def test_a_header_now_and_then_and_where_the_width_changes() -> None:
    width = [80]
    table = ConsoleTable(
        [NumberColumn("a", "name", 0), NumberColumn("b", "more", 1)], lambda: width[0]
    )
    lines = [line for _ in range(41) for line in table.row({"a": "1"})]
    assert lines.count("name  more") == 3
    width[0] = 8
    assert len(table.row({"a": "1"})) == 2


def test_numbers() -> None:
    assert [share(0.9314), share(1.0), share(12.5)] == ["93.1%", "100.0%", "12.5000"]
    assert [short(0.69314), short(1234.5), short(float("nan"))] == ["0.6931", "1234", "nan"]


def test_warnings_are_told_and_marked(monkeypatch) -> None:
    terminal = Terminal()
    console = Console(terminal)
    console(Warned("the loss is nan"))
    console(Noted("Best accuracy: 0.5"))
    assert terminal.getvalue() == "warning: the loss is nan\nBest accuracy: 0.5\n"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm")
    coloured = Terminal()
    Console(coloured)(Warned("x"))
    assert coloured.getvalue() == "\x1b[33mwarning: x\x1b[0m\n"


def test_the_error_is_left_to_whoever_ends_with_it() -> None:
    terminal = Terminal()
    with pytest.raises(Diverged) as caught:
        fields = [*FIELDS, "base_lr=1e30", "max_iter=50"]
        train("solver.yaml", Options(overrides=fields), stream=terminal)
    assert str(caught.value) in Path("out/train.log").read_text()
    assert str(caught.value) not in " ".join(lines_left(terminal.getvalue()))


def test_a_terminal_that_is_gone_ends_no_training() -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            if "Run " in text:
                raise OSError(5, "Input/output error")
            return super().write(text)

    assert train("solver.yaml", Options(overrides=FIELDS), stream=Gone()).iteration == 8
    assert "Input/output error; the training goes on without" in Path("out/train.log").read_text()
