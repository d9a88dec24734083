"""`python -m catdog.pycaffe script.py [arguments]`: runs a script of Caffe's, unchanged."""

import runpy
import sys
import traceback
from pathlib import Path

from catdog.errors import CatdogError
from catdog.pycaffe.install import install

USAGE = """usage: python -m catdog.pycaffe script.py [arguments]
       python -m catdog.pycaffe -m module [arguments]

Runs a script or module in which `import caffe` finds catdog.pycaffe."""


def main() -> None:
    """Run the script as `python script.py` would, with `import caffe` in place."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["-m"]:
        print(USAGE)
        sys.exit(0 if arguments and arguments != ["-m"] else 2)
    install()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        _run_script(Path(arguments[0]))


def _run_script(script: Path) -> None:
    if not script.is_file():
        sys.exit(_refused(CatdogError("no such script", where=str(script))))
    sys.path.insert(0, str(script.resolve().parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except CatdogError as error:
        sys.exit(_refused(error, _line_in(script, error)))


def _refused(error: CatdogError, place: str = "") -> int:
    print(f"error: {error}{place}", file=sys.stderr)
    return 2


def _line_in(script: Path, error: CatdogError) -> str:
    """Where in the script it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(script)]
    return f" ({script}, line {lines[-1]})" if lines else ""


if __name__ == "__main__":
    main()
