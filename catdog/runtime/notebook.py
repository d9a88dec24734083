"""Whether a notebook runs this, and what is shown there."""

import importlib
import sys
from typing import Any


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook: one that shows more than text."""
    if "IPython" not in sys.modules:
        return False
    shell: Any = importlib.import_module("IPython").get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class NotebookPlace:
    """A place in a notebook whose HTML is replaced as things go on."""

    def __init__(self) -> None:
        self._display: Any = importlib.import_module("IPython.display")
        self._handle: Any = None

    def show(self, html: str) -> None:
        """Show this in place of what was there."""
        content = self._display.HTML(html)
        if self._handle is None:
            self._handle = self._display.display(content, display_id=True)
        else:
            self._handle.update(content)
