"""How much memory there is, for what says how much it will take."""

from pathlib import Path

import psutil

from catdog.errors import CatdogError

#: Where a container's limit and use stand: control groups of version 2, of version 1.
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
_GIB = 2**30


def free_memory() -> int:
    """Bytes that this process may still take, of the machine or of its container."""
    free = psutil.virtual_memory().available
    for most, used in _GROUPS:
        try:
            free = min(free, int(Path(most).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return max(0, free)


def check_fits(needed: int, what: str, where: str) -> None:
    """Raise CatdogError where something takes more bytes than are free."""
    free = free_memory()
    if needed > free:
        raise CatdogError(
            f"{what} would take {amount(needed)}, and {amount(free)} are free", where=where
        )


def amount(count: float) -> str:
    """Bytes as a person reads them."""
    for unit in ("GiB", "MiB", "KiB"):
        size = {"GiB": _GIB, "MiB": 2**20, "KiB": 2**10}[unit]
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:.0f} bytes"
