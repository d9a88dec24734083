"""Results in order, memory with a bound, an early end."""

import os
import signal
import threading
from contextlib import suppress

import cv2
import pytest

from catdog.runtime.parallel import in_order, share


def test_order_is_kept():
    assert list(in_order(lambda x: x * x, range(1000), workers=3, chunk=7)) == [
        x * x for x in range(1000)
    ]
    assert list(in_order(str, [])) == []


def test_not_more_is_taken_than_fits():
    taken = []

    def items():
        for number in range(10_000):
            taken.append(number)
            yield number

    results = in_order(str, items(), workers=2, chunk=4)
    next(results)
    assert len(taken) <= 4 * (2 * 3 + 1)
    results.close()
    assert len(taken) <= 4 * (2 * 3 + 1)


def test_an_error_comes_out_and_the_threads_end():
    before = cv2.getNumThreads()
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda x: 1 / (x - 50), range(100), workers=2))
    assert cv2.getNumThreads() == before
    assert not [t for t in threading.enumerate() if t.name.startswith("catdog-work")]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_opencv_has_its_threads_again_when_the_last_is_done(order):
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        running = [in_order(str, range(100), workers=1) for _ in order]
        for each in running:
            next(each)
        for index in order:
            assert cv2.getNumThreads() == 1
            running[index].close()
        assert cv2.getNumThreads() == 3
        assert len(list(in_order(str, range(9)))) == 9
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize(("count", "threads"), [(0, 2), (1, 2), (7, 3), (64, 1), (65, 4)])
def test_shares_are_all_of_it_once(count, threads, monkeypatch):
    monkeypatch.setattr("catdog.runtime.parallel.cores", lambda: 4)
    done = []
    share(lambda part: done.extend(range(count)[part]), count, threads=threads, least=2)
    assert sorted(done) == list(range(count))


def test_an_error_of_a_share_comes_out():
    with pytest.raises(ZeroDivisionError):
        share(lambda part: 1 / part.start, 64, threads=2, least=1)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    def work():
        share(lambda _: None, 8, threads=2, least=1)

    work()
    if not (child := os.fork()):
        signal.alarm(20)
        with suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
