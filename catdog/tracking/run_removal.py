"""The files of one run, told apart from those of others beside them, and their removal."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from catdog.errors import CatdogError
from catdog.runtime.files import remove_leftovers, unwritable
from catdog.runtime.lock import is_held, only_one
from catdog.solver.solverstate import STATE, best_path, leftovers, snapshot_files, state_path
from catdog.tracking.log_reader import LOG
from catdog.tracking.metrics_csv import TABLE
from catdog.tracking.resources import RESOURCES
from catdog.tracking.run_file import run_path
from catdog.tracking.runs import RunRecord, find_run
from catdog.weights import read_mark

#: What a training and the drawing of its curve write once for a folder, beside the log.
_OF_FOLDER = (LOG, TABLE, RESOURCES, "resources.png", f"{LOG}.png")
_OF_FOLD = ("train.txt", "test.txt")
_EVENTS = "events.out.tfevents.*"
_UNDER_WAY, _STOP = "the run is under way", "stop it first"


@dataclass(frozen=True)
class RunFiles:
    """The files of a run, its record last, and those that stay, each with the reason."""

    own: tuple[Path, ...]
    left: tuple[tuple[Path, str], ...] = ()

    @property
    def size(self) -> int:
        """Bytes of its own files."""
        sizes = []
        for path in self.own:
            with suppress(OSError):
                sizes.append(path.lstat().st_size)
        return sum(sizes)


def files_of_run(name: str) -> RunFiles:
    """What belongs to a run, by its name as in `find_run`.

    That is its record, snapshots and best weights that bear its mark, its deploy net and
    TensorBoard's events; log, tables and pictures of the folder where the log is this run's. Links
    are nobody's. Raises CatdogError where there is no such run.
    """
    run = find_run(name)
    own: list[Path] = []
    left: list[tuple[Path, str]] = []
    for path, foreign in (*_weights(run), *_beside(run)):
        if path.is_symlink():
            left.append((path, "is a link"))
        elif foreign:
            left.append((path, foreign))
        elif path.is_file():
            own.append(path)
    return RunFiles((*own, run_path(run.name)), tuple(left))


def delete_run(name: str) -> RunFiles:
    """Remove the files of a run; gives them, with those that stay.

    The folder goes too where nothing else is in it. Raises CatdogError for a run that is under
    way, a record that is a link, and what cannot be removed; the record is the last to go, so that
    the run can be removed again.
    """
    prefix = find_run(name).name
    record = run_path(prefix)
    if record.is_symlink():
        what = f"is a link to {record.readlink()}"
        raise CatdogError(what, where=str(record), remedy="remove it, or what it leads to, by hand")
    with only_one(prefix, _UNDER_WAY, _STOP):
        found = files_of_run(prefix)
        remove_leftovers(*leftovers(prefix))
        for path in found.own:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(path, error) from error
        _remove_empty(Path(f"{prefix}_tensorboard"))
    folder = Path(prefix).parent
    if folder.resolve() != Path.cwd():
        with suppress(OSError):
            folder.rmdir()
    return found


def check_ended(name: str) -> None:
    """Raise CatdogError where a run is under way."""
    prefix = find_run(name).name
    if is_held(prefix):
        raise CatdogError(_UNDER_WAY, where=prefix, remedy=_STOP)


def _weights(run: RunRecord) -> Iterator[tuple[Path, str]]:
    """Snapshots and best weights under the prefix, each with what speaks against its being the
    run's."""
    mine = str(run.content.get("run") or "")
    found = [path for _, path in snapshot_files(run.name)]
    found += [best_path(run.name, hdf5=hdf5) for hdf5 in (False, True)]
    weights = [path for path in found if STATE not in path.name and path.is_file()]
    foreign = {path: _foreign(path, mine) for path in weights}
    yield from foreign.items()
    own = {state_path(path) for path, reason in foreign.items() if not reason}
    for path in found:
        if STATE in path.name:
            yield path, "" if path in own else "its weights are not this run's, or not there"


def _foreign(path: Path, mine: str) -> str:
    if path.is_symlink():
        return "is a link"
    mark = read_mark(path).run
    if not mark:
        return "does not say of which run it is"
    return "" if mark == mine else f"is of run {mark}"


def _beside(run: RunRecord) -> Iterator[tuple[Path, str]]:
    """The other files of the run, and those of the folder with what speaks against them."""
    prefix, folder = Path(run.name), Path(run.name).parent
    yield Path(f"{run.name}_deploy.prototxt"), ""
    events = Path(f"{run.name}_tensorboard")
    if events.is_symlink():
        yield events, "is a link"
    else:
        for at, _, names in os.walk(events):
            yield from ((path, "") for path in sorted(Path(at).glob(_EVENTS)) if path.name in names)
    reason = _of_others(run, folder / LOG)
    yield from ((folder / name, reason) for name in _OF_FOLDER if (folder / name).is_file())
    if re.fullmatch(rf"{re.escape(prefix.name)}_fold\d+", folder.name):
        yield from ((folder / name, "") for name in _OF_FOLD)


def _of_others(run: RunRecord, log: Path) -> str:
    """What speaks against the files of the folder being the run's: its log names another."""
    mine = str(run.content.get("run") or "")
    try:
        with log.open("rb") as lines:
            said = bool(mine) and any(
                line.rstrip().endswith(b"] Run " + mine.encode()) for line in lines
            )
    except OSError:
        said = False
    return "" if said else f"{log.name} does not name this run"


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those in it as far as nothing is in them; nothing through links."""
    if folder.is_symlink():
        return
    for at, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            Path(at).rmdir()
