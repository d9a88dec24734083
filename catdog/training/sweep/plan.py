"""What a sweep tries, and how: all that its workers need to know."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf, isinf, prod
from pathlib import Path

from catdog.errors import CatdogError, did_you_mean
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.direction import Direction
from catdog.solver.monitored_score import MonitoredScore, declared_scores, score_of_run
from catdog.training.options import Options, resolved_nets, solver_spec
from catdog.training.sweep.axis import Axis

#: How the next values are chosen: by what went well, by chance, by chance until all were tried.
SAMPLERS = ("tpe", "random", "grid")
#: How trials that do badly are ended early.
PRUNERS = ("median", "hyperband", "none")


@dataclass(frozen=True)
class Plan:
    """A sweep over fields of a solver.

    Args:
        solver: the solver file.
        axes: the fields and what is tried for them.
        options: of every trial.
        folder: where the study and the folders of the trials go.
        metric: the test output that counts, by its best value; by default as in `score_of_run`.
        trials: how many in all, those of an earlier call of the same sweep among them.
        folds: cross-validate each trial by so many parts; 0 for the test net as it is.
        storage: where the study is, as `sweep/storage.py` has it; by default in the folder.
        lost_after: seconds after which a worker that gives no sign of life counts as dead.
    """

    solver: Path
    axes: Sequence[Axis]
    options: Options = field(default_factory=Options)
    folder: Path = Path("sweep")
    metric: str = ""
    trials: int = 20
    seed: int = 0
    sampler: str = "tpe"
    pruner: str = "median"
    folds: int = 0
    storage: str = ""
    lost_after: float = 300.0
    direction: Direction = Direction.HIGHER
    max_iter: int = 1
    test_interval: int = 1
    tests: int = 1
    stem: str = ""

    @property
    def points(self) -> float:
        """How many combinations there are; infinity where a field has no end of values."""
        return prod(len(axis.values) or inf for axis in self.axes)

    def values(self, words: dict[str, str]) -> list[str]:
        """The assignments of a command line for the values of a trial, by field."""
        return [
            assignment
            for axis in self.axes
            for assignment in axis.assignments(words[axis.field], self.tests)
        ]


def planned(plan: Plan) -> Plan:
    """The plan with what follows from the solver; each end of each axis is checked.

    Raises CatdogError with what does not.
    """
    twice = [axis.field for axis in plan.axes if sum(a.field == axis.field for a in plan.axes) > 1]
    if twice:
        raise CatdogError("is there twice", where=twice[0], remedy="write all values in one")
    if plan.sampler == "grid" and isinf(plan.points):
        raise CatdogError("takes fields with values", where="--sampler grid", remedy="FIELD=A,B,C")
    nets = _nets(plan, [])
    plan = replace(plan, tests=len(nets) - 1)
    for axis in plan.axes:
        for word in axis.ends:
            _nets(plan, axis.assignments(word, plan.tests))
    message = solver_spec(plan.solver, plan.options).message
    if len(nets) < 2 or not message.test_interval:
        raise CatdogError("tests nothing", where=str(plan.solver), remedy="set test_interval")
    score = _score(plan.metric, message, nets[1:])
    prefix = Path(message.snapshot_prefix)
    return replace(
        plan,
        folder=plan.folder if str(plan.folder) != "." else prefix.with_name(f"{prefix.name}_sweep"),
        metric=str(score),
        direction=score.direction,
        max_iter=message.max_iter,
        test_interval=message.test_interval,
        stem=prefix.name,
    )


def _nets(plan: Plan, assignments: Sequence[str]) -> list[ResolvedNet]:
    options = replace(plan.options, overrides=[*plan.options.overrides, *assignments])
    spec = solver_spec(plan.solver, options)
    return resolved_nets(spec, options)


def _score(name: str, solver: SolverParameter, tests: Sequence[ResolvedNet]) -> MonitoredScore:
    """The score of this name, or what a run of the solver is compared by."""
    nets = [net.message for net in tests]
    known = {str(score): score for score in declared_scores(solver, nets)}
    found = known.get(name) if name else score_of_run(solver, nets)
    if found is None:
        listed = f"there are {', '.join(known)}" if known else "add an Accuracy or a loss layer"
        raise CatdogError(
            f'no test output "{name}" that gets better',
            where="--metric",
            remedy=did_you_mean(name, known) or listed,
        )
    return found
