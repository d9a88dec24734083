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
from catdog.layers.affine import Embed
from catdog.layers.base import Layer
from catdog.layers.norm import LRN
from catdog.layers.recurrent import LSTM, RNN
from catdog.net.example_batch import example_batch
from catdog.net.names import attributes
from catdog.net.net import Net, run
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import LRNParameter
from catdog.runtime.files import replacing

#: How far onnxruntime's numbers may be from ours, relative to the largest.
TOLERANCE = 1e-4


def write_onnx(net: Net, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a net in the TEST phase as an ONNX model of the inputs and outputs of its names.

    `metadata` goes into its metadata_props.

    The first axis of the inputs may have any size, where the layers allow it. The model is run
    with onnxruntime before the file replaces the target.

    Raises CatdogError where onnx is not installed, for a net that torch cannot export, and where
    the model's numbers are not the net's.
    """
    _check_installed("onnx", "onnxscript", "onnxruntime")
    with replacing(path) as beside:
        remedy = "to_torch.py writes it as a torch module"
        batch = export_onnx(net, beside, metadata, otherwise=remedy)
        _compare(net, batch, beside, path)


def export_onnx(
    net: Net, path: Path, metadata: Mapping[str, str] | None = None, *, otherwise: str
) -> Mapping[str, Tensor]:
    """As `write_onnx`, but the model is not run; gives the batch that it was made with.

    `otherwise` is the remedy for a net that torch cannot export.
    """
    _check_installed("onnx", "onnxscript")
    batch = _batch(net)
    model = _Plain(net).eval().requires_grad_(False)
    try:
        _export(model, net, batch, path, metadata or {})
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        what, where = f"torch cannot export it: {reason}", f"net {net.name}"
        raise CatdogError(what, where=where, remedy=otherwise) from error
    return batch


def _check_installed(*packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        remedy = f"pip install {' '.join(packages)}"
        raise CatdogError(f"ONNX needs {', '.join(missing)}", remedy=remedy)


def _batch(net: Net) -> dict[str, Tensor]:
    """An example of each input; of two pictures where the net has one and takes more, since an
    axis of size 1 would be taken to be 1 for ever."""
    batch = example_batch(net)
    if any(shape[:1] != (1,) for shape in net.inputs.values()):
        return batch
    pair = {name: torch.cat([tensor, tensor]) for name, tensor in batch.items()}
    try:
        with torch.no_grad():
            tops = net(pair).blobs.values()
    except RuntimeError:
        # a layer of the net fixes the batch size
        return batch
    return pair if all(top.shape[:1] == (2,) for top in tops) else batch


class _Plain(nn.Module):
    """A net in a form that exports well: layers by their names, tensors instead of dicts."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self._inputs, self._outputs = tuple(net.inputs), net.outputs
        self._nodes = [_exportable(net, node) for node in net.nodes]
        names = attributes()
        for node in self._nodes:
            self.add_module(names[node.name], node.layer)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        blobs = dict(zip(self._inputs, inputs, strict=True))
        for node in self._nodes:
            tops = run(node, [blobs[name] for name in node.bottoms])
            blobs.update(zip(node.tops, tops, strict=True))
        return tuple(blobs[name] for name in self._outputs)


class _PooledLRN(LRN):
    """LRN by average pooling: a few nodes of ONNX instead of a hundred."""

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.lrn_param
        if param.norm_region == LRNParameter.WITHIN_CHANNEL:
            return super().forward(x)
        return F.local_response_norm(x, param.local_size, param.alpha, param.beta, param.k)


class _UncheckedEmbed(Embed):
    """Embed without a check of the indices: ONNX cannot stop at a wrong one."""

    def forward(self, x: Tensor) -> Tensor:
        weights, *bias = self.blobs
        rows = F.embedding(x.long(), weights)
        return rows + bias[0] if bias else rows


_PLAINER: dict[str, type[Layer]] = {
    "LRN": _PooledLRN,
    "Embed": _UncheckedEmbed,
    # their own kind anew: tracing leaves something in the state that is no tensor
    "RNN": RNN,
    "LSTM": LSTM,
}


def _exportable(net: Net, node: Node) -> Node:
    kind = _PLAINER.get(node.type)
    if kind is None:
        return node
    layer = kind(node.layer.param, [net.shapes[name] for name in node.bottoms])
    layer.blobs = node.layer.blobs
    return replace(node, layer=layer)


def _export(
    model: nn.Module,
    net: Net,
    batch: Mapping[str, Tensor],
    path: Path,
    metadata: Mapping[str, str],
) -> None:
    free = tuple(
        {0: Dim.AUTO} if tensor.dim() and len(tensor) > 1 else None for tensor in batch.values()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
            tuple(batch.values()),
            input_names=list(net.inputs),
            output_names=list(net.outputs),
            dynamic_shapes=(free,),
            dynamo=True,
            verbose=False,
        )
        assert program is not None  # it is None for a path or without dynamo
        program.model.metadata_props.update(metadata)
        program.save(path, external_data=False)


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
