"""The study of a sweep: Optuna's, with what was tried and what is tried next."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from catdog.errors import CatdogError
from catdog.solver.direction import Direction
from catdog.training.sweep.plan import Plan
from catdog.training.sweep.storage import locked, opened, optuna, place_of, study_name

if TYPE_CHECKING:
    from optuna import Study

#: Trials that end before any is ended early by comparison.
_STARTUP = 4
_AXES = "axes"


def open_study(plan: Plan) -> "Study":
    """The study of a plan, a new one where there is none.

    Raises CatdogError where the one that is there tries something else.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    with locked(plan):
        study: Study = optuna().create_study(
            storage=opened(plan),
            study_name=study_name(plan),
            direction="maximize" if plan.direction is Direction.HIGHER else "minimize",
            load_if_exists=True,
            pruner=_pruner(plan),
        )
        tried = {"metric": plan.metric, "folds": plan.folds, **{a.field: a.text for a in plan.axes}}
        before = study.user_attrs.get(_AXES)
        if before is None:
            study.set_user_attr(_AXES, tried)
    if before not in (None, tried):
        names = [name for name in {**before, **tried} if before.get(name) != tried.get(name)]
        raise CatdogError(
            f"the sweep here tried something else ({', '.join(names)})",
            where=place_of(plan) if plan.storage else str(plan.folder),
            remedy="repeat its command to go on, or give --out another folder",
        )
    return study


def sampler(plan: Plan, study: "Study", ticket: int, several: bool) -> Any:
    """What chooses the values of the trial with this number: the same whenever it is run."""
    samplers = optuna().samplers
    seed = (plan.seed * 1_000_003 + ticket) % 2**32
    if plan.sampler == "tpe":
        with warnings.catch_warnings():
            # what is used here is called experimental
            warnings.simplefilter("ignore")
            base = samplers.TPESampler(seed=seed, constant_liar=several)
    else:
        base = samplers.RandomSampler(seed=seed)
    return _Untried(base, plan, _tried(plan, study), Random(seed))


class _Untried:
    """A sampler of Optuna's, but a combination of values that was tried is not tried again.

    Optuna's own GridSampler and BruteForceSampler end Optuna's own loop, and look at no scores.
    """

    def __init__(
        self, base: Any, plan: Plan, tried: Sequence[Mapping[str, Any]], chance: Random
    ) -> None:
        self._base, self._plan, self._tried, self._chance = base, plan, tried, chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        """A value with which there is a combination left, whatever the next fields get."""
        value = self._base.sample_independent(study, trial, name, distribution)
        at = next(i for i, axis in enumerate(self._plan.axes) if axis.field == name)
        below = replace(self._plan, axes=self._plan.axes[at + 1 :]).points
        same = (each for each in self._tried if trial.params.items() <= each.items())
        times = Counter(each[name] for each in same)
        if times[value] < below:
            return value
        left = [each for each in self._plan.axes[at].values if times[each] < below]
        return self._chance.choice(left) if left else value


def _tried(plan: Plan, study: "Study") -> list[dict[str, Any]]:
    """The combinations of the trials so far, each once."""
    found: list[dict[str, Any]] = []
    for trial in study.get_trials(deepcopy=False):
        if len(trial.params) == len(plan.axes) and trial.params not in found:
            found.append(trial.params)
    return found


def limited(plan: Plan, study: "Study") -> Plan:
    """The plan with no more trials than there are combinations of its values.

    Those that an older sweep has tried twice do not count.
    """
    trials = study.get_trials(deepcopy=False)
    whole = [trial for trial in trials if len(trial.params) == len(plan.axes)]
    twice = len(whole) - len(_tried(plan, study))
    return replace(plan, trials=int(min(plan.trials, plan.points + twice)))


def _pruner(plan: Plan) -> Any:
    pruners = optuna().pruners
    if plan.pruner == "none":
        return pruners.NopPruner()
    if plan.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=_STARTUP)
    least, most = (1, plan.folds) if plan.folds else (plan.test_interval, plan.max_iter)
    return pruners.HyperbandPruner(min_resource=least, max_resource=max(least, most))
