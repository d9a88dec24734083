"""What the page of a run says of it beside its row: snapshots with scores, log, specs."""

import math
import os
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from catdog.errors import CatdogError
from catdog.solver.solverstate import MODEL, best_path, snapshot_files
from catdog.spec.write import to_yaml
from catdog.studio.run_rows import log_of
from catdog.tracking.log_reader import ParsedLog
from catdog.tracking.run_file import RUNNING
from catdog.tracking.run_removal import files_of_run
from catdog.tracking.runs import RunRecord

#: Bytes of the end of a log that are shown.
_TAIL = 24 * 1024
_EARLY = "Stopping early: "


@dataclass(frozen=True)
class Snapshot:
    """Weights of a run: what they are, and how they did in the test of that iteration."""

    path: str
    iteration: int | None
    size: int
    scores: Mapping[str, float]
    is_best: bool = False


@dataclass(frozen=True)
class Specs:
    """What was run, as YAML: the solver, and the nets by what they are."""

    solver: str
    nets: Mapping[str, str]


def snapshots(run: RunRecord, log: ParsedLog) -> list[Snapshot]:
    """The weights under a run's prefix, the best first, then the newest."""
    tests: dict[int, dict[str, float]] = {}
    for value in log.test_outputs:
        if not value.net and math.isfinite(value.value):
            tests.setdefault(value.iteration, {})[value.name] = value.value
    found = [
        Snapshot(str(path), iteration, path.stat().st_size, tests.get(iteration, {}))
        for iteration, path in snapshot_files(run.name)
        if MODEL in path.suffixes
    ]
    found.sort(key=lambda each: (each.iteration or 0, each.path), reverse=True)
    for path in (best_path(run.name), best_path(run.name, hdf5=True)):
        if path.is_file():
            at = run.best.get(run.score, {}).get("iteration")
            scores = tests.get(at, {}) if at is not None else {}
            found.insert(0, Snapshot(str(path), at, path.stat().st_size, scores, is_best=True))
    return found


def files(run: RunRecord) -> list[Path]:
    """What may be fetched of a run: the files that are its own."""
    return list(files_of_run(run.name).own)


def log_tail(run: RunRecord) -> str:
    """The end of its log, in whole lines."""
    path = log_of(run)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text if size <= _TAIL else text.partition("\n")[2]


def early_end(log: str) -> str:
    """Why a run ended before its last iteration, as the end of its log says; empty where it did
    not."""
    lines = [line for line in log.splitlines() if _EARLY in line]
    return lines[-1].partition(_EARLY)[2] if lines else ""


def specs(run: RunRecord) -> Specs:
    """What was run, with all that the command line changed."""
    nets = {"the trained net": to_yaml(run.train_net)}
    for place, net in enumerate(run.test_nets):
        nets[f"test net {place}" if len(run.test_nets) > 1 else "the test net"] = to_yaml(net)
    return Specs(to_yaml(run.solver), nets)


def stop(run: RunRecord) -> None:
    """Ask a run that is under way on this machine to stop, with a snapshot, as Ctrl-C does.

    Raises CatdogError where it is not, or runs elsewhere.
    """
    if run.status != RUNNING:
        raise CatdogError(f"is {run.status}", where=run.name, remedy="nothing is to stop")
    host, process = run.content.get("host"), int(run.content.get("process") or 0)
    try:
        words = " ".join(psutil.Process(process).cmdline())
    except psutil.Error:
        words = ""
    if host != socket.gethostname() or ("train" not in words and "worker" not in words):
        what = f"runs on {host}, as process {process}"
        raise CatdogError(what, where=run.name, remedy="stop it there")
    os.kill(process, signal.SIGINT)
