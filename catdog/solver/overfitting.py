"""Detects, once in a run, that a net begins to overfit."""

from catdog.proto.caffe_pb2 import OverfittingState
from catdog.solver.events import NetTested

# so many tests in a row, each worse than the one before, are no coincidence
_TESTS = 3
# and the loss is higher by this share than where it began to rise
_RISE = 0.05


class OverfittingDetector:
    """Compares the loss of the first test net with the mean training loss between the tests.

    `state` is what a snapshot keeps.
    """

    def __init__(self) -> None:
        self.state = OverfittingState()

    def train(self, loss: float) -> None:
        """Take the loss of an iteration."""
        self.state.sum += loss
        self.state.count += 1

    def test(self, event: NetTested) -> str:
        """Take a test; gives a warning or nothing. A test that is repeated counts once."""
        state, losses = self.state, [o for o in event.outputs if o.loss_weight]
        again = state.HasField("last") and event.iteration <= state.last
        if state.told or event.net or not losses or not state.count or again:
            return ""
        test = sum(output.loss_weight * output.value for output in losses)
        state.last = event.iteration
        rows = [*zip(state.test, state.train, strict=True), (test, state.sum / state.count)]
        rows = rows[-_TESTS - 1 :] if _goes_apart(rows[-2:]) else rows[-1:]
        state.test[:], state.train[:] = [row[0] for row in rows], [row[1] for row in rows]
        state.sum, state.count = 0.0, 0
        if len(rows) <= _TESTS or rows[-1][0] < rows[0][0] * (1 + _RISE):
            return ""
        state.told = True
        return _warning(event.iteration, rows)


def _goes_apart(rows: list[tuple[float, float]]) -> bool:
    """Whether the test loss has risen and the training loss fallen."""
    (test, train), (next_test, next_train) = rows[0], rows[-1]
    return next_test > test and next_train < train


def _warning(iteration: int, rows: list[tuple[float, float]]) -> str:
    tests = ", ".join(f"{test:.4g}" for test, _ in rows)
    return (
        f"iteration {iteration}: the test loss has risen in {_TESTS} tests in a row ({tests}) "
        f"while the training loss fell from {rows[0][1]:.4g} to {rows[-1][1]:.4g}: overfitting; "
        "try augmentation, more weight_decay or Dropout, or stop here (snapshot_best, "
        "early_stop_patience)"
    )
