"""Python's search for garbage, which takes a tenth of the time in which a tool imports.

What is imported stays: it is looked through again and again for nothing.
"""

import gc


def leave() -> None:
    """Look for none from now on."""
    gc.disable()


def collect() -> None:
    """Look for it again, but not in what is there by now."""
    gc.freeze()
    gc.enable()
