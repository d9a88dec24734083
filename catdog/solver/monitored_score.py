"""The score of the tests by which a training is judged: which it is, its best so far.

`default_score` is the one rule for early stopping, the table of runs and sweeps.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite, prod

from catdog.errors import Fault, SpecError, did_you_mean
from catdog.net.net import Net
from catdog.net.wiring import outputs
from catdog.proto.caffe_pb2 import NetParameter, ScoreState, SolverParameter
from catdog.solver.average_precision import is_judged, scores_detections
from catdog.solver.direction import Direction, directions
from catdog.solver.events import NetTested, of_net

#: The type of the layer whose rows are no score before all of them were seen.
_JUDGE = "DetectionEvaluate"


@dataclass(frozen=True)
class MonitoredScore:
    """An output of a test net with one number, and which way it gets better."""

    name: str
    net: int
    direction: Direction

    def __str__(self) -> str:
        return of_net(self.name, self.net)

    def value(self, event: NetTested) -> float | None:
        """Its value in a test; None where the test is another net's."""
        values = (output.value for output in event.outputs if output.name == self.name)
        return next(values, None) if event.net == self.net else None


def declared_scores(
    solver: SolverParameter, tests: Sequence[NetParameter]
) -> Iterator[MonitoredScore]:
    """Every score that the layers of test nets declare: outputs of accuracy and loss layers.

    In the order of the nets, and of their outputs (by name). A second top of a layer, such as the
    accuracy of each class, is not a score; the rows of DetectionEvaluate are one where the solver's
    eval_type makes them the mean average precision. `tests` are filtered to the layers of their
    states.
    """
    for index, net in enumerate(tests):
        layers = [each for each in net.layer if each.type != _JUDGE or scores_detections(solver)]
        known, first = directions(net), {layer.top[0] for layer in layers if layer.top}
        for name in outputs(net, ()):
            if name in known and name in first:
                yield MonitoredScore(name, index, known[name])


def scores(solver: SolverParameter, tests: Sequence[Net]) -> Iterator[MonitoredScore]:
    """The declared scores of test nets that are one number, once their tests are over."""
    for score in declared_scores(solver, [net.message for net in tests]):
        shape = tests[score.net].shapes[score.name]
        if prod(shape) == 1 or (scores_detections(solver) and is_judged(shape)):
            yield score


def find(solver: SolverParameter, name: str, tests: Sequence[Net], field: str) -> MonitoredScore:
    """The score of this name; of several nets' the first. Raises SpecError where there is none."""
    known = list(scores(solver, tests))
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


def default_score(known: Iterable[MonitoredScore]) -> MonitoredScore | None:
    """The score that counts where none is named: the first accuracy or else the first loss."""
    listed = list(known)
    higher = (score for score in listed if score.direction is Direction.HIGHER)
    return next(higher, None) or next(iter(listed), None)


def score_of_run(solver: SolverParameter, tests: Sequence[NetParameter]) -> MonitoredScore | None:
    """The score that a run is compared by: what its solver names, or else `default_score`.

    `tests` are its test nets, filtered to the layers of their states; None without a score.
    """
    known = list(declared_scores(solver, tests))
    name = solver.watched_score or solver.snapshot_best
    named = (score for score in known if score.name == name)
    return next(named, None) or default_score(known)


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
        """Look at a test; whether it is the best so far, by more than min_delta.

        A score that is no finite number is never the best.
        """
        value = self.score.value(event)
        state = self.state
        if value is None or (state.HasField("last") and event.iteration <= state.last):
            return False
        state.last = event.iteration
        if not isfinite(value) or (state.HasField("best") and not self._beats(value, state.best)):
            state.waited += 1
            return False
        state.best, state.iteration, state.waited = value, event.iteration, 0
        return True

    def _beats(self, value: float, best: float) -> bool:
        higher = self.score.direction is Direction.HIGHER
        least = value - self.min_delta if higher else value + self.min_delta
        return self.score.direction.better(least, best)

    def forget(self) -> None:
        """Begin as if no test had been."""
        self.state.CopyFrom(ScoreState(name=str(self.score)))

    def load(self, state: ScoreState) -> None:
        """Go on from a snapshot, unless that looked at another score."""
        if state.name == str(self.score):
            self.state.CopyFrom(state)
