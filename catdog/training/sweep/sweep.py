"""A sweep from its plan to its trials."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from catdog.errors import CatdogError
from catdog.runtime.wording import counted
from catdog.training.sweep.claim import is_free, let_all_go
from catdog.training.sweep.plan import Plan, planned
from catdog.training.sweep.storage import check_storage, reached
from catdog.training.sweep.study import limited, open_study
from catdog.training.sweep.trial import FOLDER, ITERATION, REASON
from catdog.training.sweep.work import Tell, work, work_together

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

#: How a trial ended, in the words of the table.
_STATES = {
    "COMPLETE": "done",
    "PRUNED": "ended early",
    "FAIL": "failed",
    "RUNNING": "waits",
    "WAITING": "waits",
}


@dataclass(frozen=True)
class Trial:
    """What became of a trial; `value` also of one that was ended early, its last."""

    number: int
    state: str
    values: Mapping[str, str]
    value: float | None
    iteration: int | None
    seconds: float | None
    folder: str
    reason: str

    @property
    def done(self) -> bool:
        """Whether it was run to its end."""
        return self.state == "done"


@dataclass(frozen=True)
class Sweep:
    """The trials of a sweep so far, by number."""

    plan: Plan
    trials: tuple[Trial, ...]
    #: It was stopped, with trials left.
    interrupted: bool = False

    @property
    def waiting(self) -> int:
        """How many are left to run, or to go on with."""
        return max(0, self.plan.trials - sum(trial.state != "waits" for trial in self.trials))

    @property
    def at_work(self) -> int:
        """How many other workers have at this moment."""
        return sum(trial.state == "at work" for trial in self.trials)

    @property
    def exhausted(self) -> bool:
        """Whether every combination of the values was tried."""
        begun = ("waits", "at work")
        ended = (trial.values.items() for trial in self.trials if trial.state not in begun)
        return len(set(map(frozenset, ended))) >= self.plan.points

    @property
    def best(self) -> Trial | None:
        """The best of those that were run to their end."""
        order = self.ranked()
        return order[0] if order and order[0].done else None

    def ranked(self) -> list[Trial]:
        """The best first; then those that were ended early, then those without a value."""
        sign = -1 if self.plan.direction.better(1, 0) else 1
        return sorted(self.trials, key=lambda trial: _rank(trial, sign))


def sweep(plan: Plan, tell: Tell, workers: int = 1) -> Sweep:
    """Run the trials of a plan, beside those that its folder has from before.

    Raises CatdogError for a plan that cannot work, and where every trial failed.
    """
    check_storage(plan.storage)
    plan = planned(plan)
    plan.folder.mkdir(parents=True, exist_ok=True)
    with _alone(plan), reached(plan):
        plan = limited(plan, open_study(plan))
        tell(_beginning(read_sweep(plan)))
        try:
            stopped = work_together(plan, tell, workers) if workers > 1 else work(plan, tell)
        except KeyboardInterrupt:
            stopped = True
            tell("interrupted")
        found = replace(read_sweep(plan), interrupted=stopped)
    failed = [trial for trial in found.trials if trial.state == "failed"]
    if failed and len(failed) == len(found.trials):
        raise CatdogError(f"all {len(failed)} trials {failed[-1].reason}", where=str(plan.folder))
    return found


def _beginning(found: Sweep) -> str:
    """What the sweep is about to do, and where."""
    plan, left = found.plan, counted(found.waiting, "trial")
    before = len(found.trials)
    ran = f", beside {before} from before" if before else ""
    how = f"judged by its best {plan.metric}, a folder for each in {plan.folder}"
    return f"{left} to run{ran}, {how}" if found.waiting else f"all {before} trials ran before"


def read_sweep(plan: Plan) -> Sweep:
    """What the study in the plan's folder has."""
    axes = {axis.field: axis for axis in plan.axes}
    trials = tuple(
        Trial(
            each.number,
            _state(plan, each),
            {name: axes[name].word(value) for name, value in each.params.items()},
            each.value,
            each.user_attrs.get(ITERATION),
            each.duration.total_seconds() if each.duration else None,
            each.user_attrs.get(FOLDER, ""),
            each.user_attrs.get(REASON, ""),
        )
        for each in open_study(plan).get_trials(deepcopy=False)
    )
    return Sweep(plan, trials)


def _state(plan: Plan, trial: "FrozenTrial") -> str:
    """In the words of the table: of those that were begun, whether a worker has them."""
    state = _STATES[trial.state.name]
    return "at work" if state == "waits" and not is_free(trial, plan.lost_after) else state


def _rank(trial: Trial, sign: int) -> tuple[bool, bool, float]:
    value = 0.0 if trial.value is None else sign * trial.value
    return not trial.done, trial.value is None, value


@contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    """Raises CatdogError where another process works in the folder, unless they share a storage."""
    if plan.storage:
        yield
        return
    with (plan.folder / "sweep.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            remedy = "wait for its end; for more at once: --workers, on more machines: --storage"
            where = str(plan.folder)
            raise CatdogError("a sweep is at work here", where=where, remedy=remedy) from None
        # whoever was at work here is not any more
        let_all_go(open_study(plan))
        yield
