"""What the scores of the tests decide: the best weights, a smaller rate, an early end."""

from collections.abc import Iterator, Sequence

from catdog.errors import Fault, SpecError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import RunState, ScoreState, SolverParameter
from catdog.solver import lr_policy
from catdog.solver.average_precision import check_judged
from catdog.solver.events import Event, Listener, NetTested, Noted, Reached, Warned
from catdog.solver.loss_plateau import LossPlateau
from catdog.solver.monitored_score import BestScore, MonitoredScore, default_score, find, scores
from catdog.solver.test_pass import TestNet


class Ending:
    """Decides by the scores of the tests, and the losses of all, so that all processes decide the
    same.

    Raises as `wanted_scores`.
    """

    def __init__(self, param: SolverParameter, tests: Sequence[TestNet], emit: Listener) -> None:
        self._param, self._emit = param, emit
        self._pending: list[Event] = []
        #: What SSD's plateau decides by.
        self.losses = LossPlateau(param, emit)
        self._tested = bool(tests) and param.test_interval > 0
        check_judged(param, [test.net for test in tests])
        best, watched = wanted_scores(param, [test.net for test in tests])
        self._best = BestScore(best) if best else None
        self._stop = (
            BestScore(watched, param.early_stop_min_delta)
            if watched and param.early_stop_patience
            else None
        )
        self._plateau = (
            BestScore(watched, param.plateau_min_delta)
            if watched and lr_policy.drops_by_tests(param)
            else None
        )

    def begin(self) -> None:
        """Emit what concerns a run that begins or goes on."""
        param = self._param
        if param.snapshot_best and not self._tested:
            self._emit(Warned(f'snapshot_best "{param.snapshot_best}": there are no tests'))
        if param.ema_decay:
            text = f"Tests look at a moving average of the weights: ema_decay {param.ema_decay:g}"
            self._emit(Noted(text))
        for event in self._pending:
            self._emit(event)
        self._pending.clear()

    def finish(self) -> None:
        """Emit the best score."""
        if self.best:
            name, score = self.best
            self._emit(Noted(f"Best {name}: {score.best:g} at iteration {score.iteration}"))

    def take(self, event: NetTested, *, due: bool = True) -> bool:
        """Look at a test; whether its weights are the best so far and to be kept.

        The one before the first iteration is no result of the training. One that was not due
        decides nothing else: a run that goes on from there would decide otherwise.
        """
        if not event.iteration:
            return False
        if self._stop and due:
            self._stop.take(event)
        if self._plateau and due:
            self._look_at_rate(self._plateau, event)
        return self._best is not None and self._best.take(event)

    @property
    def best(self) -> tuple[str, ScoreState] | None:
        """The name of the best score, and what is known of it, once there is one."""
        if self._best is None or not self._best.state.HasField("best"):
            return None
        return str(self._best.score), self._best.state

    @property
    def kept_score(self) -> str:
        """The score whose best weights are kept; empty where none are."""
        return str(self._best.score) if self._best else ""

    @property
    def reached(self) -> Reached | None:
        """The best score, once there is one."""
        if self._best is None or not self.best:
            return None
        _, state = self.best
        return Reached(state.best, state.iteration, self._best.score.direction.value)

    def best_state(self) -> ScoreState:
        """A copy of what is known of the best."""
        copy = ScoreState()
        if self._best:
            copy.CopyFrom(self._best.state)
        return copy

    def set_best(self, state: ScoreState) -> None:
        """Go back to a best whose weights are there."""
        if self._best:
            self._best.state.CopyFrom(state)

    def forget_best(self) -> None:
        """Look for the best anew: its weights are not there."""
        if self._best:
            self._best.forget()

    @property
    def drops(self) -> int:
        """How often lr_policy plateau has lowered the rate, by the tests or by the losses."""
        return self._plateau.state.drops if self._plateau else self.losses.drops

    @property
    def over(self) -> str:
        """Why the training ends now; empty while it goes on."""
        progress = self._stop
        if progress is None or progress.state.waited < self._param.early_stop_patience:
            return ""
        return f"Stopping early: {_no_better(progress)}"

    def _look_at_rate(self, progress: BestScore, event: NetTested) -> None:
        progress.take(event)
        state, iteration = progress.state, event.iteration
        if state.waited < self._param.plateau_patience:
            return
        rates = [
            lr_policy.learning_rate(self._param, iteration, drops=state.drops + more)
            for more in (0, 1)
        ]
        if rates[1] < rates[0]:
            why = _no_better(progress)
            self._emit(Noted(f"Iteration {iteration}: {why}: the rate drops to {rates[1]:g}"))
            state.drops += 1
        state.waited = 0

    def store(self, run: RunState) -> None:
        """Put the state that a resume needs into a snapshot."""
        for name, progress in self._all():
            getattr(run, name).CopyFrom(progress.state)

    def load(self, run: RunState, iteration: int) -> None:
        """Restore the state of a snapshot that was taken at this iteration."""
        self._pending += _resumed(self._param, run, iteration)
        for name, progress in self._all():
            if run.HasField(name):
                progress.load(getattr(run, name))

    def _all(self) -> Iterator[tuple[str, BestScore]]:
        named = {"best": self._best, "early_stop": self._stop, "plateau": self._plateau}
        return ((name, progress) for name, progress in named.items() if progress)


def _resumed(param: SolverParameter, run: RunState, iteration: int) -> Iterator[Event]:
    """What max_iter means to a run that goes on."""
    if iteration >= param.max_iter:
        yield Noted(
            f"The snapshot is at iteration {iteration} and max_iter is {param.max_iter}: nothing "
            "is left to train; --set max_iter=N goes on"
        )
    elif run.HasField("max_iter") and run.max_iter != param.max_iter:
        before, now = SolverParameter(), lr_policy.learning_rate(param, iteration)
        before.CopyFrom(param)
        before.max_iter = run.max_iter
        rate = lr_policy.learning_rate(before, iteration)
        if rate != now:
            yield Warned(
                f'lr_policy "{param.lr_policy}" looks at max_iter, which was {run.max_iter} and is '
                f"{param.max_iter}: the rate goes on at {now:g}, not at {rate:g}"
            )


def _no_better(progress: BestScore) -> str:
    state = progress.state
    tests = "1 test" if state.waited == 1 else f"{state.waited} tests in a row"
    if not state.HasField("best"):
        return f"{tests} with no number for the {progress.score}"
    delta = f" by {progress.min_delta:g}" if progress.min_delta else ""
    best = f"the best {progress.score}, {state.best:g} at iteration {state.iteration}"
    return f"{tests} no better{delta} than {best}"


def _patient(param: SolverParameter) -> str:
    """The field that needs a score, if one does."""
    if param.early_stop_patience:
        return "early_stop_patience"
    return "lr_policy" if lr_policy.drops_by_tests(param) else ""


def _field(param: SolverParameter) -> str:
    given = (name for name in ("watched_score", "snapshot_best") if getattr(param, name))
    return next(given, _patient(param))


def wanted_scores(
    param: SolverParameter, tests: Sequence[Net]
) -> tuple[MonitoredScore | None, MonitoredScore | None]:
    """The score of the best weights, and that which decides when to lower the rate and to stop.

    None where a solver wants none. Raises SpecError for a score that no test net has, and where one
    is needed and nothing is tested.
    """
    if not tests or param.test_interval <= 0:
        _check_untested(param)
        return None, None
    named = param.watched_score or param.snapshot_best
    watched = _score(param, named, tests) if named or _patient(param) else None
    best = find(param, param.snapshot_best, tests, "snapshot_best") if param.snapshot_best else None
    return best, watched


def _score(param: SolverParameter, name: str, tests: Sequence[Net]) -> MonitoredScore:
    field = _field(param)
    if name:
        return find(param, name, tests, field)
    score = default_score(scores(param, tests))
    if score is None:
        raise SpecError(
            [Fault(f"{field} needs a test net with an accuracy or a loss", field=field)]
        )
    return score


def _check_untested(param: SolverParameter) -> None:
    field = "watched_score" if param.watched_score else _patient(param)
    if field:
        what = f"{field} needs tests, and there are none"
        raise SpecError(
            [Fault(what, "give test_interval and a net with a TEST phase", field=field)]
        )


def faults(solver: SolverParameter) -> Iterator[Fault]:
    """Numbers of the fields of this module that cannot work."""
    for name in ("early_stop_min_delta", "plateau_min_delta", "min_lr"):
        if getattr(solver, name) < 0:
            yield Fault(f"{name} must be 0 or more", field=name)
    if not 0 <= solver.ema_decay < 1:
        yield Fault("ema_decay must be at least 0 and below 1", field="ema_decay")
    for each in solver.unfreeze:
        if not each.layers or each.iteration < 1:
            what = "unfreeze needs layers and an iteration above 0"
            yield Fault(what, "such as {layers: conv5*, iteration: 1000}", field="unfreeze")
    if solver.unfreeze and solver.cache_features:
        what = "unfreeze does not go with cache_features"
        yield Fault(what, "leave one of them out", field="unfreeze")
    if solver.early_stop_min_delta and not solver.early_stop_patience:
        what = "early_stop_min_delta needs early_stop_patience"
        yield Fault(what, "say how many tests to wait", field="early_stop_min_delta")
