"""What a machine can compute on: its GPUs and its CPU, as tables; in how many bits."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path

import torch

from catdog.errors import CatdogError
from catdog.runtime.room import machine_memory
from catdog.runtime.text_table import text_table

Table = list[tuple[str, str]]

_GIB = 2**30


def chosen(text: str) -> list[int]:
    """GPUs by `all` or `0,1`. Raises CatdogError for one that is not there."""
    count = torch.cuda.device_count()
    if text == "all":
        return list(range(count))
    words = text.split(",")
    wrong = [word for word in words if not word.isdigit() or int(word) >= count]
    if wrong:
        remedy = f"`all`, or numbers from 0 to {count - 1}" if count else "there is none here"
        raise CatdogError(f'no GPU "{", ".join(wrong)}"', where="--gpu", remedy=remedy)
    if len(set(words)) < len(words):
        raise CatdogError(f"{text} has a GPU twice", where="--gpu", remedy="name each once")
    return [int(word) for word in words]


def device_named(name: str | torch.device, where: str) -> torch.device:
    """The device of a name. Raises CatdogError, with `where` it was named, if it is not there."""
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise CatdogError(
            f'no device "{name}"', where=where, remedy="cpu, cuda or cuda:1"
        ) from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        remedy = f"0 to {count - 1}" if count else "leave it out to use the CPU"
        raise CatdogError(f"this machine has {count} GPUs", where=f"{where} {name}", remedy=remedy)
    try:
        if device.type != "cuda":
            torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        what = f"nothing can be computed on {device.type} here"
        raise CatdogError(what, where=f"{where} {name}", remedy="use cpu") from None
    return device


def device_or_usual(name: str) -> torch.device:
    """The device of a name; without one a GPU if there is one."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies in bf16: what an x86 cannot, torch imitates, far slower.

    On another kind of CPU nothing is known against it.
    """
    can = torch.cpu.get_capabilities()
    names = ("amx_bf16", "avx512_bf16", "avx_ne_convert")
    return can.get("architecture") != "x86_64" or any(can.get(name) for name in names)


def set_tf32(allowed: bool) -> None:
    """Whether GPUs may keep ten bits of the factors in products of float32, in this process.

    torch allows it in convolutions unless told otherwise; Caffe's numbers need all 23.
    """
    kept = "tf32" if allowed else "ieee"
    # the older names as well: torch exports no net where the two differ
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.conv.fp32_precision = kept  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = kept


def gpu(index: int) -> Table:
    """Facts of one GPU."""
    facts = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    return [
        ("Device id", str(index)),
        ("Name", facts.name),
        ("Compute capability", f"{facts.major}.{facts.minor}"),
        ("Total global memory", f"{total / _GIB:.1f} GiB"),
        ("Free memory", f"{free / _GIB:.1f} GiB"),
        ("Multiprocessors", str(facts.multi_processor_count)),
        ("CUDA", str(torch.version.cuda)),
        ("cuDNN", str(torch.backends.cudnn.version())),  # type: ignore[no-untyped-call]
    ]


def cpu() -> Table:
    """Facts of the CPU."""
    return [
        ("Device", "CPU"),
        ("Name", cpu_name()),
        ("Cores", str(os.cpu_count())),
        ("Threads of torch", str(torch.get_num_threads())),
        ("Instructions", torch.backends.cpu.get_cpu_capability()),
        ("Memory", _memory()),
        ("torch", torch.__version__),
    ]


def cpu_name() -> str:
    """The processor of this machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _memory() -> str:
    size = machine_memory()
    return "unknown" if size is None else f"{size / _GIB:.1f} GiB"


def text(tables: Iterable[Table]) -> str:
    """Tables as aligned lines with an empty line between two."""
    return "\n\n".join(
        text_table(None, [(f"{label}:", value) for label, value in table]) for table in tables
    )
