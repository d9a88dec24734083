"""Checks of a training: losses that are not finite or do not fall, one class for all examples."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from catdog.errors import Diverged
from catdog.net.net import Net, run
from catdog.net.step import Node
from catdog.runtime.distributed.group import ALONE, Group
from catdog.solver.overfitting import OverfittingDetector

_AT_FLOOR = 10
# losses are looked at in blocks, so that a GPU is not waited for in every iteration
_BLOCK = 50
# a warning follows after this many iterations at the loss of guessing
_GUESSING = 500


class DivergenceDetector:
    """Checks the loss of every iteration.

    On the CPU at once, elsewhere when a block is full or `check` is called, since a check waits for
    the device. Of several processes all are given the same losses.
    """

    def __init__(self, net: Net, group: Group = ALONE) -> None:
        self._net, self._group = net, group
        self._pending: list[tuple[int, Tensor]] = []
        self._at_floor = 0
        self._guessing, self._sum, self._count = _guessing_loss(net), 0.0, 0
        self._floor = _floor(net)
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
        where SoftmaxWithLoss is stuck at its largest value.
        """
        if not self._pending:
            return ""
        values = torch.stack([loss for _, loss in self._pending]).tolist()
        warning = ""
        for (iteration, _), value in zip(self._pending, values, strict=True):
            if not math.isfinite(value):
                raise self._diverged(iteration, value, batch)
            self.overfitting.train(value)
            self._look_at_floor(iteration, value)
            warning = self._look_at_guessing(iteration, value) or warning
        self._pending.clear()
        return warning

    def _diverged(self, iteration: int, value: float, batch: Mapping[str, Tensor]) -> Diverged:
        found = self._group.first_text(first_nonfinite(self._net, batch)) or _ALL_FINITE
        return Diverged(
            f"the loss is {value:g}; {found}",
            where=f"iteration {iteration}",
            remedy="lower base_lr, set clip_gradients, or look at the data",
        )

    def _look_at_floor(self, iteration: int, value: float) -> None:
        stuck = self._floor is not None and value >= self._floor * (1 - 1e-5)
        self._at_floor = self._at_floor + 1 if stuck else 0
        if self._at_floor == _AT_FLOOR:
            raise Diverged(
                f"the loss has been {value:g} for {_AT_FLOOR} iterations: the softmax gives "
                f"every label a probability of 0",
                where=f"iteration {iteration}",
                remedy="lower base_lr, scale the data down, or look at the labels",
            )

    def _look_at_guessing(self, iteration: int, value: float) -> str:
        if self._guessing is None:
            return ""
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count < _GUESSING:
            return ""
        mean, self._sum, self._count = self._sum / self._count, 0.0, 0
        if abs(mean - self._guessing) > 0.01 * self._guessing:
            return ""
        return (
            f"iteration {iteration}: for {_GUESSING} iterations the loss has been "
            f"{mean:.4g}, as if guessing ({self._guessing:.4g}); try another base_lr, check the "
            "labels and that the data are shuffled"
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
        self._times = 0

    def add(self, blobs: Mapping[str, Tensor]) -> None:
        """Take a batch of the test pass."""
        if not self.blobs:
            return
        scores, labels = (blobs[name] for name in self.blobs)
        if scores.ndim != 2 or labels.numel() != len(scores):
            return
        classes = scores.shape[1]
        given = torch.bincount(scores.argmax(1), minlength=classes)
        true = torch.bincount(labels.flatten().long().clamp(0, classes - 1), minlength=classes)
        self._given = given if self._given is None else self._given + given
        self._true = true if self._true is None else self._true + true

    def finish(self, iteration: int) -> str:
        """End the pass; gives a warning when a second one in a row found one class only."""
        given, true = self._counts()
        self._given = self._true = None
        if given is None or true is None or not iteration:
            return ""
        one = int((given > 0).sum()) == 1 and int((true > 0).sum()) > 1
        self._times = self._times + 1 if one else 0
        if self._times != 2:
            return ""
        return (
            f"iteration {iteration}: the test net gives class {int(given.argmax())} to all "
            f"{int(given.sum())} examples; try another base_lr and check the labels"
        )

    def _counts(self) -> tuple[Tensor | None, Tensor | None]:
        """How many examples got each class, and how many have it as label, over all processes."""
        mine = None
        if self._given is not None and self._true is not None:
            mine = torch.stack((self._given, self._true)).cpu()
        found = [part for part in self._group.gather(mine) if part is not None]
        given, true = torch.stack(found).sum(0) if found else (None, None)
        return given, true


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


def _loss_nodes(net: Net) -> list[Node]:
    return [node for node in net if any(node.loss_weights)]


def _floor(net: Net) -> float | None:
    """The loss at which all losses are stuck, for nets whose losses have a largest value."""
    total = 0.0
    for node in _loss_nodes(net):
        if node.layer.largest_loss is None:
            return None
        total += node.loss_weights[0] * node.layer.largest_loss
    return total or None


def _guessing_loss(net: Net) -> float | None:
    """The loss of equal probabilities, for nets with one loss that has it."""
    nodes = _loss_nodes(net)
    if len(nodes) != 1:
        return None
    loss = nodes[0].layer.chance_loss(net.shapes[nodes[0].bottoms[0]])
    return nodes[0].loss_weights[0] * loss if loss else None
