"""Which start of the processes this is: their store may have words of earlier ones, now dead.

torchrun starts all processes anew where one is lost, and of several machines each counts its own
restarts. So the first process names the start and hears who answers; the others hear whether it has
heard them, which the first process of an earlier start never has.
"""

import time
from datetime import timedelta
from uuid import uuid4

from torch.distributed import Store  # type: ignore[attr-defined]

_NAME, _HEARD = "name", "heard"
#: Seconds between two looks.
_PAUSE = 0.02


def name_of_start(store: Store, rank: int, world: int, timeout: timedelta) -> str:
    """The same for all processes of this start, and for those of no other.

    Raises RuntimeError where the others do not come within the time.
    """
    own = uuid4().hex
    if rank:
        return _answer(store, rank, own, time.monotonic() + timeout.total_seconds())
    store.set(_NAME, own)
    others = [store.get(f"{own}/{other}").decode() for other in range(1, world)]
    store.set(f"{own}/{_HEARD}", " ".join(others))
    return own


def _answer(store: Store, rank: int, own: str, end: float) -> str:
    answered = ""
    while time.monotonic() < end:
        if store.check([_NAME]) and (name := store.get(_NAME).decode()) != answered:
            answered = name
            store.set(f"{name}/{rank}", own)
        heard = f"{answered}/{_HEARD}"
        if answered and store.check([heard]) and own in store.get(heard).decode().split():
            return answered
        time.sleep(_PAUSE)
    raise RuntimeError("timed out waiting for the first process")
