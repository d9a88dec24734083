"""Layers that learn from an iteration on: when, at which rates, and after a resume too."""

from pathlib import Path

import pytest
import torch

from catdog.errors import CatdogError, SpecError
from catdog.solver.events import Event, Noted
from catdog.solver.solver import Solver
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import NET, SOLVER, write_small

UNFREEZE = """
unfreeze:
- {layers: conv1, iteration: 3}
- {layers: fc1, iteration: 5}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = NET.replace("name: fc1", "name: fc1\n  param: [{lr_mult: 2}, {lr_mult: 3}]", 1)
    write_small(tmp_path, net, SOLVER.replace('freeze: ["*1"]', "") + UNFREEZE)
    monkeypatch.chdir(tmp_path)


class Watched:
    """A training, and in which iterations the blobs of each layer changed."""

    def __init__(self, name: str, *overrides: str, snapshot: str = "") -> None:
        self.said: list[str] = []
        self.rates: dict[int, dict[str, float]] = {}
        self.moved: dict[str, list[int]] = {}
        fields = [f"snapshot_prefix={name}/run", *overrides]
        self._before: dict[str, list[torch.Tensor]] = {}
        self._patched(fields, snapshot)

    def _patched(self, fields: list[str], snapshot: str) -> None:
        iterate = Solver._iterate
        watched = self

        def look(solver: Solver) -> None:
            at, before = solver.iteration, blobs(solver)
            iterate(solver)
            watched.rates[at] = {i.name: i.lr_mult for i in solver.update.learnable}
            for name, now in blobs(solver).items():
                if any(not torch.equal(a, b) for a, b in zip(before[name], now, strict=True)):
                    watched.moved.setdefault(name, []).append(at)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Solver, "_iterate", look)
            options = Options(overrides=fields, snapshot=snapshot)
            self.solver = train("solver.yaml", options, listeners=[self._hear])

    def _hear(self, event: Event) -> None:
        if isinstance(event, Noted):
            self.said.append(event.what)


def blobs(solver: Solver) -> dict[str, list[torch.Tensor]]:
    return {n: [b.clone() for b in found] for n, found in solver.net.layer_blobs().items()}


def test_layers_learn_from_their_iteration_on() -> None:
    run = Watched("a")
    assert run.moved == {
        "conv1": [3, 4, 5, 6, 7],
        # its statistics are those of what conv1 makes
        "bn1": [3, 4, 5, 6, 7],
        "scale1": list(range(8)),
        "fc1": [5, 6, 7],
        "fc2": list(range(8)),
    }
    assert (run.rates[4]["fc1:0"], run.rates[4]["fc1:1"]) == (0, 0)
    assert (run.rates[5]["fc1:0"], run.rates[5]["fc1:1"]) == (2, 3)
    said = [line for line in run.said if "no longer frozen" in line]
    assert said == [
        "Iteration 3: no longer frozen: conv1, bn1",
        "Iteration 5: no longer frozen: fc1",
    ]


def test_unfreeze_goes_before_freeze() -> None:
    run = Watched("a", "freeze=['*1']")
    assert run.moved == {"conv1": [3, 4, 5, 6, 7], "fc1": [5, 6, 7], "fc2": list(range(8))}


@pytest.mark.parametrize("stop", [2, 3, 4, 5, 6])
def test_a_resumed_run_equals_the_uninterrupted_one(
    stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the names of the runs
    monkeypatch.setattr("secrets.token_hex", lambda _: "abcd")
    more = ("ema_decay=0.7", "snapshot_best=loss")
    whole = Watched("whole", *more)
    Watched("parts", f"max_iter={stop}", *more)
    second = Watched("parts", *more, snapshot="auto")
    for one, other in zip(whole.solver.net.learnable, second.solver.net.learnable, strict=True):
        assert torch.equal(one.parameter, other.parameter), one.name
    histories = zip(whole.solver.update.history(), second.solver.update.history(), strict=True)
    assert all(torch.equal(one, other) for one, other in histories)
    names = [f"{n}/run_iter_8_ema.caffemodel" for n in ("whole", "parts")]
    assert Path(names[0]).read_bytes() == Path(names[1]).read_bytes()


def test_a_layer_that_is_frozen_at_first_has_no_history() -> None:
    run = Watched("a", "max_iter=3")
    names = [item.name for item in run.solver.update.learnable]
    histories = dict(zip(names, run.solver.update.history(), strict=True))
    assert {name for name in names if not histories[name].any()} == {
        *("conv1:0", "conv1:1", "bn1:0", "bn1:1", "bn1:2", "fc1:0", "fc1:1")
    }


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["unfreeze=[{layers: cnov1, iteration: 3}]"], '"cnov1" names no layer'),
        (["unfreeze=[{layers: conv1}]"], "needs layers and an iteration above 0"),
        (["cache_features=true"], "unfreeze does not go with cache_features"),
    ],
)
def test_what_cannot_work_is_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(CatdogError) as error:
        train("solver.yaml", Options(overrides=overrides))
    assert words in str(error.value) and isinstance(error.value, SpecError)
