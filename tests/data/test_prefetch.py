"""A thread that runs ahead of its reader."""

import time

from catdog.data.prefetch import Prefetcher


def test_a_prefetcher_stays_within_its_depth():
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    prefetcher = Prefetcher(items(), 3)
    assert next(prefetcher) == 0
    time.sleep(0.05)
    assert len(made) <= 5
    prefetcher.close()
    assert list(Prefetcher(range(5), 2)) == list(range(5))
