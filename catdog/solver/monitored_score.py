"""Scores of the tests that a training looks at: the best so far, and how long ago that was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

from catdog.errors import Fault, SpecError, did_you_mean
from catdog.proto.caffe_pb2 import ScoreState
from catdog.solver.direction import Direction, directions
from catdog.solver.events import NetTested
from catdog.solver.test_pass import TestNet


@dataclass(frozen=True)
class MonitoredScore:
    """An output of a test net with one number, and which way it gets better."""

    name: str
    net: int
    direction: Direction

    def __str__(self) -> str:
        return f"{self.name} (net #{self.net})" if self.net else self.name

    def value(self, event: NetTested) -> float | None:
        """Its value in a test; None where the test is another net's."""
        values = (output.value for output in event.outputs if output.name == self.name)
        return next(values, None) if event.net == self.net else None


def scores(tests: Sequence[TestNet]) -> Iterator[MonitoredScore]:
    """Every score of the tests: accuracies and losses of one number."""
    for index, test in enumerate(tests):
        known = directions(test.net.message)
        for name in test.net.outputs:
            if name in known and prod(test.net.shapes[name]) == 1:
                yield MonitoredScore(name, index, known[name])


def find(name: str, tests: Sequence[TestNet], field: str) -> MonitoredScore:
    """The score of this name; of several nets' the first. Raises SpecError where there is none."""
    known = list(scores(tests))
    found = next((score for score in known if score.name == name), None)
    if found:
        return found
    names = list(dict.fromkeys(score.name for score in known))
    what = f'{field} "{name}" is no score of a test net'
    remedy = did_you_mean(name, names) or _listed(names)
    raise SpecError([Fault(what, remedy, field=field)])


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "its test nets have no accuracy and no loss of one number"
    return f"its scores are {', '.join(names)}"


def usual(tests: Sequence[TestNet]) -> MonitoredScore | None:
    """The score to look at where none is named: the first accuracy or else the first loss."""
    known = list(scores(tests))
    higher = (score for score in known if score.direction is Direction.HIGHER)
    return next(higher, None) or next(iter(known), None)


@dataclass
class BestScore:
    """The best of a score so far, and how many tests have passed since.

    A test counts once, also where a resumed run repeats it. `state` is what a snapshot keeps.
    """

    score: MonitoredScore
    min_delta: float = 0.0
    state: ScoreState = field(default_factory=ScoreState)

    def __post_init__(self) -> None:
        self.state.name = str(self.score)

    def take(self, event: NetTested) -> bool:
        """Look at a test; whether it is the best so far, by more than min_delta."""
        value = self.score.value(event)
        state = self.state
        if value is None or (state.HasField("last") and event.iteration <= state.last):
            return False
        state.last = event.iteration
        if state.HasField("best") and not self._beats(value, state.best):
            state.waited += 1
            return False
        state.best, state.iteration, state.waited = value, event.iteration, 0
        return True

    def _beats(self, value: float, best: float) -> bool:
        higher = self.score.direction is Direction.HIGHER
        least = value - self.min_delta if higher else value + self.min_delta
        return self.score.direction.better(least, best)

    def load(self, state: ScoreState) -> None:
        """Go on from a snapshot, unless that looked at another score."""
        if state.name == str(self.score):
            self.state.CopyFrom(state)
