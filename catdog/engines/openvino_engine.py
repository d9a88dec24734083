"""A net by OpenVINO, on the cores."""

from functools import cache
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.engines.engine import SHARE, SIDE_BY_SIDE, Task
from catdog.runtime.parallel import cores

_PRECISIONS = {"": "f32", "bf16": "bf16", "int8": "f32"}


@cache
def core_of(openvino: ModuleType) -> Any:
    """The one Core of this process, never freed.

    OpenVINO lends the thread that compiles a stack for signals (AMX needs a larger one), and takes
    it back with its last Core, in whichever thread that is freed: after that Ctrl-C would end the
    first one by a segmentation fault.
    """
    return openvino.Core()


class _Place(NamedTuple):
    """Where the numbers of a share go."""

    rows: list[NDArray[np.float32]]
    start: int
    length: int


class OpenVINOEngine:
    """Shares of a batch side by side, with few threads each; one picture by all threads.

    Shares have one size, the last is filled with zeros: for pictures of any number OpenVINO takes
    kernels that are half as fast.

    Args:
        openvino: the package.
        model: an ONNX file.
        amp: "", "bf16", or "int8" for a model that has been quantised.
    """

    def __init__(self, openvino: ModuleType, model: Path, task: Task, amp: str) -> None:
        self._openvino, self._task, self._amp = openvino, task, amp
        self._core = core_of(openvino)
        self._model = self._core.read_model(model)
        streams = min(cores(), SIDE_BY_SIDE)
        compiled = self._compiled(SHARE, {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": streams})
        self._queue = openvino.AsyncInferQueue(compiled, streams)
        self._queue.set_callback(self._keep)
        self._single: Any = None
        self._lock = Lock()

    def __call__(self, batch: Tensor) -> list[Tensor]:
        pictures = batch.contiguous().numpy()
        sizes = self._task.sizes.values()
        rows = [np.empty((len(pictures), size), np.float32) for size in sizes]
        with self._lock:
            if len(pictures) == 1:
                self._compute_single(pictures, rows)
            else:
                self._compute(pictures, rows)
        return [torch.from_numpy(each) for each in rows]

    def _compute(self, pictures: NDArray[np.float32], rows: list[NDArray[np.float32]]) -> None:
        for start in range(0, len(pictures), SHARE):
            share = pictures[start : start + SHARE]
            place = _Place(rows, start, len(share))
            if len(share) < SHARE:
                share = np.concatenate([share, np.zeros_like(share, shape=_missing(share))])
            self._queue.start_async({self._task.input: share}, place, share_inputs=True)
        self._queue.wait_all()

    def _compute_single(
        self, picture: NDArray[np.float32], rows: list[NDArray[np.float32]]
    ) -> None:
        if self._single is None:
            compiled = self._compiled(1, {"PERFORMANCE_HINT": "LATENCY"})
            self._single = compiled.create_infer_request()
        self._single.infer({self._task.input: picture}, share_inputs=True)
        self._keep(self._single, _Place(rows, 0, 1))

    def _keep(self, request: Any, place: _Place) -> None:
        for name, rows in zip(self._task.outputs, place.rows, strict=True):
            found = request.get_tensor(name).data
            end = place.start + place.length
            rows[place.start : end] = found.reshape(len(found), -1)[: place.length]

    def _compiled(self, batch: int, options: dict[str, Any]) -> Any:
        self._model.reshape([batch, *self._task.shape])
        wanted = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[self._amp],
            "INFERENCE_NUM_THREADS": cores(),
            **options,
        }
        return self._core.compile_model(self._model, "CPU", wanted)


def _missing(share: NDArray[np.float32]) -> tuple[int, ...]:
    return SHARE - len(share), *share.shape[1:]
