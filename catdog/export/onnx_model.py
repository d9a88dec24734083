"""A net as an ONNX model, checked by running it."""

import importlib
import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim

from catdog.errors import CatdogError
from catdog.export.names import attributes
from catdog.files import replacing
from catdog.layers.norm import LRN
from catdog.net import Net, Node, run
from catdog.proto.caffe_pb2 import LRNParameter

#: How far onnxruntime's numbers may be from ours, relative to the largest.
TOLERANCE = 1e-4

_NEEDED = ("onnx", "onnxscript", "onnxruntime")


def write_onnx(net: Net, path: str | Path) -> None:
    """Write a net in the TEST phase as an ONNX model of the inputs and outputs of its names.

    The first axis of the inputs may have any size, where the layers allow it. The model is run
    with onnxruntime before the file is put in its place.

    Raises CatdogError where onnx is not installed, for a net that torch cannot export, and where
    the model's numbers are not the net's.
    """
    _check_installed()
    model = _Plain(net).eval().requires_grad_(False)
    batch = _example(net)
    with replacing(path) as beside:
        _export(model, net, batch, beside)
        _compare(net, batch, beside, path)


def _check_installed() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise CatdogError(
            f"ONNX needs {', '.join(missing)}",
            remedy="pip install onnx onnxscript onnxruntime",
        )


def _example(net: Net) -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(0)
    return {name: torch.rand(shape, generator=chance) for name, shape in net.inputs.items()}


class _Plain(nn.Module):
    """A net in a form that exports well: layers by their names, tensors instead of dicts."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self._inputs, self._outputs = tuple(net.inputs), net.outputs
        self._nodes = [_exportable(node) for node in net.nodes]
        names = attributes()
        for node in self._nodes:
            self.add_module(names[node.name], node.layer)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        blobs = dict(zip(self._inputs, inputs, strict=True))
        for node in self._nodes:
            tops = run(node, [blobs[name] for name in node.bottoms])
            blobs.update(zip(node.tops, tops, strict=True))
        return tuple(blobs[name] for name in self._outputs)


def _exportable(node: Node) -> Node:
    if node.type == "LRN":
        region = node.layer.param.lrn_param.norm_region
        if region == LRNParameter.ACROSS_CHANNELS:
            return replace(node, layer=_PooledLRN(node.layer.param, [(1, 1, 1, 1)]))
    return node


class _PooledLRN(LRN):
    """LRN by average pooling: a few nodes of ONNX instead of a hundred."""

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.lrn_param
        return F.local_response_norm(x, param.local_size, param.alpha, param.beta, param.k)


def _export(model: nn.Module, net: Net, batch: Mapping[str, Tensor], path: Path) -> None:
    # of size 1, an axis would be taken to be 1 for ever
    free = {
        name: {0: Dim.AUTO} if shape and shape[0] > 1 else None
        for name, shape in net.inputs.items()
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model,
                tuple(batch.values()),
                input_names=list(net.inputs),
                output_names=list(net.outputs),
                dynamic_shapes=(tuple(free.values()),),
                dynamo=True,
                verbose=False,
            )
            assert program is not None  # it is None for a path or without dynamo
            program.save(path, external_data=False)
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise CatdogError(
            f"torch cannot export it: {reason}",
            where=f"net {net.name}",
            remedy="to_torch.py writes it as a torch module",
        ) from error


def _compare(net: Net, batch: Mapping[str, Tensor], path: Path, target: str | Path) -> None:
    session = importlib.import_module("onnxruntime").InferenceSession(
        path, providers=["CPUExecutionProvider"]
    )
    got: Sequence[NDArray[np.float32]] = session.run(
        list(net.outputs), {name: tensor.numpy() for name, tensor in batch.items()}
    )
    with torch.no_grad():
        wanted = net(batch).blobs
    for name, theirs in zip(net.outputs, got, strict=True):
        array = wanted[name].numpy()
        largest = float(np.abs(array).max(initial=0)) or 1.0
        if not np.allclose(array, theirs, rtol=TOLERANCE, atol=TOLERANCE * largest):
            raise CatdogError(
                f'onnxruntime computes another "{name}" than the net; nothing was written',
                where=str(target),
            )
