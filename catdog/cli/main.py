"""What the tools share: errors as one line and exit code 2, interrupts, the console command."""

import importlib
import pkgutil
import signal
import sys
from collections.abc import Callable, Sequence

import catdog.tools
from catdog.errors import CatdogError, did_you_mean
from catdog.runtime.malloc import keep_freed_memory

Main = Callable[[Sequence[str] | None], None]

USAGE, INTERRUPTED = 2, 130


def run_tool(main: Main, argv: Sequence[str] | None = None) -> None:
    """Run a tool; a user's mistake becomes one line on stderr and exit code 2."""
    keep_freed_memory()
    try:
        main(argv)
    except CatdogError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(USAGE)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # the reader of our output (head, less) went away: no traceback, and none at exit either
        sys.stderr.close()
        sys.exit(128 + signal.SIGPIPE)


def names() -> list[str]:
    """The tools, in order: the scripts of tools/."""
    return sorted(module.name for module in pkgutil.iter_modules(catdog.tools.__path__))


def main() -> None:
    """`catdog TOOL ...`: the same code as `python tools/TOOL.py ...`."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print("usage: catdog TOOL ...\n\ntools:\n" + "\n".join(f"  {name}" for name in names()))
        sys.exit(0 if len(sys.argv) > 1 else USAGE)
    name = sys.argv[1].replace("-", "_")
    if name not in names():
        remedy = did_you_mean(name, names()) or "`catdog --help` lists them"
        print(f'error: no tool "{sys.argv[1]}"; {remedy}', file=sys.stderr)
        sys.exit(USAGE)
    sys.argv = [f"catdog {name}", *sys.argv[2:]]
    run_tool(importlib.import_module(f"catdog.tools.{name}").main)
