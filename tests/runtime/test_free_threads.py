"""Threads that follow what is free, by a clock and costs that the test sets."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from catdog.runtime.free_threads import FIRST, LAST, FreeThreads
from tests.torch_threads import torch_threads


class Machine:
    """A machine where work takes so long with so many threads."""

    def __init__(self, **seconds):
        self.now, self.used = 0.0, []
        self.becomes(**seconds)
        self.free_threads = FreeThreads(lambda: self.now)

    def becomes(self, **seconds):
        self.seconds = {int(name[1:]): cost for name, cost in seconds.items()}

    def work(self):
        self.used.append(torch.get_num_threads())
        self.now += self.seconds[self.used[-1]]
        return len(self.used)

    def does(self, times):
        before = len(self.used)
        for _ in range(times):
            assert self.free_threads(self.work) == len(self.used)
        return self.used[before:]


QUIET = {"_1": 3.0, "_2": 2.0, "_4": 2.5}
BUSY = {"_1": 3.0, "_2": 6.0, "_4": 4.0}


@pytest.fixture(autouse=True)
def two_threads():
    with torch_threads(2):
        yield
        assert torch.get_num_threads() == 2


def test_all_threads_stay_on_a_quiet_machine():
    used = Machine(**QUIET).does(400)
    assert used[:FIRST] == [2] * FIRST
    assert used.count(2) >= 0.94 * len(used) and set(used) == {1, 2, 4}


def test_one_thread_is_found_where_cores_are_taken_and_all_again_where_they_are_free():
    machine = Machine(**QUIET)
    machine.does(200)
    machine.becomes(**BUSY)
    # what is slow is noticed by itself, without a trial
    assert machine.does(LAST)[-FIRST:].count(1) >= FIRST - 2
    assert machine.does(100).count(1) >= 90
    machine.becomes(**QUIET)
    machine.does(3 * LAST)
    assert machine.does(100).count(2) >= 90


def test_twice_the_threads_where_they_are_fastest():
    machine = Machine(_1=3.0, _2=6.0, _4=2.0)
    machine.does(100)
    assert machine.does(100).count(4) >= 90


def test_one_long_time_changes_little():
    machine = Machine(**QUIET)
    machine.does(100)
    machine.now, machine.seconds = machine.now, {**machine.seconds, 2: 20.0}
    machine.does(1)
    machine.becomes(**QUIET)
    assert machine.does(100).count(2) >= 75


def test_a_single_thread_is_left_alone():
    with torch_threads(1):
        machine = Machine(_1=1.0)
        assert machine.does(50) == [1] * 50


def test_only_the_main_thread_changes_the_number():
    machine = Machine(**QUIET)
    machine.does(FIRST)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: machine.free_threads(machine.work), range(100)))
        assert machine.used[FIRST:] == [2] * 100
        assert pool.submit(torch.get_num_threads).result() == 2


def test_an_error_leaves_the_threads_as_they_were():
    free_threads = FreeThreads()

    def work():
        raise ValueError

    for _ in range(2 * FIRST):
        with pytest.raises(ValueError):
            free_threads(work)
        assert torch.get_num_threads() == 2
