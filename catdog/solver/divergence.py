"""Checks of a training: losses that are not finite or do not fall, one class for all examples."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from catdog.errors import Diverged
from catdog.net.net import Net, run
from catdog.net.step import Node
from catdog.runtime.distributed.group import ALONE, Group
from catdog.solver.guessing import GuessingDetector
from catdog.solver.overfitting import OverfittingDetector
from catdog.solver.untouched import untouched

_AT_FLOOR = 10
# at the end so many are enough, where the loss was lower before
_AT_FLOOR_AT_LAST = 3
# of the largest loss: less is no reason to look at the probabilities themselves
_SUSPICIOUS = 0.04
# such a share of the labels at the floor is no accident
_SHARE_AT_FLOOR = 0.01
# losses are looked at in blocks, so that a GPU is not waited for in every iteration
_BLOCK = 50


#: What is said of a record that is to blame.
FIRST_RECORD = "the first record with a number that is none is"
MEND_RECORD = "mend that record, or leave it out"


class DivergenceDetector:
    """Checks the loss of every iteration.

    On the CPU at once, elsewhere when a block is full or `check` is called, since a check waits for
    the device. Of several processes all are given the same losses. `tested` says that tests will
    tell how many classes are right. `look` finds the first record of the last iterations that has
    a number that is none, for a number of them; it is asked when the training has diverged.
    """

    def __init__(
        self,
        net: Net,
        group: Group = ALONE,
        look: Callable[[int], str] = lambda _: "",
        *,
        tested: bool = False,
    ) -> None:
        self._net, self._group, self._look = net, group, look
        self._pending: list[tuple[int, Tensor]] = []
        self._at_floor, self._value, self._sound = 0, 0.0, False
        #: Gets the batches too, and what the tests say.
        self.guessing = GuessingDetector(net, group, tested=tested)
        self._suspicious = _suspicious_loss(net, self.guessing.even or 0.0)
        #: Gets every loss that was looked at.
        self.overfitting = OverfittingDetector()

    def add(self, iteration: int, loss: Tensor, batch: Mapping[str, Tensor]) -> str:
        """Take the loss of an iteration; gives a warning or nothing. Raises as `check`."""
        self._pending.append((iteration, loss))
        if loss.device.type == "cpu" or len(self._pending) >= _BLOCK:
            return self.check(batch)
        return ""

    def check(self, batch: Mapping[str, Tensor]) -> str:
        """Look at the losses that have come in; gives a warning or nothing.

        Raises Diverged where one is not finite, with the first layer that gives such numbers, or
        where SoftmaxWithLoss has been giving labels a probability of 0 for long.
        """
        if not self._pending:
            return ""
        values = torch.stack([loss for _, loss in self._pending]).tolist()
        warning = ""
        for number, ((iteration, _), value) in enumerate(zip(self._pending, values, strict=True)):
            if not math.isfinite(value):
                raise self._diverged(iteration, value, batch, len(values) - number)
            self.overfitting.train(value)
            self._value = value
            high = value >= self._suspicious
            self._at_floor = self._at_floor + 1 if high else 0
            self._sound = self._sound or not high
            if self._at_floor == _AT_FLOOR:
                self._look_at_floor(iteration, batch)
            warning = self.guessing.train(iteration, value) or warning
        self._pending.clear()
        return warning

    def finish(self, iteration: int, batch: Mapping[str, Tensor]) -> str:
        """Look at the last losses as `check`; fewer of them at the floor are enough."""
        warning = self.check(batch)
        if self._sound and self._at_floor >= _AT_FLOOR_AT_LAST:
            self._look_at_floor(iteration, batch)
        return warning

    def _diverged(
        self, iteration: int, value: float, batch: Mapping[str, Tensor], last: int
    ) -> Diverged:
        """What is said of a loss that is none, `last` iterations before the batch."""
        found = self._group.first_text(first_nonfinite(self._net, batch))
        record = self._group.first_text(self._look(last))
        remedy = "lower base_lr, set clip_gradients, or look at the data"
        if record:
            record, remedy = f"{FIRST_RECORD} {record}", MEND_RECORD
        elif not found:
            found = _ALL_FINITE
        what = "; ".join(part for part in (f"the loss is {value:g}", found, record) if part)
        return Diverged(what, where=f"iteration {iteration}", remedy=remedy)

    @torch.no_grad()
    def _look_at_floor(self, iteration: int, batch: Mapping[str, Tensor]) -> None:
        """Raise Diverged where labels have a probability of 0; else begin to count again."""
        losses = self._net.losses
        with untouched(self._net):
            kept = self._net(batch, keep={name for node in losses for name in node.bottoms}).blobs
            shares = [
                node.layer.share_at_floor(*(kept[bottom] for bottom in node.bottoms))
                for node in losses
            ]
        count, self._at_floor = self._at_floor, 0
        share = self._group.highest(round(1000 * max(shares))) / 1000
        if share >= _SHARE_AT_FLOOR:
            raise Diverged(
                f"the loss is {self._value:g} and has been too high for {count} iterations: the "
                f"softmax gives {share:.0%} of the labels a probability of 0",
                where=f"iteration {iteration}",
                remedy="lower base_lr, scale the data down, or look at the labels",
            )


class SingleClassDetector:
    """Checks whether the net gives all examples of a test pass the same class."""

    def __init__(self, net: Net, group: Group = ALONE) -> None:
        self._group = group
        node = next((node for node in net if node.layer.scores_classes), None)
        #: Blobs that a test pass has to keep: scores and labels.
        self.blobs: tuple[str, ...] = node.bottoms[:2] if node else ()
        self._given: Tensor | None = None
        self._true: Tensor | None = None
        self._right: Tensor | None = None
        #: Whether the last pass had more right than the commonest class alone; None: cannot tell.
        self.learns: bool | None = None
        self._times = 0

    def add(self, blobs: Mapping[str, Tensor]) -> None:
        """Take a batch of the test pass."""
        if not self.blobs:
            return
        scores, labels = (blobs[name] for name in self.blobs)
        if scores.ndim != 2 or labels.numel() != len(scores):
            return
        classes = scores.shape[1]
        answers, labels = scores.argmax(1), labels.flatten().long().clamp(0, classes - 1)
        given = torch.bincount(answers, minlength=classes)
        true = torch.bincount(labels, minlength=classes)
        right = torch.bincount(labels[answers == labels], minlength=classes)
        self._given = given if self._given is None else self._given + given
        self._true = true if self._true is None else self._true + true
        self._right = right if self._right is None else self._right + right

    def finish(self, iteration: int) -> str:
        """End the pass; gives a warning when a second one in a row found one class only."""
        counts = self._counts()
        self._given = self._true = self._right = self.learns = None
        if counts is None or not iteration:
            return ""
        given, true, right = counts
        self.learns = _better_than_one_class(true, right)
        one = int((given > 0).sum()) == 1 and int((true > 0).sum()) > 1
        self._times = self._times + 1 if one else 0
        if self._times != 2:
            return ""
        return (
            f"iteration {iteration}: the test net gives class {int(given.argmax())} to all "
            f"{int(given.sum())} examples; try another base_lr and check the labels"
        )

    def _counts(self) -> Tensor | None:
        """How many examples got each class, have it as label, and both, over all processes."""
        mine = None
        if self._given is not None and self._true is not None and self._right is not None:
            mine = torch.stack((self._given, self._true, self._right)).cpu()
        found = [part for part in self._group.gather(mine) if part is not None]
        return torch.stack(found).sum(0) if found else None


def _better_than_one_class(true: Tensor, right: Tensor) -> bool | None:
    """Whether more are right, by two standard deviations, than have the commonest label."""
    count = int(true.sum())
    share = int(true.max()) / count if count else 1.0
    if share == 1:
        return None
    return int(right.sum()) / count > share + 2 * math.sqrt(share * (1 - share) / count)


_ALL_FINITE = "run again on the same batch, every layer gives numbers"


@torch.no_grad()
def first_nonfinite(net: Net, batch: Mapping[str, Tensor]) -> str:
    """The first input, parameter or top that is not finite, in the order of the layers, in words.

    Empty where all are finite.
    """
    for name, blob in batch.items():
        if not _finite(blob):
            return f'the input "{name}" is not finite'
    blobs = dict(batch)
    for node in net.running:
        for index, parameter in enumerate(node.layer.blobs):
            if not _finite(parameter):
                return f"{_title(node)} is the first with a blob ({index}) that is not finite"
        tops = run(node, [blobs[bottom] for bottom in node.bottoms])
        blobs.update(zip(node.tops, tops, strict=True))
        for name, top in zip(node.tops, tops, strict=True):
            if not _finite(top):
                return f'{_title(node)} is the first whose top "{name}" is not finite'
    return ""


def parameters_finite(net: Net) -> bool:
    """Whether all parameters are finite."""
    blobs = [blob for node in net for blob in node.layer.blobs if blob.numel()]
    if not blobs:
        return True
    norms = torch._foreach_norm([blob.detach() for blob in blobs], float("inf"))
    return bool(torch.stack(norms).isfinite().all())


def _title(node: Node) -> str:
    return f'layer "{node.name}" ({node.type})'


def _finite(blob: Tensor) -> bool:
    return not blob.is_floating_point() or bool(blob.isfinite().all())


def _suspicious_loss(net: Net, guessing: float) -> float:
    """From which loss on labels may have a probability of 0; infinite where no loss ends there."""
    total = 0.0
    for node in net.losses:
        if node.layer.largest_loss is None:
            return math.inf
        total += node.loss_weights[0] * node.layer.largest_loss
    return max(_SUSPICIOUS * total, 2 * guessing) if total > 0 else math.inf
