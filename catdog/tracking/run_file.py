"""`<prefix>_run.yaml` beside the snapshots of a run: what was run, with what, and what came of it.

Written at the start, after each test and at the end; it is whole at any time.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from math import isfinite
from pathlib import Path
from types import TracebackType, UnionType
from typing import Any, Self, cast

import yaml
from google.protobuf import text_format

from catdog.errors import CatdogError, Unwritable
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.runtime import provenance
from catdog.runtime.files import free_name, read_regular, replacing
from catdog.runtime.lock import turn
from catdog.solver.direction import Direction, directions
from catdog.solver.events import (
    Display,
    Done,
    EndRun,
    Event,
    Identified,
    NetTested,
    Output,
    Preparing,
    Resuming,
    Snapshotted,
    Stopped,
    Tracked,
    of_net,
)
from catdog.solver.monitored_score import score_of_run
from catdog.spec.yaml_tree import check_extent
from catdog.tracking.annotation import Annotation
from catdog.tracking.shell_hook import DONE, FAILED, STOPPED

SUFFIX = "_run.yaml"
RUNNING = "running"
#: Seconds that a training waits for somebody who edits its record.
_PATIENCE = 5.0
_NOTHING = Annotation()
_HEADER = "# What was run and what came of it; `catdog runs` compares such files.\n"

#: The content of a run's file, by its keys.
Content = dict[str, Any]
#: What those of its values are that others reckon with.
_KINDS: dict[str, type | UnionType] = {
    "run": str,
    "started": str,
    "seconds": int | float,
    "iteration": int,
    "process": int,
    "score": str,
    "final": dict,
    "best": dict,
    "solver": str,
    "folder": str,
    "sessions": list,
    "train_net": str,
    "test_nets": list,
    "note": str,
    "tags": list,
    "tracked": dict,
}


def run_path(prefix: str) -> Path:
    """The file of the run with this snapshot_prefix."""
    return Path(f"{prefix}{SUFFIX}")


def read_run(path: Path) -> Content:
    """The content of a run's file. Raises CatdogError for any other file."""
    try:
        content = _loaded(read_regular(path).decode("utf-8"), str(path))
    except OSError as error:
        raise CatdogError(str(error.strerror), where=str(path)) from None
    except Exception:  # PyYAML has no error of its own for dates and numbers that are none
        content = None
    if not _is_whole(content):
        raise CatdogError("is no record of a run", where=str(path))
    return cast(Content, content)


def write_run(path: Path, content: Content) -> None:
    """Write the content of a run's file. Raises Unwritable."""
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    with replacing(path) as beside:
        beside.write_text(_HEADER + text, encoding="utf-8")


def annotation_of(content: Content) -> Annotation:
    """Note and tags of a run; a file from before there were any has none."""
    return Annotation(content.get("note") or "", tuple(content.get("tags") or ()))


def _loaded(text: str, name: str) -> object:
    """What a YAML text holds; SpecError where its aliases would make it endless."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        check_extent(root, name)
        return loader.construct_document(root)
    finally:
        loader.dispose()


class RunFile:
    """A listener that keeps the file of one run; as a context it notes how the run ended.

    Its note and tags may be edited while the run goes on: they are taken from the file each time
    before it is written, everything else is the run's own.

    Args:
        prefix: snapshot_prefix of the run.
        solver: the solver file.
        resumed: go on in the file that is there; else that of an earlier run is kept under the
            next free name.
        annotation: note and tags; of a resumed run they come to those that are there.
        failed: hears of a file that cannot be written; raised by default.
    """

    def __init__(
        self,
        prefix: str,
        solver: Path | str,
        *,
        resumed: bool = False,
        annotation: Annotation = _NOTHING,
        failed: Callable[[str, Unwritable], object] | None = None,
    ) -> None:
        self._failed = failed
        self.path = run_path(prefix)
        self._began = time.monotonic()
        self._directions: list[dict[str, Direction]] = []
        with turn(self.path, _PATIENCE):
            earlier = self._earlier(resumed)
            self._spent = float(earlier.get("seconds", 0))
            self.content = self._begun(prefix, solver, earlier)
            self._annotate(annotation_of(earlier).and_later(annotation))
            self._seen = _signature(self.path)
            self._write_now()

    def _begun(self, prefix: str, solver: Path | str, earlier: Content) -> Content:
        """The content of a run that begins, or goes on from an earlier session."""
        now = _now()
        return {
            "name": Path(prefix).name,
            "run": earlier.get("run"),
            "status": RUNNING,
            "note": "",
            "tags": [],
            "started": earlier.get("started", now),
            "ended": None,
            "seconds": self._spent,
            "iteration": 0,
            "score": None,
            "final": {},
            "best": earlier.get("best") or {},
            "command": provenance.command(),
            "folder": str(Path.cwd()),
            "solver_file": str(solver),
            "seed": None,
            "device": None,
            "host": provenance.machine(),
            "process": os.getpid(),
            "versions": provenance.versions(),
            "git": provenance.commit(),
            "tracked": earlier.get("tracked") or {},
            "sessions": [*earlier.get("sessions", []), {"started": now}],
        }

    def __call__(self, event: Event) -> None:
        """Take what belongs into the file from an event."""
        match event:
            case Preparing():
                self._prepare(event)
            case Identified(run):
                self.content["run"] = run
            case Tracked(tracker, run, place):
                self.content["tracked"][tracker] = {"run": run, "place": place}
            case Resuming():
                self._resume(event)
            case NetTested(iteration, net, outputs):
                self._take_scores(iteration, net, outputs)
            case Done():
                self.content["status"] = DONE
            case Stopped():
                self.content["status"] = STOPPED
        if isinstance(event, Display | NetTested | Snapshotted | Done | Stopped):
            self.content["iteration"] = event.iteration
        if isinstance(event, Preparing | Tracked | Resuming | NetTested | Snapshotted):
            self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if isinstance(error, EndRun | KeyboardInterrupt):
            self.content["status"] = STOPPED
        elif error is not None:
            self.content["status"] = FAILED
        if error is not None:
            known = isinstance(error, CatdogError | EndRun)
            self.content["reason"] = str(error) if known else _brief(error)
        self.content["ended"] = _now()
        session = self.content["sessions"][-1]
        session.update({key: self.content[key] for key in ("ended", "status", "iteration")})
        self._write()

    def _earlier(self, resumed: bool) -> Content:
        if not self.path.exists():
            return {}
        if not resumed:
            self.path.rename(free_name(self.path))
            return {}
        try:
            return read_run(self.path)
        except CatdogError:
            return {}

    def _prepare(self, event: Preparing) -> None:
        self.content["seed"] = event.seed
        self.content["device"] = provenance.device_name(event.device)
        self.content["solver"] = event.solver
        train, *tests = event.nets or ("",)
        self.content["train_net"], self.content["test_nets"] = train, tests
        nets = [text_format.Parse(text, NetParameter()) for text in tests]
        self._directions = [directions(net) for net in nets]
        score = score_of_run(text_format.Parse(event.solver, SolverParameter()), nets)
        self.content["score"] = str(score) if score else None

    def _resume(self, event: Resuming) -> None:
        """Forget what was reached beyond the snapshot; the best weights are those that it knows."""
        self.content["iteration"] = event.iteration
        self.content["sessions"][-1]["from"] = event.iteration
        best = self.content["best"]
        for name in [name for name, row in best.items() if row["iteration"] > event.iteration]:
            del best[name]
        best.pop(event.score, None)
        if reached := event.best:
            row = {"iteration": reached.iteration, "better": reached.better}
            best[event.score] = {"value": _rounded(reached.value), **row}

    def _take_scores(self, iteration: int, net: int, outputs: Iterable[Output]) -> None:
        final, best = self.content["final"], self.content["best"]
        if final.get("iteration") != iteration:
            final.clear()
            final["iteration"] = iteration
        known = self._directions[net] if net < len(self._directions) else {}
        for name, output in named(outputs, net):
            value = _rounded(output.value)
            final[name] = value
            direction = known.get(output.name)
            # a score from before the first iteration does not belong to the training
            if direction is None or not iteration or not isfinite(output.value):
                continue
            if name not in best or direction.better(value, best[name]["value"]):
                row = {"value": value, "iteration": iteration, "better": direction.value}
                best[name] = row

    def _write(self) -> None:
        # whoever holds the lock for too long must not hold up a training
        with turn(self.path, _PATIENCE):
            self._take_edits()
            self._write_now()

    def _take_edits(self) -> None:
        """Note and tags from the file, where it is not what the run has written."""
        if _signature(self.path) == self._seen:
            return
        # a file that has gone, or is damaged, is written anew
        with suppress(CatdogError):
            self._annotate(annotation_of(read_run(self.path)))

    def _annotate(self, annotation: Annotation) -> None:
        self.content["note"], self.content["tags"] = annotation.note, list(annotation.tags)

    def _write_now(self) -> None:
        seconds = self._spent + time.monotonic() - self._began
        self.content["seconds"] = round(seconds, 1)
        try:
            write_run(self.path, self.content)
            self._seen = _signature(self.path)
        except Unwritable as error:
            if self._failed is None:
                raise
            self._failed(str(self.path), error)


def _signature(path: Path) -> tuple[int, int, int] | None:
    """What differs after each edit of a file; None where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def named(outputs: Iterable[Output], net: int = 0) -> Iterator[tuple[str, Output]]:
    """Outputs of a test net, each with its own name.

    That is the blob, with the place of the number where the blob has several, and the net where it
    is not the first.
    """
    outputs = list(outputs)
    several = Counter(output.name for output in outputs)
    seen: Counter[str] = Counter()
    for output in outputs:
        place = f"[{seen[output.name]}]" if several[output.name] > 1 else ""
        seen[output.name] += 1
        yield of_net(output.name + place, net), output


def _is_whole(content: object) -> bool:
    """Whether a file has what a run writes, each of its kind; what came later may be missing."""
    if not isinstance(content, dict) or not isinstance(content.get("status"), str):
        return False
    if any(not isinstance(content.get(key), kind | None) for key, kind in _KINDS.items()):
        return False
    numbers = [content.get(key) or 0 for key in ("seconds", "iteration", "process")]
    numbers += (content.get("final") or {}).values()
    for row in (content.get("best") or {}).values():
        if not isinstance(row, dict) or not isinstance(row.get("better"), str):
            return False
        numbers += [row.get("value"), row.get("iteration")]
    if content.get("final") and "iteration" not in content["final"]:
        return False
    texts = [*(content.get("test_nets") or []), *(content.get("tags") or [])]
    return all(map(_is_number, numbers)) and (
        all(isinstance(text, str) for text in texts) and _is_time(content.get("started"))
    )


def _is_number(value: object) -> bool:
    """Whether it is one that others can reckon with: Python's own have no end."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)


def _is_time(text: str | None) -> bool:
    try:
        return text is None or bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _rounded(value: float) -> float:
    # a float32 has no more digits than these
    return float(f"{value:.7g}")


def run_name(prefix: str) -> str:
    """The random name of the run under a prefix; empty where its file does not tell."""
    try:
        return str(read_run(run_path(prefix)).get("run") or "")
    except CatdogError:
        return ""


def known_to(tracker: str, prefix: str) -> str:
    """The name that another program has for the run under a prefix; empty where it has none."""
    try:
        row = (read_run(run_path(prefix)).get("tracked") or {}).get(tracker)
    except CatdogError:
        return ""
    return str(row.get("run") or "") if isinstance(row, dict) else ""


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_Base: Any = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper


class _Dumper(_Base):  # type: ignore[misc]
    """Safe YAML with texts of several lines as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
