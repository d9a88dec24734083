"""`resources.csv` beside the snapshots: memory and load of a run, looked at every few seconds."""

import csv
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from catdog.runtime.files import keep
from catdog.solver.events import Event, Listener, Warned
from catdog.solver.solver import Solver
from catdog.tracking.memory_leak import steady_growth
from catdog.tracking.probes import MB, Gpu, GpuProbe, Host, HostProbe, NvidiaProbe, Unavailable
from catdog.tracking.schedule import Schedule, schedule_of
from catdog.tracking.throughput import Pace

Seen = TypeVar("Seen")

#: What the table is called in the folder of its run.
RESOURCES = "resources.csv"
COLUMNS = (
    "seconds",
    "iteration",
    "waiting",
    "memory_mb",
    "free_mb",
    "load",
    "machine_load",
    "gpu_memory_mb",
    "gpu_own_mb",
    "gpu_load",
)
#: A growth that is warned of: bytes, and a share of what there was before.
_WORTH = 100 * MB, 0.1
#: Looks from one judgement of the growth to the next.
_JUDGED = 10


class Sample(NamedTuple):
    """One look at a run."""

    seconds: float
    iteration: int
    #: Of the time since the look before, without tests, the share in which it waited for data.
    waiting: float | None
    host: Host
    gpu: Gpu | None

    def row(self) -> tuple[object, ...]:
        """The cells of the table."""
        host, gpu = self.host, self.gpu
        waiting = "" if self.waiting is None else f"{self.waiting:.3f}"
        sizes = (f"{host.memory / MB:.1f}", f"{host.free / MB:.0f}")
        loads = (f"{host.load:.3f}", f"{host.machine_load:.3f}")
        start = (f"{self.seconds:.2f}", self.iteration, waiting, *sizes, *loads)
        if gpu is None:
            return (*start, "", "", "")
        return (*start, f"{gpu.memory / MB:.0f}", f"{gpu.own / MB:.0f}", f"{gpu.load:.2f}")


class Resources:
    """A listener that looks at the run from a thread, every few seconds, until `close`.

    It never raises: where something cannot be looked at there is less in the table. Anything else
    that goes wrong is told once, as a warning.

    Args:
        path: the table; its folder is there.
        resumed: go on in the table that is there. Else that of an earlier run is kept under the
            next free name.
        solver: built, with the data of the run.
        every: seconds between two looks.
        emit: gets warnings.
        host, gpu: look at the machine; by default at this one, and the solver's device.
        clock: gives seconds.
    """

    def __init__(
        self,
        path: Path,
        solver: Solver,
        every: float,
        emit: Listener,
        *,
        resumed: bool = False,
        host: HostProbe | None = None,
        gpu: GpuProbe | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._solver, self._every, self._emit, self._clock = solver, every, emit, clock
        self._schedule: Schedule = schedule_of(solver)
        self._pace = Pace(self._schedule, clock)
        self._warnings: list[str] = []
        self._failed = self._grew = False
        self._host = host or HostProbe()
        self._gpu = gpu or self._guarded(lambda: NvidiaProbe.of(solver.device))
        if not resumed:
            keep(path)
        self._spent = _seconds(path)
        self._file = path.open("a", buffering=1, encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        if self._spent is None:
            self._guarded(lambda: self._writer.writerow(COLUMNS))
        self.looks: list[Sample] = []
        self._start, self._waited_before = clock(), self._waited
        self._before = (0.0, 0.0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="resources", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Follow the run; emit the warnings of the thread."""
        self._pace(event)
        if self._warnings:
            self._warn()

    def close(self) -> None:
        """End the thread and the table."""
        self._over.set()
        self._thread.join()
        self._look()
        self._guarded(self._file.close)
        self._warn()

    @property
    def training(self) -> float:
        """Seconds of the run so far, without its tests."""
        return max(self._clock() - self._start - self._pace.testing, 0.0)

    @property
    def waited(self) -> float:
        """Seconds of the run so far in which the loop waited for data."""
        return self._waited - self._waited_before

    @property
    def _waited(self) -> float:
        return float(getattr(self._solver.feed, "waited", 0.0))

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._look()
            if len(self.looks) % _JUDGED == 0:
                self._judge()

    def _warn(self) -> None:
        while self._warnings:
            self._emit(Warned(self._warnings.pop(0)))

    def _guarded(self, look: Callable[[], Seen]) -> Seen | None:
        """What a look gives; None where it is unavailable or fails."""
        try:
            return look()
        except Unavailable:
            return None
        except Exception as error:
            # a disk that is full, a driver that is gone: the training goes on
            if not self._failed:
                self._failed = True
                self._warnings.append(f"--resources: {type(error).__name__}: {error}")
            return None

    def _look(self) -> None:
        self._guarded(self._take_sample)

    def _take_sample(self) -> None:
        before, self._before = self._before, (self.training, self.waited)
        training, waited = (now - then for now, then in zip(self._before, before, strict=True))
        sample = Sample(
            self._clock() - self._start + (self._spent or 0),
            self._pace.iteration,
            min(waited / training, 1.0) if training > 0.05 else None,
            self._host.look(),
            self._guarded(self._gpu.look) if self._gpu else None,
        )
        self.looks.append(sample)
        self._writer.writerow(sample.row())

    def _judge(self) -> None:
        """Whether memory grows as it should not: looked for once the data were seen once."""
        epochs = self._schedule.epochs(self._pace.iteration - self._schedule.first)
        early = epochs is not None and epochs < 1
        if self._grew or early or not self.looks:
            return
        for name, memory, free in self._memories():
            # the first half is the warm-up
            half = len(memory) // 2
            times = [look.seconds for look in self.looks[half:]]
            growth = steady_growth(times, memory[half:])
            least, share = _WORTH
            if growth and growth.after - growth.before > max(least, share * growth.before):
                self._grew = True
                self._warnings.append(
                    f"memory of {name} grows steadily, by {growth.pace * 3600 / MB:,.0f} MB an "
                    f"hour: {growth.before / MB:,.0f} MB became {growth.after / MB:,.0f} MB; "
                    f"there is room for {_hours(free / growth.pace)} more"
                )
                return

    def _memories(self) -> list[tuple[str, list[float], float]]:
        last = self.looks[-1]
        process = [float(look.host.memory) for look in self.looks]
        found = [("the process", process, float(last.host.free))]
        gpus = [look.gpu for look in self.looks if look.gpu]
        if last.gpu and len(gpus) == len(self.looks):
            own = [float(gpu.own) for gpu in gpus]
            found.append(("the GPU", own, float(last.gpu.total - last.gpu.memory)))
        return found


def _seconds(path: Path) -> float | None:
    """The last seconds of a table, without a row that a kill has cut; None where there is none."""
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    head, *lines = whole.splitlines() or [""]
    if head != ",".join(COLUMNS):
        keep(path)
        return None
    if whole != text:
        path.write_text(whole, encoding="utf-8", newline="")
    try:
        return float(lines[-1].partition(",")[0]) if lines else 0.0
    except ValueError:
        return 0.0


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"
