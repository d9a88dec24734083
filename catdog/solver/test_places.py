"""Where the data of the tests stand, for snapshots and for tests that leave no trace."""

from collections.abc import Iterable, Sequence

from catdog.proto.caffe_pb2 import FeedState
from catdog.solver.test_pass import Batches, TestNet


def place(feed: Batches) -> FeedState:
    """Where a feed stands, and what it reads."""
    return FeedState(source=feed.state(), data=feed.reads())


class TestPlaces:
    """Where the feeds of test nets stand, and stood before the tests that are being made."""

    __test__ = False  # no case for pytest

    def __init__(self, tests: Sequence[TestNet]) -> None:
        self._tests = tests
        self._before: list[FeedState] = []
        #: The iteration of the last tests that came to their end.
        self.tested = -1

    def begin(self) -> None:
        """Tests are made from here on, until `end`."""
        self._before = self._now()

    def end(self) -> None:
        """An iteration follows: the tests before it are no longer made again."""
        self._before = []

    def states(self) -> list[FeedState]:
        """Where a run that goes on from here begins: tests without an end are begun again."""
        return self._before or self._now()

    def load(self, states: Iterable[FeedState]) -> None:
        """Go back to where the feeds stood."""
        for test, state in zip(self._tests, states, strict=False):
            test.feed.load_state(state.source)

    def _now(self) -> list[FeedState]:
        return [place(test.feed) for test in self._tests]
