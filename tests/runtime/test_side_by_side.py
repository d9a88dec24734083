"""Shares of a batch on threads of their own."""

import os
import signal
import threading
from contextlib import suppress

import numpy as np
import pytest
import torch

from catdog.runtime.side_by_side import LEAST, side_by_side
from tests.torch_threads import torch_threads


@pytest.fixture(autouse=True)
def two_threads():
    with torch_threads(2):
        yield


def test_shares_come_in_their_order_and_together_are_the_batch():
    batch = torch.arange(5 * LEAST)
    parts = side_by_side(lambda part: part.tolist(), batch)
    assert len(parts) == 4 and [each for part in parts for each in part] == batch.tolist()
    assert min(map(len, parts)) >= LEAST


def test_they_are_at_work_at_the_same_time_with_a_thread_each():
    together = threading.Barrier(4, timeout=20)
    seen = side_by_side(
        lambda _: (together.wait() >= 0, torch.get_num_threads()), torch.zeros(4 * LEAST)
    )
    assert seen == [(True, 1)] * 4
    assert torch.get_num_threads() == 2
    # and so it is for a thread that comes later
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [2]


@pytest.mark.parametrize(("threads", "count"), [(1, 4 * LEAST), (2, 2 * LEAST - 1), (2, 0)])
def test_one_core_and_few_examples_are_not_divided(threads, count):
    torch.set_num_threads(threads)
    here = threading.get_ident()
    assert side_by_side(lambda part: (len(part), threading.get_ident()), torch.zeros(count)) == [
        (count, here)
    ]


def test_an_error_comes_when_no_share_is_at_work_any_more():
    done = []

    def work(part):
        if part[0] == 0:
            raise ValueError("the first")
        (part @ part).item()
        done.append(len(part))

    with pytest.raises(ValueError, match="the first"):
        side_by_side(work, torch.arange(4.0 * LEAST))
    assert done == [LEAST] * 3


def test_a_net_says_the_same_of_shares():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Flatten(), torch.nn.Linear(288, 5))
    net.requires_grad_(False)
    batch = torch.randn(70, 3, 8, 8)
    shares = np.concatenate(side_by_side(lambda part: net(part).numpy(), batch))
    assert np.allclose(shares, net(batch).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    def work():
        side_by_side(lambda part: part.tolist(), torch.arange(4 * LEAST))

    work()
    if not (child := os.fork()):
        signal.alarm(20)
        with suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
