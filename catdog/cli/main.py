"""What the tools share: errors as one line and an exit code, interrupts, the console command."""

import ast
import importlib
import pkgutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

import catdog.tools
from catdog.errors import CatdogError, did_you_mean
from catdog.runtime import garbage
from catdog.runtime.malloc import keep_freed_memory

Main = Callable[[Sequence[str] | None], None]

USAGE, INTERRUPTED = 2, 130

#: What else one may call a tool.
_MEANT = {
    "test": "evaluate",
    "score": "evaluate",
    "curve": "plot_learning_curve",
    "lmdb": "create_lmdb",
    "finetune": "train",
    "onnx": "convert",
    "upgrade": "convert",
    "export": "to_torch",
    "lint": "check",
    "validate": "check",
}

#: What runs a script as it is, by the word that one may take for a tool.
_SCRIPTS = {
    "opencv": "  python -m catdog.opencv SCRIPT    cv2.dnn.readNetFromCaffe, which OpenCV 5 lacks",
    "pycaffe": "  python -m catdog.pycaffe SCRIPT   import caffe, also in Python 2",
    "caffe": "  caffe train|test|time ...         Caffe's own command",
}


def run_tool(main: Main, argv: Sequence[str] | None = None) -> None:
    """Run a tool; a user's mistake becomes one line on stderr and exit code 2, others theirs."""
    keep_freed_memory()
    garbage.collect()
    # names of files need not be text, nor every sign be one of this terminal's; a stream whose file
    # was exchanged for a pipe cannot be changed
    with suppress(OSError):
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            main(argv)
        finally:
            # a reader that went away is noticed here, not when Python ends
            if sys.stdout:
                sys.stdout.flush()
    except CatdogError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(error.code)
    except KeyboardInterrupt as error:
        # one more ends the process at once, without a traceback of what it was tidying up
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        print("; ".join(["interrupted", *getattr(error, "__notes__", ())]), file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # the reader of our output (head, less) went away: no traceback, and none at exit either
        sys.stderr.close()
        sys.exit(128 + signal.SIGPIPE)


def names() -> list[str]:
    """The tools, in order: the scripts of tools/."""
    found = {module.name for module in pkgutil.iter_modules(catdog.tools.__path__)}
    return sorted(found - {"catdog"})


def about(name: str) -> str:
    """What a tool is for: the first sentence of its file, which is not imported for that."""
    text = Path(catdog.tools.__path__[0], f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def main() -> None:
    """`catdog TOOL ...`: the same code as `python tools/TOOL.py ...`."""
    run_tool(_command, sys.argv[1:])


def _command(words: Sequence[str] | None) -> None:
    first, *rest = words or [""]
    if first == "help" and rest:
        first, rest = rest[0], ["--help"]
    if first in ("", "-h", "--help", "help"):
        print(_usage())
        sys.exit(0 if first else USAGE)
    if first in ("-V", "--version", "version"):
        print(f"catdog {catdog.__version__}")
        return
    call_tool(tool_named(first), rest)


def call_tool(name: str, words: Sequence[str]) -> None:
    """Run the tool of this name in this process, as `catdog NAME WORDS` does.

    Tools tell how to go on by the command line of the process, which is theirs meanwhile.
    """
    before = sys.argv
    sys.argv = [f"catdog {name}", *words]
    try:
        garbage.leave()
        tool = importlib.import_module(f"catdog.tools.{name}")
        garbage.collect()
        tool.main(list(words))
    finally:
        sys.argv = before


def _usage() -> str:
    width = max(map(len, names()))
    lines = [f"  {name:{width}}  {about(name)}" for name in names()]
    head = "usage: catdog TOOL ...\n       catdog help TOOL\n       catdog --version\n\ntools:"
    return "\n".join([head, *lines, "", "scripts of others, unchanged:", *_SCRIPTS.values()])


def tool_named(word: str) -> str:
    """The tool of this name; CatdogError, with the one that is meant, where there is none."""
    name = word.replace("-", "_").removesuffix(".py")
    if name in names():
        return name
    begun = [each for each in names() if name in each.split("_")]
    meant = _MEANT.get(name) or (begun[0] if len(begun) == 1 else "")
    remedy = f'did you mean "{meant}"?' if meant else did_you_mean(name, names())
    if name in _SCRIPTS:
        remedy = f"`{_SCRIPTS[name].strip().split('  ')[0]}` is its command"
    raise CatdogError(f'no tool "{word}"', remedy=remedy or "`catdog --help` lists them")
