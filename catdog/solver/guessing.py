"""Detects that a training guesses, and that its data come in the order of their classes."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from catdog.net.net import Net
from catdog.net.step import Node
from catdog.runtime.distributed.group import ALONE, Group
from catdog.solver.untouched import untouched

# a word follows after so many iterations at the loss of guessing
_GUESSING = 500
# of these iterations the losses are compared with their labels: all would cost more
_EVERY = 7
# how many batches are looked at for their order, and from how many examples of one class on
_FIRST, _MANY = 10, 50
# shuffled data are taken for sorted ones as rarely as this
_CHANCE = 1e-4


class GuessingDetector:
    """Compares the loss with that of giving every example the shares of the classes seen.

    The net guesses where it is that, or that of equal shares, within 1 %. Where tests are made the
    next one decides: mixed pictures and other changes of the training data may make a loss of a
    net that learns look like this.
    """

    def __init__(self, net: Net, group: Group = ALONE, *, tested: bool = False) -> None:
        self._net, self._group, self._tested = net, group, tested
        self._looked = False
        self._losses = net.losses
        self._labels = LabelsSeen(net, self._losses)
        #: The loss of equal probabilities, for nets whose losses have it.
        self.even = self._guess(self._labels.even)
        self._values: list[float] = []
        self._shares: list[Tensor] = []
        self._count, self._held, self._told = 0, "", False

    def see(self, iteration: int, batch: Mapping[str, Tensor]) -> str:
        """Look at a batch; gives a warning where the first ones show that nothing can be learnt."""
        if not self._looked:
            self._looked = True
            if found := no_probabilities(self._net, batch):
                return found
        keep = self.even is not None and iteration % _EVERY == 0
        return self._labels.see(iteration, batch, keep=keep)

    def train(self, iteration: int, loss: float) -> str:
        """Take the loss of an iteration; gives a warning or nothing."""
        if self.even is None:
            return ""
        self._count += 1
        if iteration % _EVERY == 0:
            self._values.append(loss)
            self._shares += self._labels.take(iteration)
        return self._finish(iteration) if self._count == _GUESSING else ""

    def test(self, learns: bool | None) -> str:
        """Take what a test says, None where it cannot tell; gives a warning or nothing."""
        if learns is None or not self._held:
            return ""
        held, self._held = self._held, ""
        self._told = not learns
        return "" if learns else held

    def _finish(self, iteration: int) -> str:
        mean = sum(self._values) / len(self._values)
        guesses = [self.even, self._guess(self._seen())]
        self._count, self._values, self._shares = 0, [], []
        near = [each for each in guesses if each and abs(mean - each) <= 0.01 * each]
        if not near:
            self._held, self._told = "", False
            return ""
        text = (
            f"iteration {iteration}: for {_GUESSING} iterations the loss has been {mean:.4g}, as "
            f"if guessing by {'equal' if near[0] == self.even else 'the'} shares of the classes "
            f"({near[0]:.4g}); try another base_lr, check the weight fillers, the labels and that "
            "the data are shuffled"
        )
        if self._told or (self._tested and not self._held):
            self._held = "" if self._told else text
            return ""
        self._told = True
        return text

    def _seen(self) -> Tensor | None:
        """The shares of the classes in the batches of all processes."""
        mine = torch.stack(self._shares).mean(0).cpu() if self._shares else None
        parts = [part for part in self._group.gather(mine) if part is not None]
        return torch.stack(parts).mean(0) if parts else None

    def _guess(self, shares: Tensor | None) -> float | None:
        """The loss of these shares for every example."""
        if shares is None:
            return None
        found = [(node.loss_weights[0], node.layer.guessing_loss(shares)) for node in self._losses]
        if not found or any(loss is None for _, loss in found):
            return None
        return sum(weight * loss for weight, loss in found if loss is not None)


class LabelsSeen:
    """The labels of batches, as the mean that each loss of a net has of them.

    Only where all losses read the same labels.
    """

    def __init__(self, net: Net, losses: Sequence[Node]) -> None:
        shapes = {node.bottoms[1:2]: net.shapes[node.bottoms[0]] for node in losses}
        self._node = losses[0] if len(shapes) == 1 else None
        self._name = next(iter(self._node.bottoms[1:2]), "") if self._node else ""
        self._scores = next(iter(shapes.values()), ())
        self._kept: defaultdict[int, list[Tensor]] = defaultdict(list)
        self._first: list[Tensor] | None = []
        #: Equal shares.
        self.even: Tensor | None = None
        if self._node:
            self.even = self._node.layer.even_label(self._scores)

    def see(self, iteration: int, batch: Mapping[str, Tensor], *, keep: bool) -> str:
        """Look at a batch, and keep its labels; gives a warning or nothing."""
        first = self._first if iteration < _FIRST else None
        if self._node is None or self._name not in batch or not (keep or first is not None):
            return ""
        labels = batch[self._name]
        mean = self._node.layer.mean_label(labels, self._scores)
        if mean is None:
            return ""
        if keep:
            self._kept[iteration].append(mean)
        if first is None:
            return ""
        first.append(mean)
        if len(first) < _FIRST:
            return ""
        self._first = None
        return in_order(torch.stack(first).cpu(), len(labels))

    def take(self, iteration: int) -> list[Tensor]:
        """The labels that were kept of an iteration, and no longer are."""
        return self._kept.pop(iteration, [])


def in_order(means: Tensor, size: int) -> str:
    """A warning where batches of `size` examples have one class each, by their mean labels."""
    count = len(means)
    pure = [row.tolist() for row in means if bool(((row < 1e-6) | (row > 1 - 1e-6)).all())]
    if size < 2 or len(pure) < count / 2:
        return ""
    if pure.count(pure[0]) == count:
        if count * size < _MANY:
            return ""
        return (
            f"all {count * size} examples of the first {count} batches have the same label: others "
            "are rare, or the data are in the order of their classes and want shuffling"
        )
    if _chance(means.mean(0), size, len(pure), count) >= _CHANCE:
        return ""
    return (
        f"{len(pure)} of the first {count} batches have one class each: are the data in the order "
        "of their classes? shuffle them"
    )


def _chance(shares: Tensor, size: int, pure: int, count: int) -> float:
    """How likely so many of `count` batches, or more, are of one class by chance."""
    marks = shares if len(shares) > 1 else torch.stack((shares[0], 1 - shares[0]))
    one = min(float((marks**size).sum()), 1.0)
    return sum(
        math.comb(count, k) * one**k * (1 - one) ** (count - k) for k in range(pure, count + 1)
    )


@torch.no_grad()
def no_probabilities(net: Net, batch: Mapping[str, Tensor]) -> str:
    """A warning where a loss takes probabilities and the net gives it other numbers."""
    nodes = [node for node in net.running if node.layer.takes_probabilities]
    if not nodes:
        return ""
    with untouched(net):
        blobs = net(batch, keep={node.bottoms[0] for node in nodes}).blobs
    for node in nodes:
        least, most = (bound.item() for bound in blobs[node.bottoms[0]].aminmax())
        if least < 0 or most > 1.001:
            return (
                f'layer "{node.name}" ({node.type}) takes probabilities and gets numbers from '
                f"{least:g} to {most:g}: put a Softmax layer before it, or use SoftmaxWithLoss"
            )
    return ""
