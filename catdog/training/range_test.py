"""A learning-rate range test: the loss while the rate grows from next to nothing.

L. N. Smith, "Cyclical learning rates for training neural networks" (2017), with the growth by a
constant factor and the end at a loss that explodes that fast.ai's `lr_find` has.
"""

import math
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from catdog.errors import CatdogError, Diverged
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.action import Action
from catdog.solver.events import Display, Event, Listener, everyone
from catdog.solver.signals import Signals
from catdog.training.class_weights import with_class_weights
from catdog.training.finetuning import start_anew
from catdog.training.options import Options, solver_spec
from catdog.training.rate_curve import RateCurve
from catdog.training.solver_setup import Surroundings, open_solver

#: Fields of a solver that decide on the rate, on tests and on what is kept: nothing of that here.
_APART = (
    *("gamma", "power", "stepsize", "stepvalue", "warmup_iter", "warmup_start", "min_lr"),
    *("warmup_start_lr", "rampup_interval", "rampup_lr", "stagelr", "stageiter"),
    *("plateau_winsize", "eval_type", "ap_version", "show_per_class_result"),
    *("plateau_patience", "plateau_min_delta", "early_stop_patience", "early_stop_min_delta"),
    *("test_net", "test_net_param", "test_iter", "test_state", "test_interval"),
    *("snapshot", "snapshot_best", "watched_score", "ema_decay", "cache_features", "average_loss"),
)
#: It ends where the running mean of the loss is so many times its least.
_EXPLODED = 4.0
#: Every loss is weighed against every other.
_MOST = 10_000
#: What that mean keeps of itself at each loss.
_KEPT = 0.8


@dataclass(frozen=True)
class RateRange:
    """What is tried: rates from `low` to `high`, each by the same factor above the one before.

    Raises CatdogError for what is no range.
    """

    low: float = 1e-5
    high: float = 10.0
    iterations: int = 120

    def __post_init__(self) -> None:
        if not (0 < self.low < self.high < math.inf and 1 < self.iterations <= _MOST):
            raise CatdogError(
                f"{self.low:g} to {self.high:g} in {self.iterations} iterations is no range of "
                "learning rates",
                remedy=f"give two rates above 0, the larger one second; 2 to {_MOST:,} iterations",
            )

    @property
    def factor(self) -> float:
        """From one rate to the next."""
        return float((self.high / self.low) ** (1 / (self.iterations - 1)))


def measure(
    path: str | Path,
    options: Options | None = None,
    wanted: RateRange | None = None,
    *,
    listeners: Sequence[Listener] = (),
    say: Callable[[str], object] = lambda _: None,
) -> RateCurve:
    """Train as a solver file says, but for the rate, until the loss explodes; nothing is written.

    The updates are the solver's own, with its momentum, decay and lr_mult. It ends where the loss
    is four times its least or is no number, and as soon as the iteration is done where Ctrl-C or
    SIGTERM asks for it, which `say` hears at once. Raises as `train` before the first iteration.
    """
    wanted = wanted or RateRange()
    options = with_class_weights(path, options or Options())
    spec = solver_spec(path, options)
    watch = _Watch()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="catdog_lr_find_"))
        signals = stack.enter_context(Signals(sighup=Action.STOP, say=lambda _: say(_STOPPING)))
        growing = spec.of(_growing(spec.message, wanted, Path(folder)))
        emit = everyone(watch, *listeners)

        def request() -> Action:
            return Action.STOP if watch.exploded else signals.request()

        around = Surroundings(emit, request)
        solver, _ = open_solver(growing, _untested(options), stack, around)
        start_anew(growing, options, solver, emit)
        try:
            solver.step(wanted.iterations)
        except Diverged:
            watch.exploded = True
    return watch.curve(spec.message.base_lr, interrupted=bool(signals.stopped_by))


_STOPPING = "stopping after this iteration; what was measured is kept"


def _growing(given: SolverParameter, wanted: RateRange, folder: Path) -> SolverParameter:
    """The solver with a rate that grows, and nothing beside its updates."""
    solver = SolverParameter()
    solver.CopyFrom(given)
    for name in _APART:
        solver.ClearField(name)
    solver.base_lr, solver.lr_policy, solver.gamma = wanted.low, "exp", wanted.factor
    solver.max_iter, solver.display = wanted.iterations, 1
    # what a training puts aside at its first iteration lies under its prefix
    solver.snapshot_prefix = str(folder / "none")
    return solver


def _untested(options: Options) -> Options:
    """Without what is said of the test nets, of which there are none."""
    kept = [each for each in options.overrides if not each.lstrip().startswith("test_net.")]
    return replace(options, overrides=kept)


class _Watch:
    """Takes the losses down; `exploded` once they have risen too far."""

    def __init__(self) -> None:
        self.exploded = False
        self._rates: list[float] = []
        self._losses: list[float] = []
        self._sum = self._weight = 0.0
        self._least = math.inf

    def __call__(self, event: Event) -> None:
        """Take the loss of an iteration."""
        if not isinstance(event, Display):
            return
        if not math.isfinite(event.loss):
            self.exploded = True
            return
        self._rates.append(event.lr)
        self._losses.append(event.loss)
        self._sum = _KEPT * self._sum + event.loss
        self._weight = _KEPT * self._weight + 1
        mean = self._sum / self._weight
        self._least = min(self._least, mean)
        self.exploded = mean > _EXPLODED * self._least

    def curve(self, base_lr: float, *, interrupted: bool) -> RateCurve:
        """What was taken down."""
        rates, losses = np.array(self._rates, float), np.array(self._losses, float)
        return RateCurve(rates, losses, base_lr, self.exploded, interrupted)
