"""Whether numbers have room in the memory of this machine, before it is asked for."""

import os

_GIB = 2**30
#: Bytes of a float32.
_BYTES = 4


def machine_memory() -> int | None:
    """Bytes of memory of this machine; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def too_large(count: int) -> str:
    """What to say of so many float32 that this machine can never hold; nothing of fewer."""
    there, wanted = machine_memory(), count * _BYTES
    if there is None or wanted <= there:
        return ""
    return f"would take {wanted / _GIB:,.0f} GiB, and this machine has {there / _GIB:.0f}"
