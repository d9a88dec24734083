"""The jobs of a studio: begun in the order in which they came, one at a time on each device."""

import json
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from catdog.errors import CatdogError
from catdog.studio.jobs.job import Order, State, StudioJob

#: Seconds between looks at what may begin.
_PAUSE = 0.5


class JobQueue:
    """The jobs below a folder; as a context it begins those that wait.

    Args:
        folder: a folder for each job is made in it.
        at: where the jobs work.
        busy: the devices that are taken by others.
    """

    def __init__(self, folder: Path, at: Path, busy: Callable[[], Collection[str]] = tuple) -> None:
        self._folder, self._at, self._busy = folder, at, busy
        self._begun: dict[str, subprocess.Popen[bytes]] = {}
        self._jobs: dict[str, StudioJob] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_beginning, daemon=True)

    def __enter__(self) -> "JobQueue":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def add(self, order: Order) -> StudioJob:
        """A new job; it begins when its device is free."""
        now = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        with self._lock:
            job = StudioJob.create(self._folder / f"{now}-{secrets.token_hex(3)}", order)
            self._jobs[job.name] = job
        return job

    def all(self) -> list[StudioJob]:
        """Every job, the oldest first."""
        with self._lock:
            there = {path.name for path in self._folder.glob("*") if (path / "job.json").is_file()}
            for name in there - self._jobs.keys():
                self._open(name)
            for name in self._jobs.keys() - there:
                del self._jobs[name]
            return [self._jobs[name] for name in sorted(self._jobs)]

    def find(self, name: str) -> StudioJob:
        """The job of this name. Raises CatdogError where there is none."""
        for job in self.all():
            if job.name == name:
                return job
        raise CatdogError("no such job", where=name, remedy="the first page lists them")

    def state(self, job: StudioJob) -> State:
        """Where a job stands; one whose process comes up is running."""
        state = job.state
        begun = self._begun.get(job.name)
        if state is State.WAITING and begun:
            return State.RUNNING if begun.poll() is None else State.LOST
        return state

    def forget(self, job: StudioJob) -> None:
        """Remove a job that has ended, with what it printed. Raises CatdogError for another."""
        if not self.state(job).is_over:
            raise CatdogError("is at work", where=job.order.title, remedy="stop it first")
        with self._lock:
            shutil.rmtree(job.folder)
            self._jobs.pop(job.name, None)

    def _open(self, name: str) -> None:
        try:
            self._jobs[name] = StudioJob(self._folder / name)
        except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError):
            # one that is being made, or a folder of something else
            return

    def _keep_beginning(self) -> None:
        while not self._over.wait(_PAUSE):
            # a disk that is full now may have room at the next look
            with suppress(OSError), self._lock:
                self._begin_what_may()

    def _begin_what_may(self) -> None:
        states = {job.name: self.state(job) for job in self.all()}
        for name in [name for name, process in self._begun.items() if process.poll() is not None]:
            # what it left tells how it ended; its folder may have been forgotten
            if states.get(name) is not State.WAITING:
                del self._begun[name]
        jobs = [job for job in self.all() if states.get(job.name) in (State.WAITING, State.RUNNING)]
        taken = {job.order.device for job in jobs if states[job.name] is State.RUNNING}
        if any(states[job.name] is State.WAITING for job in jobs):
            taken |= set(self._busy())
        for job in jobs:
            device = job.order.device
            if states[job.name] is State.WAITING and not (device and device in taken):
                # of one that cannot begin now the others need not know
                with suppress(OSError):
                    self._begin(job)
                    taken.add(device)

    def _begin(self, job: StudioJob) -> None:
        words = [sys.executable, "-P", "-m", "catdog.studio.jobs.worker", str(job.folder)]
        with (job.folder / "output.txt").open("ab") as output:
            # a session of its own: no signal that ends the studio reaches it
            process = subprocess.Popen(
                words,
                cwd=self._at,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._begun[job.name] = process
        # waited for, so that nothing of it stays; the studio's end does not wait
        threading.Thread(target=process.wait, daemon=True).start()
