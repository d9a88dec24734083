"""Caffe's update rules as torch optimizers (caffe/solvers/*.cpp).

A step clips the gradients by their common L2 norm, divides them by iter_size, adds the weight
decay, turns them into updates by the rule, and subtracts the updates from the parameters.
"""

import inspect
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from catdog.errors import Fault, WeightsError, did_you_mean
from catdog.net.parameters import Learnable
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver import warmup

Tensors = list[Tensor]

BLOCK = 1 << 20
"""Numbers of a block: with gradient and history some 12 MiB."""


class Update(Optimizer):
    """What the update rules share.

    Parameters that no gradient reaches (lr_mult 0) have zeros for one, as in Caffe: their decay
    still enters the history. Frozen ones are passed over.
    """

    #: Blobs of history for each parameter.
    depth: ClassVar[int] = 1
    takes_momentum: ClassVar[bool] = True
    #: What the history is; types that keep the same can go on from each other's state.
    keeps: ClassVar[str] = "momentum"
    #: Which blobs of history are never below 0.
    squares: ClassVar[tuple[int, ...]] = ()
    #: Fields of the solver that must be at least 0 and below 1.
    fractions: ClassVar[tuple[str, ...]] = ()

    # torch hides these two from torch.compile, and loads all of that to do so: a second at the
    # start of every run
    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    zero_grad = inspect.unwrap(Optimizer.zero_grad)

    def __init__(self, learnable: Sequence[Learnable], solver: SolverParameter) -> None:
        self.solver = solver
        self.learnable = list(learnable)
        self.rate, self.iteration = 0.0, 0
        super().__init__(_groups(self.learnable), {})
        for item in self.learnable:
            self.state[item.parameter]["history"] = [
                torch.zeros_like(item.parameter) for _ in range(self.depth)
            ]

    def multiply_rates(self, layers: Collection[str], factor: float) -> None:
        """Multiply the lr_mult of the parameters of these layers."""
        self.learnable = [
            replace(item, lr_mult=item.lr_mult * factor)
            if item.name.rpartition(":")[0] in layers
            else item
            for item in self.learnable
        ]
        self._regroup()

    def learn_as(self, others: Sequence[Learnable]) -> None:
        """Let each parameter learn, or not, as its counterpart in a net of the same layers."""
        pairs = zip(self.learnable, others, strict=True)
        self.learnable = [replace(theirs, parameter=mine.parameter) for mine, theirs in pairs]
        self._regroup()

    def _regroup(self) -> None:
        self.param_groups.clear()
        for group in _groups(self.learnable):
            self.add_param_group(group)

    def history(self) -> Tensors:
        """The history, live, in the order of a .solverstate: all first blobs, then all second."""
        kept = [self.state[item.parameter]["history"] for item in self.learnable]
        return [history[i] for i in range(self.depth) for history in kept]

    def load_history(self, blobs: Sequence[Tensor]) -> None:
        """Put back what `history` gave; raises WeightsError where it does not fit."""
        mine = self.history()
        if len(mine) != len(blobs):
            raise WeightsError(
                f"the state has {len(blobs)} history blobs, {self.solver.type} on this net "
                f"needs {len(mine)}",
                remedy="resume with the net and the solver type that wrote it",
            )
        for i, (have, blob) in enumerate(zip(mine, blobs, strict=True)):
            if have.numel() != blob.numel():
                name = self.learnable[i % len(self.learnable)].name
                raise WeightsError(
                    f"the history of {name} has shape {list(blob.shape)}, "
                    f"the net needs {list(have.shape)}",
                    remedy="resume with the net that wrote it",
                )
        self._check_squares(blobs)
        for have, blob in zip(mine, blobs, strict=True):
            have.copy_(blob.view_as(have))

    def _check_squares(self, blobs: Sequence[Tensor]) -> None:
        # their root would be no number
        count = len(self.learnable)
        for i in self.squares:
            for item, blob in zip(self.learnable, blobs[i * count :], strict=False):
                if (blob < 0).any():
                    raise WeightsError(
                        f"the history of {item.name} has numbers below 0: it is another solver "
                        f"type's, {self.solver.type} keeps {self.keeps}",
                        remedy="resume with the solver type that wrote it",
                    )

    def apply(self, rate: float, iteration: int) -> None:
        """One step with this learning rate; Adam's correction looks at the iteration."""
        self.rate, self.iteration = rate, iteration
        self.step()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Turn the gradients, sums over iter_size passes, into updates and subtract them.

        With snapshot_diff the updates are left in `.grad`, where Caffe has its diffs.
        """
        if closure is not None:
            raise ValueError("Caffe's rules need no closure")
        self._clip()
        for group in self.param_groups:
            if group["frozen"]:
                continue
            whole = [(p, _gradient(p), *self.state[p]["history"]) for p in group["params"]]
            for part in [whole] if self.solver.snapshot_diff else _in_cache(whole):
                parameters, gradients, *histories = map(list, zip(*part, strict=True))
                self._prepare(gradients, parameters, group["decay_mult"])
                updates = self.rule(gradients, histories, self.rate * group["lr_mult"])
                torch._foreach_sub_(parameters, updates)
            if self.solver.snapshot_diff:
                for parameter, update in zip(parameters, updates, strict=True):
                    parameter.grad = update.clone()

    def rule(self, gradients: Tensors, histories: list[Tensors], rate: float) -> Tensors:
        """The updates; changes the histories, may use up the gradients."""
        raise NotImplementedError

    def _clip(self) -> None:
        if self.solver.clip_gradients < 0:
            return
        gradients = [
            item.parameter.grad for item in self.learnable if item.parameter.grad is not None
        ]
        if gradients:
            norm = torch.stack(torch._foreach_norm(gradients)).norm()
            most = self.solver.clip_gradients
            # on the device, so that nothing waits for the norm
            torch._foreach_mul_(gradients, torch.where(norm > most, most / norm, 1.0))

    def _prepare(self, gradients: Tensors, parameters: Tensors, decay_mult: float) -> None:
        """Divide the gradients by iter_size and add the weight decay."""
        if self.solver.iter_size > 1:
            torch._foreach_mul_(gradients, 1 / self.solver.iter_size)
        decay = self.solver.weight_decay * decay_mult
        if decay:
            l1 = self.solver.regularization_type == "L1"
            terms = torch._foreach_sign(parameters) if l1 else parameters
            torch._foreach_add_(gradients, terms, alpha=decay)


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _in_cache(kept: Sequence[tuple[Tensor, ...]]) -> Iterator[list[tuple[Tensor, ...]]]:
    """Parameters and what belongs to them, large ones in blocks.

    A block stays in the processor's cache from one operation to the next.
    """
    rest = []
    for each in kept:
        if each[0].device.type == "cpu" and each[0].numel() > BLOCK and _are_flat(each):
            parts = (torch.split(one.view(-1), BLOCK) for one in each)
            yield from ([block] for block in zip(*parts, strict=True))
        else:
            rest.append(each)
    if rest:
        yield rest


def _are_flat(tensors: Sequence[Tensor]) -> bool:
    return all(one.is_contiguous() for one in tensors)


def _groups(learnable: Sequence[Learnable]) -> list[dict[str, Any]]:
    """Parameters of the same factors together."""
    groups: dict[tuple[float, float, bool], Tensors] = {}
    for item in learnable:
        key = (item.lr_mult, item.decay_mult, item.frozen)
        groups.setdefault(key, []).append(item.parameter)
    return [
        {"params": parameters, "lr_mult": rate, "decay_mult": decay, "frozen": frozen}
        for (rate, decay, frozen), parameters in groups.items()
    ]


class SGD(Update):
    """h = momentum h + r g; u = h. Intel's warm-up has a momentum for each iteration."""

    fractions = ("momentum",)

    def rule(self, gradients: Tensors, histories: list[Tensors], rate: float) -> Tensors:
        (history,) = histories
        torch._foreach_mul_(history, warmup.momentum(self.solver, self.iteration))
        torch._foreach_add_(history, gradients, alpha=rate)
        return history


class Nesterov(Update):
    """h' = momentum h + r g; u = (1 + momentum) h' - momentum h."""

    fractions = ("momentum",)

    def rule(self, gradients: Tensors, histories: list[Tensors], rate: float) -> Tensors:
        (history,) = histories
        momentum = self.solver.momentum
        updates = list(torch._foreach_mul(history, -momentum))
        torch._foreach_mul_(history, momentum)
        torch._foreach_add_(history, gradients, alpha=rate)
        torch._foreach_add_(updates, history, alpha=1 + momentum)
        return updates


class AdaGrad(Update):
    """h = h + g²; u = r g / (sqrt(h) + delta)."""

    keeps = "sums of squares"
    squares = (0,)
    takes_momentum = False

    def rule(self, gradients: Tensors, histories: list[Tensors], rate: float) -> Tensors:
        (history,) = histories
        torch._foreach_addcmul_(history, gradients, gradients)
        return _scaled(gradients, history, self.solver.delta, rate)


class RMSProp(Update):
    """h = d h + (1 - d) g²; u = r g / (sqrt(h) + delta)."""

    keeps = "means of squares"
    squares = (0,)
    takes_momentum = False
    fractions = ("rms_decay",)

    def rule(self, gradients: Tensors, histories: list[Tensors], rate: float) -> Tensors:
        (history,) = histories
        _average_squares(history, gradients, self.solver.rms_decay)
        return _scaled(gradients, history, self.solver.delta, rate)


class AdaDelta(Update):
    """h = m h + (1 - m) g²; s = g sqrt((k + d) / (h + d)); k = m k + (1 - m) s²; u = r s."""

    keeps = "means of squares of gradients and steps"
    squares = (0, 1)
    depth = 2
    fractions = ("momentum",)

    def rule(self, gradients: Tensors, histories: list[Tensors], rate: float) -> Tensors:
        squares, steps = histories
        momentum, delta = self.solver.momentum, self.solver.delta
        _average_squares(squares, gradients, momentum)
        ratio = torch._foreach_add(steps, delta)
        torch._foreach_div_(ratio, torch._foreach_add(squares, delta))
        torch._foreach_sqrt_(ratio)
        torch._foreach_mul_(gradients, ratio)
        _average_squares(steps, gradients, momentum)
        torch._foreach_mul_(gradients, rate)
        return gradients


class Adam(Update):
    """m, v as usual; u = r sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + delta), t = iteration + 1."""

    keeps = "means of gradients and of their squares"
    squares = (1,)
    depth = 2
    fractions = ("momentum", "momentum2")

    def rule(self, gradients: Tensors, histories: list[Tensors], rate: float) -> Tensors:
        means, squares = histories
        beta1, beta2 = self.solver.momentum, self.solver.momentum2
        torch._foreach_mul_(means, beta1)
        torch._foreach_add_(means, gradients, alpha=1 - beta1)
        _average_squares(squares, gradients, beta2)
        return _scaled(means, squares, self.solver.delta, rate * self._correction())

    def _correction(self) -> float:
        # float32 powers, as Caffe takes them: 1 - b2^t has few digits left
        t, one = np.float32(self.iteration + 1), np.float32(1)
        second = one - np.float32(self.solver.momentum2) ** t
        first = one - np.float32(self.solver.momentum) ** t
        return math.sqrt(second) / float(first)


def _average_squares(average: Tensors, values: Tensors, keep: float) -> None:
    torch._foreach_mul_(average, keep)
    torch._foreach_addcmul_(average, values, values, 1 - keep)


def _scaled(values: Tensors, squares: Tensors, delta: float, rate: float) -> Tensors:
    """rate * values / (sqrt(squares) + delta)."""
    roots = torch._foreach_sqrt(squares)
    torch._foreach_add_(roots, delta)
    updates = list(torch._foreach_div(values, roots))
    torch._foreach_mul_(updates, rate)
    return updates


#: Update rules by the solver's `type`.
UPDATES: dict[str, type[Update]] = {
    "SGD": SGD,
    "Nesterov": Nesterov,
    "AdaGrad": AdaGrad,
    "RMSProp": RMSProp,
    "AdaDelta": AdaDelta,
    "Adam": Adam,
}
_REGULARIZATIONS = ("L2", "L1")


def faults(solver: SolverParameter) -> Iterator[Fault]:
    """Everything that keeps the parameters from being updated."""
    kind = UPDATES.get(solver.type)
    if kind is None:
        remedy = did_you_mean(solver.type, UPDATES) or f"one of {', '.join(UPDATES)}"
        yield Fault(f'unknown solver type "{solver.type}"', remedy, field="type")
    else:
        yield from _kind_faults(solver, kind)
    if solver.regularization_type not in _REGULARIZATIONS:
        what = f'unknown regularization_type "{solver.regularization_type}"'
        yield Fault(what, remedy="write L2 or L1", field="regularization_type")
    if solver.iter_size < 1:
        yield Fault("iter_size must be 1 or more", field="iter_size")


def _kind_faults(solver: SolverParameter, kind: type[Update]) -> Iterator[Fault]:
    if solver.momentum and not kind.takes_momentum:
        what = f"{solver.type} takes no momentum"
        yield Fault(what, remedy="leave momentum out", field="momentum")
    for field in kind.fractions:
        if not 0 <= getattr(solver, field) < 1:
            yield Fault(f"{field} must be at least 0 and below 1", field=field)
