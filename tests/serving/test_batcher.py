"""Photos of several requests at once: in batches, in order, none lost, none spoiled by others."""

import threading
import time

import numpy as np
import pytest

from catdog.data.images import Unreadable
from catdog.errors import CatdogError, DataError
from catdog.inference.given_pictures import StoredPicture
from catdog.serving.answer_rate import AnswerRate
from catdog.serving.batcher import Batcher, Ticket
from catdog.serving.refusal import Refusal


class Watched:
    def __init__(self):
        self.batches, self.photos = [], 0

    def decoded(self, _):
        self.photos += 1

    def computed(self, waits, _):
        assert min(waits) >= 0
        self.batches.append(len(waits))


def read(photo):
    number = int(photo.content)
    if number < 0:
        raise Unreadable("negative", where=str(photo))
    if number == 99:
        raise MemoryError
    return np.full((1, 1, 1), number, np.uint8)


def doubled(pixels):
    numbers = np.array([float(each.item()) for each in pixels], np.float32)
    if 13 in numbers:
        raise DataError("no number")
    return [2 * numbers[:, None]]


def asked(batcher, *numbers):
    """A ticket, and the event of its end."""
    end = threading.Event()
    ticket = Ticket([StoredPicture(str(each).encode(), f"n{each}") for each in numbers], end.set)
    batcher.submit(ticket)
    return ticket, end


def outcomes(ticket):
    return [
        each.what if isinstance(each, CatdogError) else float(each[0][0])
        for each in ticket.outcomes
    ]


@pytest.mark.parametrize("workers", [1, 3])
def test_each_request_gets_its_own_photos(workers):
    watched = Watched()
    with Batcher(read, [doubled] * workers, watched, batch=4, room=1000) as batcher:
        found = [asked(batcher, *range(start, start + 7)) for start in range(20, 80, 3)]
        for ticket, end in found:
            assert end.wait(10)
            first = int(ticket.photos[0].content)
            assert outcomes(ticket) == [2.0 * number for number in range(first, first + 7)]
    assert sum(watched.batches) == watched.photos == 140
    assert max(watched.batches) == 4
    assert batcher.depth == 0


def test_photos_wait_for_others_that_are_under_way():
    watched = Watched()
    with Batcher(read, [doubled], watched, batch=64, wait=5, decoders=1) as batcher:
        _, end = asked(batcher, *range(40))
        assert end.wait(10)
    assert watched.batches == [40]


def test_a_photo_alone_waits_for_none():
    with Batcher(read, [doubled], Watched(), batch=64, wait=60) as batcher:
        _, end = asked(batcher, 1)
        assert end.wait(10)


def test_what_fails_fails_alone():
    with Batcher(read, [doubled], Watched(), wait=5, decoders=1) as batcher:
        ticket, end = asked(batcher, 1, -1, 13, 99, 2)
        assert end.wait(10)
    assert outcomes(ticket) == [2, "negative", "no number", "cannot be read (MemoryError)", 4]


def test_all_or_none_of_a_request_is_taken():
    go = threading.Event()

    def slow(photo):
        go.wait(10)
        return read(photo)

    with Batcher(slow, [doubled], Watched(), room=5) as batcher:
        _, end = asked(batcher, 1, 2, 3)
        with pytest.raises(Refusal, match="3 photos wait already, of 5 at most") as refused:
            asked(batcher, 4, 5, 6)
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
        assert batcher.depth == 3
        _, second = asked(batcher, 4, 5)
        assert batcher.is_full
        go.set()
        assert end.wait(10) and second.wait(10)
        assert not batcher.is_full


def test_what_nobody_waits_for_is_not_read():
    go, seen = threading.Event(), []

    def slow(photo):
        seen.append(str(photo))
        go.wait(10)
        return read(photo)

    with Batcher(slow, [doubled], Watched(), decoders=1) as batcher:
        first, end = asked(batcher, 1)
        second, other_end = asked(batcher, 2, 3)
        second.is_abandoned = True
        go.set()
        assert end.wait(10) and other_end.wait(10)
    assert seen == ["n1"]
    assert outcomes(first) == [2]
    assert batcher.depth == 0


def test_the_end_waits_for_what_was_taken():
    def slow(pixels):
        time.sleep(0.05)
        return doubled(pixels)

    with Batcher(read, [slow], Watched(), batch=2) as batcher:
        ticket, end = asked(batcher, *range(10))
    assert end.is_set()
    assert outcomes(ticket) == [2.0 * number for number in range(10)]


def test_the_pace_is_that_of_the_batches():
    now = 0.0
    rate = AnswerRate(lambda: now)
    assert (rate.per_second, rate.wait(1000)) == (0, 1)
    for _ in range(100):
        began, now = now, now + 0.5
        rate.add(10, began)
    assert rate.per_second == pytest.approx(20)
    assert rate.wait(1) == 1
    assert rate.wait(90) == 5
    assert rate.wait(100_000) == 60


def test_batches_side_by_side_make_the_pace_twice_as_fast():
    now = 0.0
    rate = AnswerRate(lambda: now)
    for _ in range(200):
        # two that take 1 s, half a second apart
        now += 0.5
        rate.add(10, now - 1.0)
    assert rate.per_second == pytest.approx(20, rel=0.01)
