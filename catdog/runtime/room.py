"""Whether numbers have room in the memory of this machine, before it is asked for."""

import os
from collections.abc import Iterator
from contextlib import suppress
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
_UNITS = (("GiB", _GIB), ("MiB", 2**20), ("KiB", 2**10))
#: Bytes of a float32.
_BYTES = 4


def machine_memory() -> int | None:
    """Bytes of memory of this machine; None where the system does not say."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    return min([there, *_allowed()])


def _allowed() -> Iterator[int]:
    """What `ulimit -v` leaves to this process, where it is set."""
    with suppress(ImportError, OSError):
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit

        most, _ = getrlimit(RLIMIT_AS)
        if most != RLIM_INFINITY:
            yield max(0, most - psutil.Process().memory_info().vms)


def too_large(count: int) -> str:
    """What to say of so many float32 that this machine can never hold; nothing of fewer."""
    there, wanted = machine_memory(), count * _BYTES
    if there is None or wanted <= there:
        return ""
    return f"would take {wanted / _GIB:,.0f} GiB, and this machine has {there / _GIB:.0f}"


def free_memory() -> int:
    """Bytes that this process may still take, of the machine or of its container."""
    free = min([psutil.virtual_memory().available, *_allowed()])
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
    for unit, size in _UNITS:
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:.0f} bytes"
