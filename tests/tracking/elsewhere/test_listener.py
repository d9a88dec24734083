"""A run elsewhere, with a program that writes down what it is told and may be away."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from catdog.errors import CatdogError
from catdog.solver.events import (
    Display,
    EndRun,
    Event,
    Missing,
    NetTested,
    Output,
    Stopped,
    Tracked,
    Warned,
)
from catdog.tracking.elsewhere import table
from catdog.tracking.elsewhere.listener import EVERY, PAUSE, Elsewhere
from catdog.tracking.elsewhere.run_files import RunFilesElsewhere
from catdog.tracking.elsewhere.tracker import Point, TrackedModel, plain_name
from catdog.tracking.failures import Failures
from catdog.tracking.schedule import Schedule
from tests.clock import Clock


class Program:
    """Keeps what it is told; raises while it is away."""

    run, place = "r1", "http://anna:secret@server"

    def __init__(self) -> None:
        self.away = False
        self.opened = 0
        self.losses: dict[int, float] = {}
        self.names: list[str] = []
        self.status = ""

    def begin(self) -> "Program":
        self._answer()
        self.opened += 1
        return self

    def points(self, points: Sequence[Point]) -> None:
        self._answer()
        for point in points:
            self.losses[point.iteration] = point.values.get("train/loss", -1)

    def files(self, files: Mapping[str, Path]) -> None:
        self._answer()
        assert all(path.is_file() for path in files.values())
        self.names += files

    def model(self, _: TrackedModel) -> None:
        raise AssertionError("there are no weights")

    def end(self, status: str) -> None:
        self._answer()
        self.status = status

    def _answer(self) -> None:
        if self.away:
            raise ConnectionError("http://anna:secret@server refused\nthe connection")


class Watched:
    """A listener with its program, its clock and all that it tells."""

    def __init__(self, folder: Path) -> None:
        self.program, self.clock = Program(), Clock()
        self.told: list[Event] = []
        self.failures = Failures()
        files = RunFilesElsewhere(str(folder / "run"), "r", {"spec/solver.prototxt": "base_lr: 1"})
        self.listener = Elsewhere(
            "mlflow",
            self.program.begin,
            files,
            Schedule(0, 100),
            self.failures,
            self.emit,
            self.clock,
        )
        self.failures.emit = self.emit

    def emit(self, event: Event) -> None:
        """As in a training: what a listener emits comes back to it."""
        self.told.append(event)
        self.listener(event)

    def show(self, iteration: int) -> None:
        self.emit(Display(iteration, 1, 1.0, 1, iteration / 10, 0.1, ()))

    def warnings(self) -> list[str]:
        return [event.what for event in self.told if isinstance(event, Warned)]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_numbers_go_every_few_seconds_and_after_tests(watched: Watched) -> None:
    watched.show(0)
    assert watched.program.losses == {0: 0.0}
    watched.clock.now += EVERY / 2
    watched.show(1)
    assert set(watched.program.losses) == {0}
    watched.clock.now += EVERY / 2
    watched.show(2)
    assert watched.program.losses == {0: 0.0, 1: 0.1, 2: 0.2}
    watched.emit(NetTested(3, 0, (Output("accuracy", 0.5),)))
    assert 3 in watched.program.losses
    assert watched.program.names == ["spec/solver.prototxt"]
    (tracked,) = [event for event in watched.told if isinstance(event, Tracked)]
    assert tracked == Tracked("mlflow", "r1", "http://anna:***@server")
    assert watched.program.opened == 1


def test_one_that_is_away_costs_a_line_and_gets_the_numbers_later(watched: Watched) -> None:
    watched.program.away = True
    for iteration in range(40):
        watched.show(iteration)
        watched.emit(NetTested(iteration, 0, ()))
        watched.clock.now += PAUSE / 20
    (line,) = watched.warnings()
    assert line.startswith("--track mlflow: does not answer: ConnectionError: http://anna:***@")
    assert "refused the connection" in line
    assert line.endswith("; the training goes on without")
    watched.program.away = False
    watched.clock.now += PAUSE
    watched.show(40)
    assert set(watched.program.losses) == set(range(41))
    watched.listener.end(None, None, None)
    watched.failures.finish()
    assert not [event for event in watched.told if isinstance(event, Missing)]


def test_one_that_stays_away_is_missing_at_the_end(watched: Watched) -> None:
    watched.show(0)
    watched.program.away = True
    watched.listener.end(None, None, None)
    watched.failures.finish()
    (missing,) = [event for event in watched.told if isinstance(event, Missing)]
    assert "--track mlflow" in missing.what[0]


@pytest.mark.parametrize(
    ("event", "error", "status"),
    [
        (None, None, "done"),
        (Stopped(3), None, "stopped"),
        (None, EndRun("pruned"), "stopped"),
        (None, KeyboardInterrupt(), "stopped"),
        (None, CatdogError("diverged"), "failed"),
    ],
)
def test_it_is_told_how_the_run_ended(
    watched: Watched, event: Event | None, error: BaseException | None, status: str
) -> None:
    watched.show(0)
    if event:
        watched.emit(event)
    watched.listener.end(type(error), error, None)
    assert watched.program.status == status


def test_names_of_numbers_are_such_as_all_programs_take() -> None:
    assert plain_name("test/accuracy") == "test/accuracy"
    assert plain_name("test/top5[1] (net #2)") == "test/top5_1_ _net _2"


def test_a_program_that_is_none_or_not_installed_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(CatdogError, match=r'"mlfow" is no program .*; did you mean "mlflow"\?'):
        table.check(["mlfow"])
    monkeypatch.setattr(table.importlib.util, "find_spec", lambda _: None)
    told = r"--track mlflow: MLflow is not installed; pip install 'catdog-torch\[mlflow\]'"
    with pytest.raises(CatdogError, match=told):
        table.check(["mlflow"])
