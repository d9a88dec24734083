"""Looks at memory and load, and what is said of them."""

import csv
import mmap
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
import torch

from catdog.solver.events import Event, Iterating, NetTested, NetTesting, Warned
from catdog.tracking.probes import Gpu, Host, HostProbe, NvidiaProbe, Unavailable
from catdog.tracking.resource_plot import picture, verdict
from catdog.tracking.resources import COLUMNS, Resources, Sample
from catdog.tracking.schedule import Schedule
from tests.clock import Clock
from tests.runs import Run


class SlowFeed:
    """A feed that has been waited for."""

    waited = 0.0


class Machine:
    """Memory that grows by so many bytes from look to look."""

    def __init__(self, grows: float = 0.0, fails: bool = False) -> None:
        self.memory, self.grows, self.fails = 1e9, grows, fails

    def look(self) -> Host:
        if self.fails:
            raise Unavailable("nothing to be seen")
        self.memory += self.grows
        return Host(int(self.memory), int(8e9), 0.5, 0.75)


class Card:
    def __init__(
        self, load: float = 0.9, fails: bool = False, error: type[Exception] = Unavailable
    ) -> None:
        self.load, self.fails, self.error = load, fails, error

    def look(self) -> Gpu:
        if self.fails:
            raise self.error("driver gone")
        return Gpu(int(3e9), int(2e9), int(80e9), self.load)


def watch(
    path: Path, host: Machine, gpu: Card | None = None
) -> tuple[Resources, Clock, list[Event]]:
    """Resources whose thread never looks: the test does."""
    clock, said, run = Clock(), [], Run()
    run.solver.feed = SlowFeed()  # type: ignore[assignment]
    found = Resources(
        path,
        run.solver,
        3600,
        said.append,
        host=host,
        gpu=gpu,
        clock=clock,  # type: ignore[arg-type]
    )
    return found, clock, said


def go(found: Resources, clock: Clock, looks: int, waits: float = 0.0) -> None:
    for number in range(looks):
        clock.now += 3
        found._solver.feed.waited += 3 * waits
        found._look()
        found._judge()
        found(Iterating(number, 0.1))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_look_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "resources.csv"
    found, clock, said = watch(path, Machine(), Card())
    go(found, clock, 5, waits=0.25)
    found.close()
    written = rows(path)
    assert tuple(written[0]) == COLUMNS
    assert list(written[1].values()) == [
        *("6.00", "0", "0.250", "1000.0", "8000", "0.500", "0.750", "3000", "2000", "0.90")
    ]
    assert not said


def test_the_time_of_a_test_is_not_waited_away(tmp_path: Path) -> None:
    found, clock, _ = watch(tmp_path / "r.csv", Machine())
    found(NetTesting(0, 0))
    clock.now += 30
    assert found.training == 0
    found(NetTested(0, 0, ()))
    go(found, clock, 4, waits=0.62)
    found.close()
    assert found.training == pytest.approx(12)
    assert verdict(found).startswith("The processor waited for data 62% of the time: reading is")


@pytest.mark.parametrize(
    ("load", "waits", "words"),
    [
        (0.95, 0.5, "The GPU was busy 95% of the time"),
        (0.3, 0.5, "reading is what holds it up"),
        (0.3, 0.01, "a larger batch_size"),
    ],
)
def test_a_gpu_has_a_verdict(tmp_path: Path, load: float, waits: float, words: str) -> None:
    found, clock, _ = watch(tmp_path / "r.csv", Machine(), Card(load))
    go(found, clock, 4, waits)
    found.close()
    said = verdict(found)
    assert words in said
    assert ("holds" in said or "larger" in said) == (load < 0.9)
    assert said.endswith("Most memory: 1,000 MB, on the GPU 3,000 MB")


def test_a_leak_is_told_once(tmp_path: Path) -> None:
    found, clock, said = watch(tmp_path / "r.csv", Machine(grows=20e6))
    go(found, clock, 100)
    found.close()
    (warning,) = said
    assert isinstance(warning, Warned)
    # 20 MB in 3 seconds; 8 GB are free
    assert "memory of the process grows steadily, by 24,000 MB an hour" in warning.what
    assert "room for 20 minutes more" in warning.what


def test_the_growth_of_the_warm_up_does_not_count(tmp_path: Path) -> None:
    """200 MB in the first half of the looks, 50 MB in the second, both steady."""
    machine = Machine(grows=4e6)
    found, clock, said = watch(tmp_path / "r.csv", machine)
    go(found, clock, 50)
    machine.grows = 1e6
    go(found, clock, 50)
    found.close()
    assert not said


def test_what_fills_while_the_data_are_seen_once_is_no_leak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Schedule, "epochs", lambda _, iterations: iterations / 200)
    found, clock, said = watch(tmp_path / "r.csv", Machine(grows=20e6))
    go(found, clock, 200)
    assert not said
    found(Iterating(200, 0.1))
    found._judge()
    found(Iterating(201, 0.1))
    found.close()
    assert "grows steadily" in said[0].what


@pytest.mark.parametrize("grows", [0, 10e3, -1e6])
def test_a_steady_memory_is_no_leak(tmp_path: Path, grows: float) -> None:
    found, clock, said = watch(tmp_path / "r.csv", Machine(grows))
    go(found, clock, 150)
    found.close()
    assert not said


@pytest.mark.parametrize(("host", "gpu"), [(False, True), (True, False), (True, True)])
def test_what_cannot_be_looked_at_stops_nothing(tmp_path: Path, host: bool, gpu: bool) -> None:
    path = tmp_path / "r.csv"
    found, clock, said = watch(path, Machine(fails=host), Card(fails=gpu))
    go(found, clock, 5)
    found.close()
    assert len(rows(path)) == (0 if host else 6)
    assert not said
    assert bool(verdict(found)) != host


def test_what_goes_wrong_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    found, clock, said = watch(path, Machine(), Card(fails=True, error=RuntimeError))
    go(found, clock, 5)
    found.close()
    assert len(rows(path)) == 6
    assert said == [Warned("--resources: RuntimeError: driver gone")]


def test_a_table_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    found, clock, said = watch(tmp_path / "r.csv", Machine())
    found._file.close()
    go(found, clock, 3)
    found.close()
    assert said == [Warned("--resources: ValueError: I/O operation on closed file.")]


def test_a_thread_looks_by_itself(tmp_path: Path) -> None:
    path, run = tmp_path / "r.csv", Run()
    found = Resources(path, run.solver, 0.01, run.take)
    until = time.monotonic() + 20
    while len(found.looks) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    found.close()
    last = rows(path)[-1]
    assert 20 < float(last["memory_mb"]) < 1e6
    assert 0 <= float(last["machine_load"]) <= 1
    assert last["gpu_load"] == ""


def test_the_probe_of_the_host_counts_own_memory() -> None:
    """Pages of their own: an allocator may hand out what an earlier test freed."""
    probe = HostProbe()
    before = probe.look().memory
    with mmap.mmap(-1, 256 * 2**20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as kept:
        kept[:: mmap.PAGESIZE] = b"x" * (len(kept) // mmap.PAGESIZE)
        grown = probe.look().memory - before
    assert 250e6 < grown < 290e6


def test_a_processor_has_no_gpu_probe() -> None:
    assert NvidiaProbe.of(Run().solver.device) is None


def test_a_gpu_is_found_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a stand-in for the library: the number of a GPU there may be another."""
    library = SimpleNamespace(
        nvmlInit=lambda: None,
        NVMLError=KeyError,
        nvmlDeviceGetHandleByUUID={"GPU-abc": "card"}.__getitem__,
        nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=5, total=9),
        nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=40),
    )
    facts = {"abc": SimpleNamespace(uuid="abc"), "other": SimpleNamespace(uuid="other")}
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 3)
    for name, there in (("abc", True), ("other", False)):
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _, n=name: facts[n])
        probe = NvidiaProbe.of(torch.device("cuda", 0))
        assert (probe is not None) == there
        assert not probe or probe.look() == Gpu(memory=5, own=3, total=9, load=0.4)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert NvidiaProbe.of(torch.device("cuda", 0)) is None


@pytest.mark.parametrize("gpu", [None, Gpu(int(3e9), int(2e9), int(8e10), 0.5)])
def test_the_picture(tmp_path: Path, gpu: Gpu | None) -> None:
    host = Host(int(1e9), int(8e9), 0.5, 0.75)
    looks = [Sample(3.0 * i, i, 0.1 if i % 5 else None, host, gpu) for i in range(40)]
    path = tmp_path / "r.png"
    assert not picture(looks[:2], path)
    assert not path.exists()
    assert picture(looks, path)
    assert cv2.imread(str(path)).std() > 5
