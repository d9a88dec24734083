"""The study of a sweep: Optuna's, in an SQLite file in the sweep's folder."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from catdog.errors import CatdogError
from catdog.runtime.optional import optional
from catdog.solver.direction import Direction
from catdog.training.sweep.plan import Plan

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

NAME, STUDY = "sweep", "sweep.db"
#: Trials that end before any is ended early by comparison.
_STARTUP = 4
#: Seconds that a process waits for another one's writing.
_PATIENCE = 60
_AXES = "axes"


def optuna() -> Any:
    """The module; raises CatdogError, with the command to run, where it is not installed."""
    module: Any = optional("optuna", "a sweep needs Optuna", "pip install optuna")
    module.logging.set_verbosity(module.logging.WARNING)
    return module


def open_study(plan: Plan) -> "Study":
    """The study in the plan's folder, a new one where there is none.

    Raises CatdogError where the one that is there tries something else.
    """
    module = optuna()
    plan.folder.mkdir(parents=True, exist_ok=True)
    storage = module.storages.RDBStorage(
        f"sqlite:///{(plan.folder / STUDY).resolve()}",
        engine_kwargs={"connect_args": {"timeout": _PATIENCE}},
    )
    study: Study = module.create_study(
        storage=storage,
        study_name=NAME,
        direction="maximize" if plan.direction is Direction.HIGHER else "minimize",
        load_if_exists=True,
        pruner=_pruner(plan),
    )
    tried = {"metric": plan.metric, "folds": plan.folds, **{a.field: a.text for a in plan.axes}}
    before = study.user_attrs.get(_AXES)
    if before is None:
        study.set_user_attr(_AXES, tried)
    elif before != tried:
        names = [name for name in {**before, **tried} if before.get(name) != tried.get(name)]
        raise CatdogError(
            f"the sweep in this folder tried something else ({', '.join(names)})",
            where=str(plan.folder),
            remedy="repeat its command to go on, or give --out another folder",
        )
    return study


def sampler(plan: Plan, study: "Study", ticket: int, workers: int = 1) -> Any:
    """What chooses the values of the trial with this number: the same whenever it is run."""
    samplers = optuna().samplers
    seed = (plan.seed * 1_000_003 + ticket) % 2**32
    if plan.sampler == "tpe":
        with warnings.catch_warnings():
            # what is used here is called experimental
            warnings.simplefilter("ignore")
            base = samplers.TPESampler(seed=seed, constant_liar=workers > 1)
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


def begun(study: "Study") -> list["FrozenTrial"]:
    """Trials that were begun and not ended: those of a sweep that was stopped."""
    running = optuna().trial.TrialState.RUNNING
    return study.get_trials(deepcopy=False, states=(running,))


def _pruner(plan: Plan) -> Any:
    pruners = optuna().pruners
    if plan.pruner == "none":
        return pruners.NopPruner()
    if plan.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=_STARTUP)
    least, most = (1, plan.folds) if plan.folds else (plan.test_interval, plan.max_iter)
    return pruners.HyperbandPruner(min_resource=least, max_resource=max(least, most))
