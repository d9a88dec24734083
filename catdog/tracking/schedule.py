"""What lies ahead of a training: how far it goes, and how much it reads on the way."""

from dataclasses import dataclass
from math import ceil

from catdog.data.feed import Feed
from catdog.solver.solver import Solver
from catdog.solver.test_pass import TestNet


@dataclass(frozen=True)
class Schedule:
    """The way of a training from its first iteration, which a resume moves, to its end."""

    first: int
    last: int
    #: Examples of one iteration, of all processes; None where the data do not tell.
    examples: int | None = None
    #: Examples of one pass over the training data; None where they have no end.
    epoch: int | None = None
    #: Iterations from test to test; 0 where there are none.
    test_interval: int = 0
    #: Batches of a pass of each test net; None where the data do not tell.
    tests: tuple[int | None, ...] = ()

    def epochs(self, iteration: int) -> float | None:
        """How many passes over the training data so many iterations are."""
        if not self.examples or not self.epoch:
            return None
        return iteration * self.examples / self.epoch

    def in_words(self) -> str:
        """What an epoch is, and how many the training has; nothing where the data do not tell."""
        epochs = self.epochs(self.last)
        if not self.examples or not self.epoch or epochs is None:
            return ""
        length = f"{self.epoch / self.examples:,.6g} iterations of {self.examples:,} examples"
        whole = f"{self.last:,} iterations are {epochs:,.4g} epochs"
        return f"An epoch is {length}, {self.epoch:,} in all; {whole}"

    def ends_epoch(self, iteration: int) -> bool:
        """Whether the last of so many iterations was the last of a pass over the data."""
        if not self.examples or not self.epoch or not iteration:
            return False
        return iteration * self.examples // self.epoch > (
            (iteration - 1) * self.examples // self.epoch
        )

    def tests_after(self, iteration: int) -> int:
        """How often all tests are run after an iteration, the last weights among them."""
        if not self.test_interval or not self.tests:
            return 0
        due = self.last // self.test_interval - iteration // self.test_interval
        return due + (self.last % self.test_interval > 0)


def schedule_of(solver: Solver) -> Schedule:
    """The plan of a solver that is built, and restored where it is resumed."""
    batch = _batch_size(solver.feed)
    examples = batch * solver.param.iter_size * solver.group.world if batch else None
    return Schedule(
        first=solver.iteration,
        last=max(solver.param.max_iter, solver.iteration),
        examples=examples,
        epoch=solver.feed.size if isinstance(solver.feed, Feed) else None,
        test_interval=solver.param.test_interval if solver.tests else 0,
        tests=tuple(_batches(test, solver.group.world) for test in solver.tests),
    )


def _batches(test: TestNet, world: int) -> int | None:
    if test.iterations is not None:
        return test.iterations
    size, batch = test.feed.size if isinstance(test.feed, Feed) else None, _batch_size(test.feed)
    return ceil(size / (batch * world)) if size and batch else None


def _batch_size(feed: object) -> int | None:
    """The first axis of the first data blob."""
    shape = next(iter(feed.shapes.values()), ()) if isinstance(feed, Feed) else ()
    return shape[0] if shape else None
