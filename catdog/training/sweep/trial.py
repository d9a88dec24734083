"""One trial: an ordinary run in its own folder, ended early where it does badly."""

import json
import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catdog.errors import CatdogError
from catdog.solver.events import EndRun, Event, NetTested
from catdog.solver.snapshot_search import AUTO
from catdog.tracking.run_file import named, read_run, run_path
from catdog.training.cross_validation import cross_validate
from catdog.training.options import Options
from catdog.training.sweep.plan import Plan
from catdog.training.train import train

if TYPE_CHECKING:
    from optuna import Trial

#: Names of attributes of a trial.
REASON, ITERATION, FOLDER = "reason", "iteration", "folder"


class Pruned(EndRun):
    """The trial does worse than others did at this point."""


class SweepStopped(EndRun):
    """The sweep is to end: the trial waits with its snapshot for the next call."""


def prefix_of(plan: Plan, number: int) -> Path:
    """snapshot_prefix of a trial."""
    return plan.folder / f"trial_{number:03d}" / plan.stem


def run_trial(plan: Plan, trial: "Trial", goes_on: Callable[[], bool]) -> float:
    """The best value of the metric in a run with the values of a trial.

    A trial that was begun goes on from its snapshot, if it has one. Raises Pruned, SweepStopped
    and what training raises.
    """
    words = {axis.field: axis.suggest(trial) for axis in plan.axes}
    prefix = prefix_of(plan, trial.number)
    trial.set_user_attr(FOLDER, str(prefix.parent))
    place = f"snapshot_prefix={json.dumps(str(prefix))}"
    overrides = [*plan.options.overrides, *plan.values(words), place]
    options = replace(plan.options, overrides=overrides, snapshot=AUTO)
    judge = _Judge(plan, trial, goes_on)
    return _cross_validated(plan, options, judge) if plan.folds else _trained(plan, options, judge)


def _trained(plan: Plan, options: Options, judge: "_Judge") -> float:
    solver = train(plan.solver, options, listeners=[judge])
    if solver.stopped:
        raise SweepStopped
    return judge.best(run_path(solver.param.snapshot_prefix))


def _cross_validated(plan: Plan, options: Options, judge: "_Judge") -> float:
    """The mean over the folds; those that are done are compared with other trials' first ones."""

    def run_one(options: Options) -> bool:
        return train(plan.solver, options).stopped

    values: list[float] = []
    for run in cross_validate(plan.solver, options, plan.folds, run_one):
        if run["status"] != "done":
            raise SweepStopped
        values.append(judge.score(run))
        judge.report(len(values), statistics.fmean(values))
    return statistics.fmean(values)


class _Judge:
    """A listener that reports the tests of a run and ends it where the study prunes it."""

    def __init__(self, plan: Plan, trial: "Trial", goes_on: Callable[[], bool]) -> None:
        self._plan, self._trial, self._goes_on = plan, trial, goes_on
        # a trial that goes on repeats tests that were reported before
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        self._reported = set(frozen.intermediate_values)

    def __call__(self, event: Event) -> None:
        if not self._goes_on():
            raise SweepStopped("the sweep has ended")
        if isinstance(event, NetTested) and event.iteration:
            for name, output in named(event.outputs, event.net):
                if name == self._plan.metric:
                    self.report(event.iteration, output.value)

    def report(self, step: int, value: float) -> None:
        """Take a value; raises Pruned where it is not worth to go on."""
        if step not in self._reported:
            self._reported.add(step)
            self._trial.report(value, step)
        if self._trial.should_prune():
            raise Pruned(f"ended early: others were better than {value:.5g} at {step}")

    def best(self, path: Path) -> float:
        """The best value of the metric in the file of a run."""
        return self.score(read_run(path))

    def score(self, run: dict[str, Any]) -> float:
        """The best value of the metric in a run's content, which must be a number."""
        row = run["best"].get(self._plan.metric)
        if row is None or math.isnan(row["value"]):
            raise CatdogError(f"no test gave a number for {self._plan.metric}")
        self._trial.set_user_attr(ITERATION, row["iteration"])
        return float(row["value"])
