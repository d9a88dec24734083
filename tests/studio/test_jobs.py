"""Jobs as processes: in order, one to a device, found again whatever becomes of a studio."""

import os
import signal
import time

import psutil
import pytest

from catdog.errors import CatdogError
from catdog.studio.job_rows import JobRow
from catdog.studio.jobs.job import Order, State, StudioJob
from catdog.studio.jobs.queue import JobQueue

#: A tool that is quick, and one that fails.
_QUICK = Order("List", ("list", "nets"))
_WRONG = Order("Check", ("check", "no_such_net.yaml"))


@pytest.fixture
def queue(tmp_path):
    return JobQueue(tmp_path / "jobs", tmp_path)


def settled(queue, job, *states):
    """The state of a job once it is one of these."""
    until = time.monotonic() + 120
    while (state := queue.state(job)) not in states:
        assert time.monotonic() < until, f"{state}: {job.output}"
        time.sleep(0.05)
    return state


def test_jobs_work_and_tell_how_they_ended(queue):
    good, bad = queue.add(_QUICK), queue.add(_WRONG)
    assert queue.state(good) is State.WAITING
    with queue:
        assert settled(queue, good, State.DONE, State.FAILED) is State.DONE
        assert settled(queue, bad, State.DONE, State.FAILED) is State.FAILED
    assert "deep64" in good.output
    assert "no_such_net.yaml" in bad.error


def test_a_device_has_one_job_at_a_time_in_order(queue, monkeypatch):
    begun = []
    monkeypatch.setattr(queue, "_begin", lambda job: begun.append(job.order.title))
    for title, device in [("a", "cpu"), ("b", "cpu"), ("c", "cuda:0"), ("d", "")]:
        queue.add(Order(title, ("list",), device=device))
    queue._begin_what_may()
    assert begun == ["a", "c", "d"]


def test_a_device_that_others_use_is_waited_for(tmp_path, monkeypatch):
    queue = JobQueue(tmp_path / "jobs", tmp_path, lambda: {"cpu"})
    begun = []
    monkeypatch.setattr(queue, "_begin", lambda job: begun.append(job.order.title))
    queue.add(Order("a", ("list",), device="cpu"))
    queue._begin_what_may()
    assert begun == []


def test_a_waiting_job_is_cancelled_and_forgotten(queue):
    job = queue.add(_QUICK)
    with pytest.raises(CatdogError, match="at work"):
        queue.forget(job)
    job.stop()
    assert queue.state(job) is State.CANCELLED
    queue.forget(job)
    assert queue.all() == []


def test_another_studio_finds_the_jobs_again(queue, tmp_path):
    job = queue.add(_QUICK)
    other = JobQueue(tmp_path / "jobs", tmp_path)
    assert [each.name for each in other.all()] == [job.name]
    with other:
        settled(other, other.find(job.name), State.DONE)
    assert queue.state(job) is State.DONE


def test_a_job_that_another_process_began_is_not_begun_twice(tmp_path):
    job = StudioJob.create(tmp_path / "job", _QUICK)
    assert job.begin()
    assert not StudioJob(tmp_path / "job").begin()
    assert job.state is State.RUNNING


def test_a_job_whose_process_was_killed_is_lost(queue):
    job = queue.add(_QUICK)
    queue._begin_what_may()
    process = queue._begun[job.name]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert queue.state(job) is State.LOST


def test_a_number_that_is_another_process_by_now_is_not_taken_for_it(tmp_path):
    job = StudioJob.create(tmp_path / "job", _QUICK)
    (job.folder / "begun.json").write_text(f'{{"process": {os.getpid()}, "started": 1.0}}')
    assert job.state is State.LOST
    with pytest.raises(CatdogError, match="lost"):
        job.stop()


def test_a_folder_of_something_else_is_no_job(queue, tmp_path):
    for name, text in [("a", "{"), ("b", "{}"), ("c", "[]")]:
        (tmp_path / "jobs" / name).mkdir(parents=True)
        (tmp_path / "jobs" / name / "job.json").write_text(text)
    assert queue.all() == []


def test_a_job_that_is_stopped_while_its_process_comes_up_does_not_begin(queue):
    job = queue.add(_QUICK)
    # the process is there, and has not said so yet
    job.stop()
    assert not StudioJob(job.folder).begin()
    assert queue.state(job) is State.STOPPED


def test_a_clock_that_is_set_anew_loses_no_job(tmp_path, monkeypatch):
    job = StudioJob.create(tmp_path / "job", _QUICK)
    assert job.begin()
    boot, made = psutil.boot_time, psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot() - 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: made(process) - 3600)
    assert job.state is State.RUNNING


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"code": "x"}', '{"code": null}'])
def test_a_job_with_damaged_files_is_lost_and_holds_up_no_other(queue, text):
    damaged, good = queue.add(_QUICK), queue.add(_QUICK)
    for name in ("begun.json", "ended.json"):
        (damaged.folder / name).write_text(text)
    assert queue.state(damaged) is State.LOST
    (damaged.folder / "ended.json").unlink()
    assert queue.state(damaged) is State.LOST
    queue._begin_what_may()
    assert list(queue._begun) == [good.name]
    assert settled(queue, good, State.DONE) is State.DONE


def test_a_job_that_cannot_begin_holds_up_no_other(queue, monkeypatch):
    first, second = (queue.add(_QUICK) for _ in range(2))
    begin, begun = queue._begin, []

    def full(job):
        if job is first and not begun:
            begun.append(job)
            raise OSError(28, "No space left on device")
        begin(job)

    monkeypatch.setattr(queue, "_begin", full)
    with queue:
        assert settled(queue, second, State.DONE) is State.DONE
        assert settled(queue, first, State.DONE) is State.DONE


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("build: 120 of 4,000 photos", (120, 4000)),
        ("test: 1.5k of 2.25M photos", (1500, 2_250_000)),
        ("x: , of . y", (0, 0)),
        ("x: 1.2.3 of 4 y", (0, 0)),
        ("w" * 65_000, (0, 0)),
        ("1," * 32_000, (0, 0)),
    ],
)
def test_how_far_a_job_is_whatever_it_prints(line, progress):
    assert JobRow("", "", "", "", "", "", State.RUNNING, "", line).progress == progress
