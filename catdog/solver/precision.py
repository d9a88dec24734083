"""Mixed precision: a training that computes in fewer bits where that does no harm."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from catdog.errors import CatdogError
from catdog.runtime.devices import cpu_has_bf16, set_tf32
from catdog.solver.updates import Update

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
#: What --amp takes.
NAMES = (*_AUTOCAST, "tf32")


class Precision:
    """How a net computes: in float32, or in the mixed precision of one of NAMES.

    Parameters, histories and losses stay in float32. With fp16 the loss is scaled, so that small
    gradients are not lost, and a step whose gradients overflow is left out. For tf32 the net is
    placed before, which forbids it. Raises CatdogError for another name and for tf32 without a GPU.
    """

    def __init__(self, name: str = "", device: torch.device | str = "cpu") -> None:
        if name and name not in NAMES:
            remedy = f"one of {', '.join(NAMES)}"
            raise CatdogError(f'"{name}" is no precision', where="--amp", remedy=remedy)
        self._kind = torch.device(device).type
        self._dtype = _AUTOCAST.get(name)
        if name == "tf32":
            if self._kind != "cuda":
                remedy = "leave it out, or say bf16"
                raise CatdogError("tf32 needs a GPU", where="--amp", remedy=remedy)
            set_tf32(True)
        scaled = self._dtype is torch.float16
        self._scaler = torch.amp.GradScaler(self._kind, enabled=scaled)

    def advice(self) -> Iterator[str]:
        """A line where this precision costs time on this machine and gains none."""
        if self._kind == "cpu" and self._dtype is torch.bfloat16 and not cpu_has_bf16():
            yield "--amp bf16: this CPU has no instructions for it, float32 is faster: leave it out"

    @property
    def product_type(self) -> torch.dtype | None:
        """What products of matrices are computed in, where that is not what tensors are in."""
        return self._dtype

    def context(self) -> AbstractContextManager[object]:
        """What a forward pass runs in."""
        if self._dtype is None:
            return nullcontext()
        return torch.autocast(self._kind, self._dtype)

    def backward(self, loss: Tensor) -> None:
        """The gradients of a loss, scaled until `apply`."""
        torch.autograd.backward(self._scaler.scale(loss))

    def apply(self, update: Update, rate: float, iteration: int) -> None:
        """One step of the update with its gradients brought back to their size."""
        if not self._scaler.is_enabled():
            update.apply(rate, iteration)
            return
        update.rate, update.iteration = rate, iteration
        self._scaler.unscale_(update)
        self._scaler.step(update)
        self._scaler.update()

    @property
    def loss_scale(self) -> float:
        """The present scale of the loss: part of what a resume needs."""
        return float(self._scaler.get_scale())

    def load_loss_scale(self, scale: float) -> None:
        """Go on with the scale of a snapshot."""
        if self._scaler.is_enabled():
            self._scaler.load_state_dict({**self._scaler.state_dict(), "scale": scale})
