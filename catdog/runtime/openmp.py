"""How torch's threads wait for each other; imports nothing, as it is asked before torch is."""

import os
import sys

SPINS = "1000"
"""Rounds, some microseconds, that a thread waits awake before it sleeps."""


def wait_asleep() -> None:
    """Have a thread of torch's that waits for another soon leave its core to it.

    By default it stays awake so long that another thread, put off by another program on the other
    core, finds no free one. What the environment says holds; so does, for the process, what
    torch found in it when it was imported.
    """
    said = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys()
    if not said and "torch" not in sys.modules:
        os.environ["GOMP_SPINCOUNT"] = SPINS
