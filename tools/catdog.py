"""What `from catdog ...` finds first in a tool that runs as a script: it gives way to the package.

A script's folder stands first where Python looks for modules. A Python without what catdog needs is
told in one line, before an import of the tool fails.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import TracebackType

_HERE = Path(__file__).resolve().parent


def _give_way() -> None:
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != _HERE]
    del sys.modules["catdog"]
    missing = [name for name in ("catdog", "torch") if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"error: {sys.executable} has no {missing[-1]}; run `make .venv/installed` in "
            f"{_HERE.parent} once, then .venv/bin/python {' '.join(sys.argv)}\n"
        )
        sys.exit(2)
    sys.excepthook = _interrupted
    importlib.import_module("catdog")


def _interrupted(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """No traceback for a Ctrl-C while a tool is still being imported."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
    else:
        sys.__excepthook__(kind, error, trace)


if __name__ == "catdog":
    _give_way()
elif __name__ == "__main__":
    # `python tools/catdog.py train ...` is `catdog train ...`
    importlib.import_module("catdog.cli.main").main()
