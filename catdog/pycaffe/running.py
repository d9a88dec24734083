"""A script of the user's as the main program, and what it raises told by its own lines."""

import multiprocessing
import os
import runpy
import sys
import sysconfig
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from catdog.errors import CatdogError
from catdog.pycaffe.python2.detection import is_python2, looks_like_python2
from catdog.pycaffe.python2.finder import NeighbourFinder, tell, translated, translation

_CATDOG = str(Path(__file__).parents[1])
#: Where code lies that is not the user's.
_OTHERS = (_CATDOG, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))


def command(usage: str, folder: str, run: Callable[[list[str]], int], *, alone: set[str]) -> None:
    """The main program of `python -m PACKAGE [arguments]`, which runs scripts of the user's.

    Without arguments, or with a word of `alone` by itself, it prints the usage and ends with 2;
    `--path` prints the folder.
    """
    arguments = sys.argv[1:]
    asked = arguments[:1] in (["-h"], ["--help"])
    if not arguments or asked or (len(arguments) == 1 and arguments[0] in alone):
        print(usage)
        sys.exit(0 if asked else 2)
    if arguments == ["--path"]:
        print(folder)
        return
    try:
        sys.exit(run(arguments))
    except CatdogError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def run_named(arguments: Sequence[str]) -> int:
    """Run what arguments name: `-m module ...` or `[--python2] script.py ...`."""
    if arguments[0] == "-m":
        return run_module(arguments[1], arguments[2:])
    python2 = arguments[0] == "--python2"
    rest = arguments[1:] if python2 else arguments
    return run_script(script_of(rest), rest[1:], python2=python2)


def script_of(arguments: Sequence[str]) -> Path:
    """The script that comes first; raises CatdogError where there is no such file."""
    script = Path(arguments[0]) if arguments else Path("script.py")
    if not script.is_file():
        raise CatdogError("no such script", where=str(script))
    return script


def run_script(script: Path, arguments: Sequence[str], *, python2: bool = False) -> int:
    """Run a script as `python script.py arguments` does; gives the exit code.

    What is written in Python 2, the script or a module below its folder, is translated; with
    `python2` all of them are taken to be.
    """
    module = ModuleType("__main__")
    module.__file__ = str(script)
    sys.modules["__main__"] = module
    sys.argv = [str(script), *arguments]
    if not sys.flags.safe_path:
        # `-m catdog.pycaffe` has put the working directory there
        sys.path[0] = str(script.resolve().parent)
    sys.meta_path.insert(0, NeighbourFinder(script.parent, every=python2))

    def run() -> None:
        code, names = _code(script, python2=python2), vars(module)
        # to run the script is what was asked for
        exec(code, names)  # nosec B102

    return _told(run)


def _code(script: Path, *, python2: bool) -> CodeType:
    source = script.read_bytes()
    if not python2 and not is_python2(source):
        code: CodeType = compile(source, str(script), "exec")
        return code
    code = translated(source, str(script))
    if isinstance(sys.stdout, TextIOWrapper):
        # text may stand for any bytes
        sys.stdout.reconfigure(errors="surrogateescape")
    if "fork" in multiprocessing.get_all_start_methods():
        # as in Python 2; other processes would read the script anew, untranslated
        multiprocessing.set_start_method("fork", force=True)
    return code


def run_module(name: str, arguments: Sequence[str]) -> int:
    """Run a module as `python -m name arguments` does; gives the exit code."""
    sys.argv = [name, *arguments]
    sys.meta_path.insert(0, NeighbourFinder(Path.cwd()))
    return _told(lambda: runpy.run_module(name, run_name="__main__", alter_sys=True))


def ported(script: Path) -> str:
    """The text of a script of Python 2 in Python 3; raises CatdogError for what is neither."""
    source = script.read_bytes()
    if not is_python2(source):
        print(f"note: {script} can be read as Python 3 already", file=sys.stderr)
    try:
        found = translation().translate(source, str(script))
    except SyntaxError as error:
        raise CatdogError(str(error), where=str(script)) from error
    tell(found.remarks, str(script))
    text: str = found.text
    return text


def _told(program: Callable[[], object]) -> int:
    """Run a program; what it raises is shown without the frames that are not its own."""
    try:
        program()
    except CatdogError as error:
        _show(error)
        return 2
    except Exception as error:
        if looks_like_python2(error):
            hint = "note: this looks like Python 2; --python2 before the script translates it"
            print(hint, file=sys.stderr)
        frames = _from_script(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(frames), frames)
        return 1
    return 0


def _show(error: CatdogError) -> None:
    """The lines of the user's that led to a mistake, and the mistake with the last of them."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_users(f.filename)]
    for frame in frames:
        frame.filename = frame.filename.removeprefix(f"{Path.cwd()}{os.sep}")
    sys.stderr.writelines(traceback.format_list(frames))
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    print(f"error: {error}{place}", file=sys.stderr)


def _is_users(filename: str) -> bool:
    return not filename.startswith("<frozen ") and not filename.startswith(_OTHERS)


def _from_script(frames: TracebackType | None) -> TracebackType | None:
    while frames and not _is_users(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return frames
