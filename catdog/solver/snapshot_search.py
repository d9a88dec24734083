"""Which snapshot a run goes on from: it must be whole, and of the run that goes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catdog.errors import WeightsError, did_you_mean, some_of
from catdog.runtime.checksum import sha256_of
from catdog.solver.solverstate import (
    MODEL,
    STATE,
    TrainingState,
    average_path,
    learned_net,
    read_state,
    snapshot_files,
    state_path,
)
from catdog.weights import read_weights

#: In place of a file: the newest snapshot of the run with the solver's prefix.
AUTO = "auto"


@dataclass(frozen=True)
class Found:
    """The state to go on from, if there is one; `passed_over` says which others and why.

    `nameless`: it does not tell of which run it is, though the present one has a name.
    """

    path: Path | None = None
    run: str = ""
    passed_over: str = ""
    nameless: bool = False


@dataclass(frozen=True)
class _Candidate:
    """A state file: its iteration, and what it holds or why it is not whole."""

    path: Path
    iteration: int
    state: TrainingState | None
    fault: str = ""

    @property
    def run(self) -> str:
        return self.state.run.id if self.state else ""

    @property
    def age(self) -> tuple[float, int]:
        """What is later is greater; states of Caffe's do not tell when they were written."""
        return (self.state.run.written if self.state else 0.0), self.iteration


def find(name: str) -> Path:
    """The state file that a name means: itself, or the one beside weights.

    Raises WeightsError for a name that leads nowhere.
    """
    path = Path(name)
    if not path.is_file():
        raise _missing(path)
    if MODEL not in path.suffixes:
        return path
    state = state_path(path)
    if not state.is_file():
        raise WeightsError(
            f"there is no {state.name} beside it to resume from",
            where=name,
            remedy="to start anew from these weights, give them to --weights",
        )
    return state


def newest(prefix: str, run: str = "") -> Found:
    """The newest whole snapshot under a prefix, of this run or, where it is empty, of the last."""
    candidates = sorted(_candidates(prefix), key=lambda each: each.iteration, reverse=True)
    whole = [each for each in candidates if each.state]
    if not run and whole:
        run = max(whole, key=lambda each: each.age).run
    # a run that began before runs had names has one only since it went on
    mine = [each for each in whole if each.run == run] or [each for each in whole if not each.run]
    # those of later iterations are put aside when a run goes on from an earlier one
    chosen = max(mine, key=lambda each: each.iteration, default=None)
    beyond = [each for each in candidates if not chosen or each.iteration > chosen.iteration]
    passed = some_of(f"{each.path.name} ({_why_not(each, run)})" for each in beyond)
    nameless = chosen is not None and not chosen.run and bool(run)
    return Found(chosen.path if chosen else None, run, passed, nameless)


def check_whole(path: Path) -> TrainingState:
    """The state of a snapshot whose files are all there, as they were written.

    Of Caffe's, which have no checksums, the weights are read. Raises WeightsError otherwise.
    """
    state = read_state(path)
    model = learned_net(path, state)
    if not state.run.HasField("weights_sha256"):
        read_weights(model)
        return state
    _check(path, model, state.run.weights_sha256)
    if state.run.HasField("averaged"):
        _check(path, average_path(model), state.run.average_sha256)
    return state


def _check(state: Path, weights: Path, digest: bytes) -> None:
    if not weights.is_file():
        remedy = "put it beside the .solverstate"
        raise WeightsError("no such file", where=str(weights), remedy=remedy)
    if sha256_of(weights) != digest:
        raise WeightsError(
            f"is damaged, or not what was written together with {state.name}",
            where=str(weights),
            remedy=f'take another snapshot; "{AUTO}" finds the newest whole one',
        )


def _candidates(prefix: str) -> Iterator[_Candidate]:
    """Every iteration that has a state or weights."""
    seen: set[Path] = set()
    for iteration, path in snapshot_files(prefix):
        state = path if STATE in path.suffixes else state_path(path)
        if state not in seen:
            seen.add(state)
            yield _candidate(state, iteration)


def _candidate(path: Path, iteration: int) -> _Candidate:
    if not path.is_file():
        return _Candidate(path, iteration, None, "is not there, its weights are")
    try:
        return _Candidate(path, iteration, check_whole(path))
    except WeightsError as error:
        other = Path(error.where).name
        which = "" if other == path.name else f"{other} "
        return _Candidate(path, iteration, None, which + error.what)


def _why_not(candidate: _Candidate, run: str) -> str:
    if candidate.state is None:
        return candidate.fault
    return f"of run {candidate.run or 'unknown'}, not {run or 'of this one'}"


def _missing(path: Path) -> WeightsError:
    beside = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
    known = [name for name in beside if STATE in name or MODEL in name]
    remedy = did_you_mean(path.name, known) or f'check the path, or write "{AUTO}" for the newest'
    return WeightsError("no such file", where=str(path), remedy=remedy)
