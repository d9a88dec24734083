"""Layers that the user writes in Python (caffe/layers/python_layer.hpp)."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from catdog.errors import LayerError
from catdog.layers.base import Count, Layer
from catdog.layers.blob import Blob, BlobVec
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape

Blobs = Sequence[Blob]


class UserCodeError(LayerError):
    """What the code of a Python layer raised; that is its cause."""


class UserLayer:
    """What a layer written in Python derives from: `caffe.Layer`.

    Its `setup`, `reshape` and `forward` get the bottoms and tops as lists of Blob; `backward`
    gets the tops, for each bottom whether its diff is wanted, and the bottoms. Parameter blobs
    are added in `setup` with `self.blobs.add_blob(*shape)`; `param_str` is the text of the spec.
    """

    type = "Python"

    def __init__(self, param: LayerParameter | None = None) -> None:
        param = param or LayerParameter()
        self.blobs = BlobVec()
        self.param_str = param.python_param.param_str
        self.phase = int(param.phase)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        """Read the parameters, check the bottoms, add the blobs."""

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        """Give the tops their shapes."""

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        """Write the data of the tops."""
        raise NotImplementedError

    def backward(self, top: Blobs, propagate_down: Sequence[bool], bottom: Blobs) -> None:
        """Write the diffs of the bottoms from those of the tops."""
        raise NotImplementedError


class Python(Layer):
    """A layer of the class `layer` in the module `module`, which derives from `caffe.Layer`.

    It runs on the host, whatever the device. `share_in_parallel` is accepted: there are no
    threads that could share a layer. `import caffe` in the module finds what the
    Setting provides.

    Raises LayerError where Python layers are not allowed, for a class that is not there, and for
    whatever the user's code raises, with that as its cause.
    """

    messages = ("python_param",)
    bottoms = tops = Count(0, None)

    def setup(self, *shapes: Shape) -> None:
        provide_caffe = self.setting.provide_caffe
        if provide_caffe is None:
            raise self.error(
                "runs code of its own, which is not allowed here",
                field="type",
                remedy="if you trust the spec, say --allow-python",
            )
        # the user's module derives from caffe.Layer
        provide_caffe()
        self.instance = self._new()
        self._tops = [Blob(0) for _ in self.param.top]
        bottoms = [Blob(*shape) for shape in shapes]
        self.call("setup", bottoms, self._tops)
        self.call("reshape", bottoms, self._tops)
        for index, blob in enumerate(self.instance.blobs):
            self.add_blob(blob.shape)
            if not self.param.blobs:
                self.blobs.replace(index, nn.Parameter(blob.tensor()))

    def _new(self) -> Any:
        param = self.param.python_param
        try:
            kind = getattr(importlib.import_module(param.module), param.layer)
        except (ImportError, AttributeError) as error:
            raise self.error(
                f"has no class {param.layer} in a module {param.module}: {error}",
                field="python_param",
                remedy="put the module's folder on PYTHONPATH",
            ) from error
        return self._run(param.layer, kind, self.param)

    def call(self, method: str, *arguments: object) -> None:
        """Call a method of the user's; what it raises is the cause of a UserCodeError."""
        name = f"{self.param.python_param.layer}.{method}"
        self._run(name, getattr(self.instance, method), *arguments)

    def _run(self, name: str, function: Callable[..., Any], *arguments: object) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            raise UserCodeError(
                f"(Python) {name} raised {type(error).__name__}: {error}",
                layer=self.param.name,
                field="python_param",
            ) from error

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # numbers are not at hand for a forward pass
        self.call("reshape", [Blob(*shape) for shape in shapes], self._tops)
        return [top.shape for top in self._tops]

    def passes_gradient(self) -> bool:
        # what the user's code does is not known
        return False

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.python_param.module}.{param.python_param.layer}"

    def forward(self, *bottoms: Tensor) -> tuple[Tensor, ...]:
        tops: tuple[Tensor, ...] = _Run.apply(self, len(bottoms), *bottoms, *self.blobs)
        return tops

    def compute(self, bottoms: Sequence[Tensor]) -> tuple[list[Blob], tuple[Tensor, ...]]:
        """Bottoms as blobs, and the tops that the user's code computes from them."""
        blobs = [Blob.of(_on_host(bottom)) for bottom in bottoms]
        for index, blob in enumerate(self.instance.blobs):
            blob.put(_on_host(self.blobs[index]))
        self.call("reshape", blobs, self._tops)
        self.call("forward", blobs, self._tops)
        device = bottoms[0].device if bottoms else torch.device("cpu")
        # the next pass writes into the same blobs
        return blobs, tuple(top.tensor().to(device, copy=True) for top in self._tops)

    def gradients(
        self, bottoms: list[Blob], tops: Sequence[Tensor], wanted: Sequence[bool]
    ) -> list[Tensor]:
        """Diffs of the bottoms, then of the parameters, from those of the tops."""
        for top, diff in zip(self._tops, tops, strict=True):
            top.put_diff(_on_host(diff))
        for blob in self.instance.blobs:
            blob.clear_diff()
        self.call("backward", self._tops, list(wanted), bottoms)
        return [blob.diff_tensor().clone() for blob in (*bottoms, *self.instance.blobs)]


class _Run(torch.autograd.Function):
    """A forward and backward pass through the user's code."""

    @staticmethod
    def forward(ctx: Any, layer: Python, bottoms: int, *inputs: Tensor) -> tuple[Tensor, ...]:
        ctx.layer, ctx.device = layer, inputs[0].device if inputs else None
        ctx.bottoms, tops = layer.compute(inputs[:bottoms])
        return tops

    @staticmethod
    def backward(ctx: Any, *diffs: Tensor) -> tuple[Tensor | None, ...]:
        wanted = ctx.needs_input_grad[2:]
        found = ctx.layer.gradients(ctx.bottoms, diffs, wanted[: len(ctx.bottoms)])
        given = (
            diff.to(ctx.device) if needed else None
            for diff, needed in zip(found, wanted, strict=True)
        )
        return None, None, *given


def _on_host(tensor: Tensor) -> Tensor:
    # a copy: the user's code may write to it
    return tensor.detach().to("cpu", torch.float32, copy=True).contiguous()


TABLE: dict[str, type[Layer]] = {"Python": Python}
