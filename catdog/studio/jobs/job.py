"""A job by its folder: what was asked for, who is at work on it, how it ended.

| file | written by | content |
|---|---|---|
| `job.json` | the studio, once | what was asked for |
| `begun.json` | the job's process, once | its number and the time of its start |
| `ended.json` | the job's process | its exit code |
| `cancelled` | the studio | that a job is not to begin |
| `output.txt` | the job's process | what it printed |
"""

import json
import os
import signal
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from catdog.errors import CatdogError
from catdog.runtime.files import replacing

_JOB, _BEGUN, _ENDED, _CANCELLED = "job.json", "begun.json", "ended.json", "cancelled"
#: A tool that was interrupted ends with this.
_INTERRUPTED = 130
#: Seconds by which the start of a process may differ from what was noted of it.
_SAME = 0.05
#: So much of the end of what a job printed is shown.
_TAIL = 64 * 1024


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    #: Its process is gone without a word: killed, or the machine went down.
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing comes of it any more."""
        return self not in (State.WAITING, State.RUNNING)

    @property
    def is_settled(self) -> bool:
        """Whether it ended as it should, or as it was told to."""
        return self in (State.DONE, State.STOPPED, State.CANCELLED)


@dataclass(frozen=True)
class Order:
    """What was asked for.

    `words` are those of a `catdog` command line, the tool first. A job with a device waits until
    no other is at work there; `target` is what it makes: the snapshot_prefix of a training, the
    folder of a store.
    """

    title: str
    words: tuple[str, ...]
    target: str = ""
    device: str = ""


class StudioJob:
    """A job, as its files say at each look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        content = _read(folder / _JOB)
        self.created = str(content["created"])
        self.order = Order(
            str(content["title"]),
            tuple(map(str, content["words"])),
            str(content["target"]),
            str(content["device"]),
        )

    @classmethod
    def create(cls, folder: Path, order: Order) -> "StudioJob":
        """A new job in a folder that is made for it."""
        folder.mkdir(parents=True)
        content = {**asdict(order), "created": datetime.now().astimezone().isoformat()}
        _write(folder / _JOB, content)
        return cls(folder)

    @property
    def name(self) -> str:
        """What it is called among the jobs."""
        return self.folder.name

    @property
    def state(self) -> State:
        """As its files and its process say now."""
        if (self.folder / _ENDED).exists():
            try:
                code = int(_read(self.folder / _ENDED)["code"])
            except (OSError, ValueError, KeyError, TypeError):
                return State.LOST
            ends = {0: State.DONE, _INTERRUPTED: State.STOPPED}
            return ends.get(code, State.FAILED)
        if (self.folder / _BEGUN).exists():
            return State.RUNNING if self._process() else State.LOST
        return State.CANCELLED if (self.folder / _CANCELLED).exists() else State.WAITING

    @property
    def output(self) -> str:
        """The end of what it printed."""
        try:
            with (self.folder / "output.txt").open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                return file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""

    @property
    def error(self) -> str:
        """The line with which it failed; empty where it did not."""
        if self.state is not State.FAILED:
            return ""
        lines = [line for line in self.output.splitlines() if line.startswith("error: ")]
        return lines[-1].removeprefix("error: ") if lines else "see what it printed"

    def begin(self) -> bool:
        """Note that this process is at work on it; False where another was before, and for a job
        that was cancelled."""
        mine = {"process": os.getpid(), "started": _since_boot(psutil.Process())}
        try:
            with (self.folder / _BEGUN).open("x", encoding="utf-8") as file:
                json.dump(mine, file)
        except FileExistsError:
            return False
        # who cancels looks for a process after its mark: one of both sees the other
        if (self.folder / _CANCELLED).exists():
            self.end(_INTERRUPTED)
            return False
        return True

    def end(self, code: int) -> None:
        """Note how it ended."""
        _write(self.folder / _ENDED, {"code": code})

    def stop(self) -> None:
        """Cancel it while it waits; while it runs, ask it to stop, as Ctrl-C does.

        Raises CatdogError where it does neither.
        """
        state = self.state
        if state is State.WAITING:
            (self.folder / _CANCELLED).touch()
        if process := self._process():
            process.send_signal(signal.SIGINT)
        elif state is not State.WAITING:
            raise CatdogError(f"is {state}", where=self.order.title, remedy="nothing is to stop")

    def _process(self) -> psutil.Process | None:
        """Its process, unless that number is another's by now."""
        try:
            begun = _read(self.folder / _BEGUN)
            process = psutil.Process(int(begun["process"]))
            same = abs(_since_boot(process) - float(begun["started"])) < _SAME
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None


def _since_boot(process: psutil.Process) -> float:
    """Seconds from the start of the machine to that of a process: no change of the clock moves it.

    It is asked for first, since older psutils keep it for the second.
    """
    boot = psutil.boot_time()
    return process.create_time() - boot


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(content, indent=1), encoding="utf-8")
