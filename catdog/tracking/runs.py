"""Runs by their files: those below a folder, and the one that a name means."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from catdog.errors import CatdogError, did_you_mean, some_of
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.runtime.lock import is_held
from catdog.solver.monitored_score import score_of_run
from catdog.solver.solverstate import ITERATION, prefix_of
from catdog.tracking.annotation import Annotation
from catdog.tracking.flat_fields import net_fields, plain_fields
from catdog.tracking.run_file import RUNNING, SUFFIX, Content, annotation_of, read_run, run_path

#: The status of a run whose process ended without recording it.
LOST = "lost"
#: Fields of a solver in which runs differ without being different.
_OWN = ("snapshot_prefix", "net_param", "train_net_param", "test_net_param", "random_seed")
_SURROUNDINGS = ("solver_file", "device", "host", "versions", "git")


@dataclass(frozen=True)
class RunRecord:
    """A run by the content of its file; `name` is its snapshot_prefix as seen from here."""

    name: str
    content: Content

    @property
    def status(self) -> str:
        """As recorded; `lost` for a run without an end that no process is at work on."""
        status = str(self.content["status"])
        return LOST if status == RUNNING and not is_held(self.name) else status

    @cached_property
    def fields(self) -> dict[str, str]:
        """Fields of its solver, and those of its nets as `net.LAYER.FIELD`."""
        solver = SolverParameter()
        solver.CopyFrom(self.solver)
        for name in _OWN:
            solver.ClearField(name)
        train, *tests = self._nets()
        seed = {"seed": str(self.content.get("seed"))}
        return {**plain_fields(solver), **seed, **net_fields(train, tests)}

    @cached_property
    def surroundings(self) -> dict[str, str]:
        """Machine, versions and commit."""
        found: dict[str, str] = {}
        for name in _SURROUNDINGS:
            value = self.content.get(name)
            if isinstance(value, Mapping):
                found.update({f"{name}.{key}": str(part) for key, part in value.items()})
            else:
                found[name] = str(value)
        return found

    @property
    def specs(self) -> tuple[str, ...]:
        """All that `fields` come from, as text."""
        solver = self.content.get("solver") or ""
        return (solver, *self._texts(), str(self.content.get("seed")))

    @cached_property
    def score(self) -> str:
        """The test output that it is compared by, as recorded when it began; empty without one.

        In files from before that was recorded it follows, as there, from the solver and the nets.
        """
        if "score" in self.content:
            return self.content["score"] or ""
        return str(score_of_run(self.solver, self._nets()[1:]) or "")

    @property
    def best(self) -> Mapping[str, Mapping[str, Any]]:
        """Of each test output: `value`, `iteration`, and which way is `better`."""
        return self.content.get("best") or {}

    @property
    def final(self) -> Mapping[str, float]:
        """The outputs of the last test."""
        final = self.content.get("final") or {}
        return {name: value for name, value in final.items() if name != "iteration"}

    @property
    def annotation(self) -> Annotation:
        """Its note and its tags."""
        return annotation_of(self.content)

    @property
    def solver(self) -> SolverParameter:
        """Its solver, with all that the command line changed; not to be written to."""
        return _solver(self.content.get("solver") or "")

    @property
    def train_net(self) -> NetParameter:
        """The net that it trained."""
        return self._nets()[0]

    @property
    def test_nets(self) -> list[NetParameter]:
        """The nets that it tested."""
        return self._nets()[1:]

    def _nets(self) -> list[NetParameter]:
        """The trained net, then the test nets."""
        return [_net(text) for text in self._texts()]

    def _texts(self) -> list[str]:
        return [self.content.get("train_net") or "", *(self.content.get("test_nets") or [])]


def find_runs(
    folders: Sequence[Path], tell: Callable[[str], object] = lambda _: None
) -> list[RunRecord]:
    """The runs below these folders, or of these files, by their start.

    A file in a folder that is no record of a run is told and passed over. Raises CatdogError where
    a folder is not there, there is no run, or a file that is named is no record of one.
    """
    paths: dict[Path, None] = {}
    for folder in folders:
        if not folder.exists():
            remedy = "name the folder of snapshots; tools/train.py makes it"
            raise CatdogError("no such folder", where=str(folder), remedy=remedy)
        paths.update(dict.fromkeys(_files(folder)))
    runs: list[RunRecord] = []
    for path in paths:
        try:
            runs.append(_run(path))
        except CatdogError as error:
            if path in folders:
                raise
            tell(f"passed over: {error}")
    if not runs:
        where = ", ".join(map(str, folders))
        raise CatdogError(f"no run (*{SUFFIX})", where=where, remedy="tools/train.py makes one")
    return sorted(runs, key=lambda run: str(run.content.get("started")))


def find_run(name: str) -> RunRecord:
    """The run that a text means: its snapshot_prefix, its file, or a folder with one run.

    Raises CatdogError where that is not one run.
    """
    path = run_path(name.removesuffix(SUFFIX))
    if path.is_file():
        return _run(path)
    runs = find_runs([Path(name)]) if Path(name).is_dir() else []
    if len(runs) == 1:
        return runs[0]
    if runs:
        names = some_of(run.name for run in runs)
        raise CatdogError(f"has {len(runs)} runs", where=name, remedy=f"name one: {names}")
    beside = [_name(path) for path in path.parent.glob(f"*{SUFFIX}")]
    remedy = did_you_mean(name, beside) or "name its snapshot_prefix; tools/runs.py lists them"
    raise CatdogError("no such run", where=name, remedy=remedy)


def standing(weights: Path) -> str:
    """The best and the last test of the run that wrote these weights.

    Empty where the run's file does not tell.
    """
    run = _of_weights(weights)
    if run is None:
        return ""
    best, last = run.best.get(run.score), run.final.get(run.score)
    if best is None or last is None:
        return ""
    at, end = best["iteration"], run.content["final"]["iteration"]
    own = ITERATION.search(weights.name)
    others = own and int(own[1]) not in (at, end)
    this = f"; these weights are of iteration {own[1]}" if own and others else ""
    if at == end:
        return f"{run.score} {last:.4g} in its last test, at iteration {end}, its best{this}"
    return (
        f"{run.score} {best['value']:.4g} in its best test, at iteration {at}, and {last:.4g} in "
        f"its last, at {end}{this}"
    )


def _run(path: Path) -> RunRecord:
    """The run of a file. Raises CatdogError where it is no record of a run."""
    run = RunRecord(_name(path), read_run(path))
    try:
        # what cannot be parsed is found here, not in the middle of a table
        _ = run.fields
    except (text_format.ParseError, RecursionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise CatdogError(f"is no record of a run: {reason}", where=str(path)) from None
    return run


@lru_cache(maxsize=256)
def _solver(text: str) -> SolverParameter:
    """A solver by its text; a list of runs asks for each again and again."""
    return text_format.Parse(text, SolverParameter())


@lru_cache(maxsize=64)
def _net(text: str) -> NetParameter:
    """A net by its text; runs of a sweep have the same."""
    return text_format.Parse(text, NetParameter())


def learned_from(weights: Path, store: Path) -> bool:
    """Whether the run that wrote these weights was trained on this LMDB; False where its file does
    not tell."""
    return any(source.resolve() == store.resolve() for source in training_stores(weights))


def training_stores(weights: Path) -> list[Path]:
    """The LMDBs that the run that wrote these weights was trained on; none where its file does not
    tell."""
    run = _of_weights(weights)
    if run is None:
        return []
    # a run's paths begin where it was started
    start = Path(run.content.get("folder") or "")
    sources = (layer.data_param.source for layer in run.train_net.layer)
    return [start / source for source in sources if source]


def _of_weights(weights: Path) -> RunRecord | None:
    """The run that wrote these weights, where its file is beside them."""
    prefix = prefix_of(weights)
    try:
        return _run(run_path(prefix)) if prefix else None
    except CatdogError:
        return None


def _files(folder: Path) -> list[Path]:
    return [folder] if folder.is_file() else sorted(folder.rglob(f"*{SUFFIX}"))


def _name(path: Path) -> str:
    return str(path).removesuffix(SUFFIX)
