"""How a training goes, as a notebook shows it."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

import catdog
from catdog.runtime.notebook import NotebookPlace, in_notebook
from catdog.solver.events import (
    Cached,
    CachedBatch,
    Done,
    Failed,
    Iterating,
    NetTested,
    Output,
    Preparing,
    Resuming,
    Solving,
    Warned,
)
from catdog.tracking.notebook_progress import NotebookProgress
from tests.clock import Clock
from tests.tiny_solver import write_solver


class Page:
    """Keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def show(self, html: str) -> None:
        self.shown.append(html)


def begun(first: int = 0) -> tuple[Page, Clock, NotebookProgress]:
    page, clock = Page(), Clock()
    progress = NotebookProgress(page, clock)
    progress(Preparing("cpu", "max_iter: 2000"))
    if first:
        progress(Resuming("x.solverstate", first))
    progress(Solving("net", "fixed"))
    return page, clock, progress


def test_it_tells_the_rate_and_the_time_that_is_left():
    page, clock, progress = begun(first=1000)
    for iteration in range(1001, 1101):
        clock.now += 0.1
        progress(Iterating(iteration, 0.1))
    assert "iteration 1,098 of 2,000 &middot; 10 it/s &middot; 01:30 left" in page.shown[-1]
    assert "width:54.9%" in page.shown[-1]
    # some times in a second, not at each iteration
    assert len(page.shown) < 40


def test_features_that_are_made_first_have_a_bar_of_their_own():
    page, clock = Page(), Clock()
    progress = NotebookProgress(page, clock)
    progress(Preparing("cpu", "max_iter: 100"))
    clock.now += 5
    # the time of the first batch is not known
    for done in range(20, 101, 20):
        progress(CachedBatch("train", done, 200))
        clock.now += 2
    progress(CachedBatch("train", 120, 200))
    assert "features, train: 120 of 200 examples &middot; 10 examples/s" in page.shown[-1]
    assert "00:08 left" in page.shown[-1]
    assert "width:60.0%" in page.shown[-1]
    progress(Cached("train", "fc1", 200, 800, 20.0))
    progress(Solving("net", "fixed"))
    clock.now += 1
    progress(Iterating(10, 0.1))
    assert "iteration 10 of 100 &middot; 10 it/s" in page.shown[-1]


def test_tests_are_a_table():
    page, clock, progress = begun()
    for at in range(0, 1000, 50):
        progress(NetTested(at, 0, (Output("acc<", at / 1000), Output("loss", 1.0, 1.0))))
        progress(NetTested(at, 1, (Output("loss", 2.0, 1.0),)))
    progress(Warned("a & b"))
    progress(Done(1000))
    last = page.shown[-1]
    assert "<th>acc&lt;</th><th>loss</th><th>loss (net #1)</th>" in last
    assert last.count("<tr>") == 1 + 8 + 1
    assert "<td>0</td>" in last
    assert "<td>950</td><td>0.95</td>" in last
    assert "a &amp; b" in last
    assert "done" in last
    assert clock.now >= 0


def test_a_failure_is_told():
    page, _, progress = begun()
    progress(Failed("the loss is <nan>"))
    assert "the loss is &lt;nan&gt;" in page.shown[-1]


@pytest.fixture
def notebook(monkeypatch) -> list[str]:
    """A kernel of a notebook; what its cell shows."""
    shown: list[str] = []

    def display(content, display_id):
        assert display_id
        shown.append(content)
        return SimpleNamespace(update=shown.append)

    python, parts = ModuleType("IPython"), ModuleType("IPython.display")
    python.get_ipython = lambda: SimpleNamespace(kernel=object())
    parts.HTML, parts.display = str, display
    monkeypatch.setitem(sys.modules, "IPython", python)
    monkeypatch.setitem(sys.modules, "IPython.display", parts)
    return shown


def test_a_training_shows_itself_in_a_notebook(tmp_path, notebook):
    path = write_solver(tmp_path)
    catdog.train(path, progress=False)
    assert not notebook
    catdog.train(path)
    assert "iteration 4 of 4" in notebook[-1]
    assert "done" in notebook[-1]
    assert "accuracy" in notebook[-1]


def test_what_is_no_notebook(monkeypatch, notebook):
    assert in_notebook()
    NotebookPlace().show("a")
    assert notebook == ["a"]
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: object())
    assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()
