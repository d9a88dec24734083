"""Processes of one start find each other in a store that has words of an earlier one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from torch.distributed import HashStore

from catdog.runtime.distributed.start import name_of_start

TIMEOUT = timedelta(seconds=20)


def starts(store: HashStore, ranks: list[int]) -> list[str]:
    """What each of three processes takes the start for; they come in this order."""
    with ThreadPoolExecutor(3) as threads:
        found = [threads.submit(name_of_start, store, rank, 3, TIMEOUT) for rank in ranks]
        return [each.result() for each in found]


def test_each_start_has_a_name_of_its_own() -> None:
    store = HashStore()
    names = [starts(store, ranks) for ranks in ([0, 1, 2], [1, 2, 0], [2, 0, 1])]
    assert all(len(set(each)) == 1 for each in names)
    assert len({each[0] for each in names}) == 3


def test_a_process_whose_others_do_not_come_is_told() -> None:
    store = HashStore()
    starts(store, [0, 1, 2])
    with pytest.raises(RuntimeError, match="timed out"):
        name_of_start(store, 1, 3, timedelta(seconds=0.1))
