"""Accuracies of the training batches, by the Accuracy layers of the test net."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from catdog.layers import make_layer
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import LayerParameter, TrainedScore
from catdog.runtime.distributed.group import ALONE, Group
from catdog.solver.events import Output
from catdog.solver.test_pass import TestNet


@dataclass(frozen=True)
class _Judge:
    """An Accuracy of the test net for the blobs of the trained one."""

    name: str
    bottoms: tuple[str, ...]
    layer: torch.nn.Module

    @torch.no_grad()
    def look(self, blobs: Mapping[str, Tensor]) -> Tensor:
        """What is right of a batch and of how many labels, in one tensor on the device."""
        bottoms = [blobs[name].detach() for name in self.bottoms]
        share = self.layer(*bottoms)
        (count,) = self.layer.counted(*bottoms)  # type: ignore[operator]
        return torch.stack((share.double() * count, count.double()))


#: Of each score what was right, and of how many.
Sums = dict[str, Tensor]


class TrainScores:
    """Counts, for each Accuracy of the first test net, how the trained net does on its batches.

    It takes the scores that the training itself computes, with dropout and augmentation in them: no
    layer runs once more, and none runs otherwise. Sums stay on the device until they are read.
    Accuracies whose blobs the trained net does not have, or has of another shape, or of whose
    labels it has no loss, are left out, and so are those that it has itself.

    Args:
        net: the trained net.
        tests: the test nets, of which the first counts; without any there are no scores.
        group: the processes whose batches count.
    """

    def __init__(self, net: Net, tests: Sequence[TestNet], group: Group = ALONE) -> None:
        self._net, self._tests, self._group = net, tests, group
        self._found: list[_Judge] | None = None
        self._shown: Sums = {}
        self._since_test: Sums = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The scores, by the outputs of the test net."""
        return tuple(judge.name for judge in self._judges)

    @property
    def blobs(self) -> tuple[str, ...]:
        """What a forward pass of the trained net has to keep for `add`."""
        return tuple({name: None for judge in self._judges for name in judge.bottoms})

    @property
    def _judges(self) -> list[_Judge]:
        # not before: layers are cut off until the first pass
        if self._found is None:
            self._found = list(_judges(self._net, self._tests[0].net)) if self._tests else []
        return self._found

    def add(self, blobs: Mapping[str, Tensor]) -> None:
        """Take a batch."""
        for judge in self._judges:
            sums = judge.look(blobs)
            for each in (self._shown, self._since_test):
                each[judge.name] = each[judge.name] + sums if judge.name in each else sums

    def shown(self) -> tuple[Output, ...]:
        """The scores of all processes since the last call."""
        sums, self._shown = self._shown, {}
        return _means(self._over_all(sums))

    def since_test(self) -> tuple[Output, ...]:
        """The scores of all processes since `begin_anew`."""
        return _means(self._over_all(self._since_test))

    def begin_anew(self) -> None:
        """A test is done."""
        self._since_test = {}

    def state(self) -> list[TrainedScore]:
        """What a run that goes on needs for `since_test`."""
        sums = self._over_all(self._since_test)
        return [TrainedScore(name=n, sum=s, count=c) for n, (s, c) in sums.items()]

    def load_state(self, scores: Sequence[TrainedScore], device: torch.device) -> None:
        """Go on from a state, on rank 0 for all processes."""
        self._shown = {}
        self._since_test = {
            score.name: torch.tensor((score.sum, score.count), dtype=torch.float64, device=device)
            for score in scores
            if self._group.leads and score.name in self.names
        }

    def _over_all(self, sums: Sums) -> dict[str, tuple[float, float]]:
        if not self._judges:
            return {}
        # one look at the device for all of them
        rows = torch.stack(list(sums.values())).tolist() if sums else []
        mine = dict(zip(sums, rows, strict=True))
        parts = self._group.gather(mine)
        return {
            name: (
                sum(part[name][0] for part in parts if name in part),
                sum(part[name][1] for part in parts if name in part),
            )
            for name in self.names
            if any(name in part for part in parts)
        }


def _means(sums: Mapping[str, tuple[float, float]]) -> tuple[Output, ...]:
    return tuple(Output(name, right / count) for name, (right, count) in sums.items() if count)


def _judges(net: Net, tested: Net) -> Iterator[_Judge]:
    own = {top for node in net.running for top in node.tops}
    for index, node in enumerate(tested.nodes):
        if node.type != "Accuracy" or node.tops[0] in own or node.tops[0] not in tested.outputs:
            continue
        before = tested.nodes[:index]
        same = all(_is_the_same(name, net, tested, before) for name in node.bottoms)
        if same and any(_takes_labels_of(node, loss, net) for loss in net.losses):
            param = LayerParameter()
            param.CopyFrom(node.layer.param)
            del param.top[1:]
            shapes = [net.shapes[name] for name in node.bottoms]
            yield _Judge(node.tops[0], node.bottoms, make_layer(param, shapes))


def _is_the_same(name: str, net: Net, tested: Net, before: Sequence[Node]) -> bool:
    """Whether the trained net has what an Accuracy reads, and may keep it."""
    if not net.can_keep(name) or name not in tested.shapes:
        return False
    same_shape = net.shapes[name][1:] == tested.shapes[name][1:]
    return same_shape and _makers(name, net.nodes) == _makers(name, before)


def _takes_labels_of(node: Node, loss: Node, net: Net) -> bool:
    """Whether each label that a loss takes is one for an Accuracy, which is not to fail."""
    scores, labels = node.bottoms
    if loss.bottoms[1:2] != (labels,) or net.shapes[loss.bottoms[0]] != net.shapes[scores]:
        return False
    ignored = getattr(loss.layer, "ignored_label", None)
    return ignored is None or ignored == getattr(node.layer, "ignored_label", None)


def _makers(name: str, nodes: Sequence[Node]) -> list[str]:
    return [node.name for node in nodes if name in node.tops]
