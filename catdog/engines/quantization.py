"""An ONNX model in int8: the numbers of each blob are counted on examples, then rounded."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.engines.engine import SHARE
from catdog.runtime.optional import optional


class _Examples:
    """Batches as onnxruntime asks for them."""

    def __init__(self, name: str, pictures: NDArray[np.float32]) -> None:
        shares = (pictures[at : at + SHARE] for at in range(0, len(pictures), SHARE))
        self._batches = ({name: share} for share in shares)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._batches, None)


def quantize(model: Path, target: Path, name: str, pictures: NDArray[np.float32]) -> None:
    """Write the model with bytes for weights and blobs (QDQ), by the ranges on prepared pictures.

    `name` is that of the input. Weights have a scale for each channel, and 7 bits, so that every
    processor computes the same. Raises CatdogError where onnxruntime is not installed.
    """
    need, remedy = "int8 needs onnxruntime", "pip install onnxruntime"
    tools: Any = optional("onnxruntime.quantization", need, remedy)
    shapes: Any = optional("onnxruntime.quantization.shape_inference", need, remedy)
    plain = target.with_suffix(".plain.onnx")
    with _without_advice():
        shapes.quant_pre_process(model, plain, skip_symbolic_shape=True)
        tools.quantize_static(
            plain,
            target,
            _Examples(name, pictures),
            quant_format=tools.QuantFormat.QDQ,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
            per_channel=True,
            # with 8 bits, sums of two products overflow on processors that end with AVX2
            reduce_range=True,
            nodes_to_exclude=_probabilities(plain),
        )


def _probabilities(model: Path) -> list[str]:
    """The nodes that make probabilities of scores: in bytes they would not add up to 1."""
    onnx: Any = optional("onnx", "int8 needs onnx", "pip install onnx")
    graph = onnx.load(model).graph
    outputs = {each.name for each in graph.output}
    return [
        node.name
        for node in graph.node
        if node.op_type in ("Softmax", "Sigmoid") and outputs.intersection(node.output)
    ]


@contextmanager
def _without_advice() -> Iterator[None]:
    """onnxruntime advises what is done here already, in lines of its own."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
