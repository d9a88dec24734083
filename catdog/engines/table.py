"""The engines by their names, what each can, and how one is started."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import torch
from torch import Tensor

from catdog.engines.engine import InferenceEngine, Task
from catdog.engines.onnx_model import export_onnx
from catdog.engines.onnxruntime_engine import OnnxRuntimeEngine
from catdog.engines.openvino_engine import OpenVINOEngine
from catdog.engines.quantization import quantize
from catdog.errors import CatdogError
from catdog.net.step import Node
from catdog.runtime.optional import optional

TORCH, INT8 = "torch", "int8"
#: Letters of what an engine says of a net that it cannot take; some say pages.
_REASON = 200
_REMEDY = "leave --engine out"


@dataclass(frozen=True)
class Kind:
    """An engine beside torch: what it computes in, in words of --amp, and its extra."""

    amps: tuple[str, ...]
    extra: str
    make: Callable[[ModuleType, Path, Task, str], InferenceEngine]


KINDS = {
    "openvino": Kind(("", "bf16", INT8), "openvino", OpenVINOEngine),
    "onnxruntime": Kind(
        ("", INT8), "onnx", lambda module, model, task, _: OnnxRuntimeEngine(module, model, task)
    ),
}


def is_installed(name: str) -> bool:
    """Whether the package of an engine is there."""
    return find_spec(name) is not None


def start(name: str, amp: str, task: Task, examples: Tensor | None = None) -> InferenceEngine:
    """An engine beside torch, ready to compute the net as it is now.

    `examples` are prepared pictures, by which int8 is calibrated. Raises CatdogError where its
    package is not installed, for a precision that it has not, and for a net that it cannot take.
    """
    kind = KINDS[name]
    if amp not in kind.amps:
        others = ", ".join(each or "float32 (no --amp)" for each in kind.amps)
        raise CatdogError(f"{name} has no {amp}", where="--amp", remedy=f"it has {others}")
    module = optional(
        name, f"--engine {name} needs {name}", f"pip install 'catdog-torch[{kind.extra}]'"
    )
    _check(task)
    with TemporaryDirectory(prefix="catdog-engine-") as folder:
        model = Path(folder) / "net.onnx"
        batch = export_onnx(task.net, model, otherwise=_REMEDY)
        if len(batch[task.input]) == 1:
            what = f"a layer of it fixes the batch at one picture, {name} takes several at once"
            raise CatdogError(what, where=f"net {task.net.name}", remedy=_REMEDY)
        if amp == INT8:
            model = _quantized(model, task, examples)
        try:
            engine = kind.make(module, model, task, amp)
            engine(torch.zeros(2, *task.shape))
        except Exception as error:  # each package has kinds of its own
            reason = " ".join(str(error).split())[:_REASON] or type(error).__name__
            what = f"{name} cannot compute this net: {reason}"
            raise CatdogError(what, where="--engine", remedy=_REMEDY) from error
        return engine


def _quantized(model: Path, task: Task, examples: Tensor | None) -> Path:
    if examples is None or not len(examples):
        raise CatdogError(
            "int8 is calibrated on photos, and there are none that can be read",
            where="--amp int8",
            remedy="give photos; in Python: Predictor.load(..., examples=PHOTOS)",
        )
    target = model.with_name("int8.onnx")
    quantize(model, target, task.input, examples.contiguous().numpy())
    return target


def _check(task: Task) -> None:
    """Raise CatdogError for a net whose numbers only torch can compute."""
    for node in task.net:
        if what := _only_by_torch(node):
            raise CatdogError(
                f'layer "{node.name}" ({node.type}) {what}: only torch can compute it',
                where="--engine",
                remedy=_REMEDY,
            )


def _only_by_torch(node: Node) -> str:
    """What a layer does that no other engine can; nothing for others."""
    if node.type == "Python":
        return "runs Python code"
    return "draws random numbers" if node.layer.is_random() else ""
