"""A whole program by OpenVINO, where it is installed and computes the same."""

import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.engines.openvino_engine import core_of
from catdog.layers.forks.detection import ROW
from catdog.opencv.detections import OrderedRows, ordered
from catdog.opencv.operations import NoOperation, Operations
from catdog.opencv.steps import Once, ProgramStep
from catdog.spec.shape import Shape

#: How far its numbers may be from torch's, relative to the largest.
TOLERANCE = 1e-5

Array = NDArray[np.float32]


class Accelerated:
    """The wanted blobs of a program's steps, from a model of OpenVINO's.

    Raises NoOperation for steps that it has no operations for.
    """

    def __init__(
        self,
        steps: Sequence[ProgramStep],
        shapes: Sequence[Shape],
        wanted: Sequence[int],
        threads: int,
    ) -> None:
        openvino = importlib.import_module("openvino")
        opset = importlib.import_module("openvino.opset8")
        operations = Operations(opset)
        parameters = [opset.parameter(list(shape), np.float32) for shape in shapes]
        nodes: dict[int, Any] = dict(enumerate(parameters))
        #: Of wanted blobs with rows of detections: how many images, and rows of each at most.
        self._rows: dict[int, tuple[int, int]] = {}
        for step in steps:
            if isinstance(step.compute, Once):
                tops = step.compute.made
                for number, top in zip(step.makes, tops, strict=True):
                    nodes[number] = operations.constant(top.numpy())
                continue
            nodes[step.makes[0]] = operations.of(step, [nodes[number] for number in step.reads])
            if isinstance(step.compute, OrderedRows) and step.makes[0] in wanted:
                images = int(nodes[step.reads[0]].get_output_shape(0)[0])
                self._rows[step.makes[0]] = images, step.compute.most
        model = openvino.Model([nodes[number] for number in wanted], parameters)
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = str(threads)
        compiled = core_of(openvino).compile_model(model, "CPU", options)
        self._request = compiled.create_infer_request()
        # all shapes are known, so the places stay
        self._outputs = {n: self._request.get_output_tensor(i).data for i, n in enumerate(wanted)}
        self._inputs = [self._request.get_input_tensor(i).data for i in range(len(parameters))]

    def __call__(self, inputs: Sequence[Array]) -> dict[int, Array]:
        """The wanted blobs."""
        for place, blob in zip(self._inputs, inputs, strict=True):
            place[...] = blob
        self._request.infer(share_outputs=True)
        found = dict(self._outputs)
        for number, sizes in self._rows.items():
            found[number] = ordered(_counted(found[number]), *sizes)
        return found


def _counted(rows: Array) -> Array:
    """The rows of OpenVINO's DetectionOutput before the one with image -1, which ends them."""
    rows = rows.reshape(-1, ROW)
    images = rows[:, 0]
    end = images.argmin()
    return rows[:end] if images[end] < 0 else rows


def accelerated(
    steps: Sequence[ProgramStep],
    inputs: Sequence[Array],
    made: Mapping[int, Array],
    threads: int = 0,
) -> Accelerated | None:
    """The steps as a whole; None without OpenVINO, and where it does not give what was made of
    the inputs."""
    if find_spec("openvino") is None:
        return None
    try:
        whole = Accelerated(steps, [blob.shape for blob in inputs], list(made), threads)
        return whole if _agree(whole(inputs), made) else None
    except (NoOperation, RuntimeError):
        # torch computes it
        return None


def _agree(mine: Mapping[int, Array], theirs: Mapping[int, Array]) -> bool:
    """Whether blobs are the same up to rounding."""
    for number, blob in mine.items():
        wanted = theirs[number]
        most = TOLERANCE * float(np.abs(wanted).max(initial=0))
        if blob.shape != wanted.shape or not np.allclose(blob, wanted, TOLERANCE, most):
            return False
    return True
