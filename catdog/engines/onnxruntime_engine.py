"""A net by onnxruntime, on the cores."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.engines.engine import SHARE, SIDE_BY_SIDE, Task
from catdog.runtime.parallel import cores


class OnnxRuntimeEngine:
    """Shares of a batch side by side, with few threads each; one picture by all threads.

    Args:
        onnxruntime: the package.
        model: an ONNX file.
    """

    def __init__(self, onnxruntime: ModuleType, model: Path, task: Task) -> None:
        self._onnxruntime, self._task = onnxruntime, task
        self._model = model.read_bytes()
        self._many = self._session(max(1, cores() // SIDE_BY_SIDE))
        self._pool = ThreadPoolExecutor(min(cores(), SIDE_BY_SIDE), "catdog-onnxruntime")

    def __call__(self, batch: Tensor) -> list[Tensor]:
        pictures = batch.contiguous().numpy()
        if len(pictures) == 1:
            return _joined([self._run(self._single, pictures)])
        shares = (pictures[at : at + SHARE] for at in range(0, len(pictures), SHARE))
        return _joined(self._pool.map(lambda share: self._run(self._many, share), shares))

    def _run(self, session: Any, pictures: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        found = session.run(list(self._task.outputs), {self._task.input: pictures})
        return [each.reshape(len(pictures), -1) for each in found]

    @cached_property
    def _single(self) -> Any:
        return self._session(cores())

    def _session(self, threads: int) -> Any:
        options = self._onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # threads that wait would take the cores of those that decode
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = ["CPUExecutionProvider"]
        return self._onnxruntime.InferenceSession(self._model, options, providers=providers)


def _joined(parts: Iterable[list[NDArray[np.float32]]]) -> list[Tensor]:
    return [torch.from_numpy(np.concatenate(each)) for each in zip(*parts, strict=True)]
