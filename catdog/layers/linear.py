"""x W^T + b, with the product that is fastest on the CPU."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 1 << 16
"""Weights from which on a product of oneDNN's is worth its call."""

# no public function of torch's has it; torch.compile emits it
_MULTIPLY: Any = (
    getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    else None
)


def linear(x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`: x is (..., in), weights (out, in), bias (out).

    float32 on the CPU is multiplied by oneDNN, as convolutions are: MKL, which torch takes, uses
    half of what an AMD processor has, and one thread for a single example.
    """
    if not _is_for_onednn(x, weights):
        return F.linear(x, weights, bias)
    rows: Tensor = _Linear.apply(x.reshape(-1, x.shape[-1]), weights, bias)
    return rows.view(*x.shape[:-1], len(weights))


def _is_for_onednn(x: Tensor, weights: Tensor) -> bool:
    return bool(
        _MULTIPLY
        # what is compiled or exported is to be torch's own operation
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        and x.device.type == "cpu"
        and x.dtype == weights.dtype == torch.float32
        and weights.numel() >= LEAST
        and x.numel() > 0
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
    )


def _product(x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b of matrices in any strides."""
    # a bias is read as if its numbers stood side by side, whatever its strides
    beside = None if bias is None else bias.contiguous()
    made: Tensor = _MULTIPLY(x, weights, beside, "none", [], "")
    return made


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
        return _product(x, weights, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], _: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weights = ctx.saved_tensors
        of_x, of_weights, of_bias = ctx.needs_input_grad
        # by itself, so that a gradient has gradients too
        return (
            _Linear.apply(gradient, weights.t(), None) if of_x else None,
            _Linear.apply(gradient.t(), x.t(), None) if of_weights else None,
            gradient.sum(0) if of_bias else None,
        )

    @staticmethod
    def vmap(_: Any, axes: tuple[int | None, ...], *given: Any) -> tuple[Tensor, int]:
        # oneDNN's product knows nothing of torch.func
        return torch.func.vmap(F.linear, axes)(*given), 0
