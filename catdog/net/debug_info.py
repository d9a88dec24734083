"""The lines of debug_info: mean magnitudes of blobs and gradients (caffe/net.cpp, *DebugInfo)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from catdog.net.net import Net
from catdog.net.step import Node


class Trace:
    """The lines of the forward and backward passes that a net makes inside `tracing`."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._forward: list[str] = []
        self._gradients: dict[tuple[str, int], float] = {}

    def forward_lines(self) -> list[str]:
        """The lines of the forward pass alone: what a test net has."""
        return list(self._forward)

    def lines(self) -> list[str]:
        """The lines so far, in Caffe's order; call it after the backward pass."""
        backward = [line for node in reversed(self._net.nodes) for line in self._backward(node)]
        return [*self._forward, *backward, self._totals()]

    def watch(self, node: Node, stack: ExitStack) -> None:
        """Listen to a layer until the stack is closed."""

        def before(_: nn.Module, bottoms: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return tuple(self._listen(node, i, bottom) for i, bottom in enumerate(bottoms))

        def after(_: nn.Module, __: object, tops: Tensor | tuple[Tensor, ...]) -> None:
            tops = tops if isinstance(tops, tuple) else (tops,)
            for name, top in zip(node.tops, tops, strict=True):
                self._forward.append(_line("Forward", node, f"top blob {name} data", _mean(top)))
            for i, blob in enumerate(node.layer.blobs):
                self._forward.append(_line("Forward", node, f"param blob {i} data", _mean(blob)))

        stack.callback(node.layer.register_forward_pre_hook(before).remove)
        stack.callback(node.layer.register_forward_hook(after).remove)

    def _listen(self, node: Node, index: int, bottom: Tensor) -> Tensor:
        if not (bottom.requires_grad and torch.is_grad_enabled()):
            return bottom
        # a copy, so that the gradient is this layer's share and no layer writes over it
        copy = bottom.clone()
        copy.register_hook(partial(self._keep, (node.name, index)))  # type: ignore[no-untyped-call]
        return copy

    def _keep(self, key: tuple[str, int], gradient: Tensor) -> None:
        self._gradients[key] = _mean(gradient)

    def _backward(self, node: Node) -> Iterator[str]:
        for i, name in enumerate(node.bottoms):
            if (node.name, i) in self._gradients:
                mean = self._gradients[node.name, i]
                yield _line("Backward", node, f"bottom blob {name} diff", mean)
        for i in range(len(node.layer.blobs)):
            gradient = node.layer.blobs.parameter(i).grad
            if gradient is not None:
                yield _line("Backward", node, f"param blob {i} diff", _mean(gradient))

    def _totals(self) -> str:
        data = [item.parameter.detach() for item in self._net.learnable]
        diff = [item.parameter.grad for item in self._net.learnable]
        diffs = [gradient for gradient in diff if gradient is not None]
        l1, l2 = (f"({_norm(data, p):g}, {_norm(diffs, p):g})" for p in (1, 2))
        return f"[Backward] All net params (data, diff): L1 norm = {l1}; L2 norm = {l2}"


@contextmanager
def tracing(net: Net) -> Iterator[Trace]:
    """Listen to a net; costs a copy of every blob and a wait for every number."""
    trace = Trace(net)
    with ExitStack() as stack:
        for node in net:
            trace.watch(node, stack)
        net.step_by_step = True
        stack.callback(setattr, net, "step_by_step", False)
        yield trace


def _line(way: str, node: Node, what: str, value: float) -> str:
    return f"[{way}] Layer {node.name}, {what}: {value:g}"


def _mean(blob: Tensor) -> float:
    return blob.detach().float().abs().mean().item() if blob.numel() else 0.0


def _norm(tensors: list[Tensor], p: int) -> float:
    norms = torch._foreach_norm(tensors, p) if tensors else ()
    return torch.stack(norms).norm(p).item() if norms else 0.0
