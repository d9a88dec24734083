"""The study of a sweep: Optuna's, in an SQLite file in the sweep's folder."""

import warnings
from dataclasses import replace
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

from catdog.errors import CatdogError
from catdog.runtime.optional import optional
from catdog.solver.direction import Direction
from catdog.training.sweep.plan import Plan

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

NAME = "sweep"
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
        f"sqlite:///{(plan.folder / 'sweep.db').resolve()}",
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


def sampler(plan: Plan, ticket: int, workers: int = 1) -> Any:
    """What chooses the values of the trial with this number: the same whenever it is run."""
    samplers = optuna().samplers
    seed = (plan.seed * 1_000_003 + ticket) % 2**32
    if plan.sampler == "random":
        return samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        # what is used here is called experimental
        warnings.simplefilter("ignore")
        if plan.sampler == "grid":
            # Optuna's own grid works in Optuna's own loop alone
            return samplers.PartialFixedSampler(grid(plan)[ticket], samplers.RandomSampler(seed))
        return samplers.TPESampler(seed=seed, constant_liar=workers > 1)


def grid(plan: Plan) -> list[dict[str, str]]:
    """Every combination of the choices, in an order that follows from the plan's seed."""
    names = [axis.field for axis in plan.axes]
    rows = [dict(zip(names, row, strict=True)) for row in product(*(a.choices for a in plan.axes))]
    Random(plan.seed).shuffle(rows)
    return rows


def limited(plan: Plan) -> Plan:
    """The plan with no more trials than its grid has, if it is one."""
    if plan.sampler != "grid":
        return plan
    return replace(plan, trials=min(plan.trials, len(grid(plan))))


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
