"""`python -m catdog.pycaffe script.py [arguments]`: runs a script of Caffe's, unchanged."""

import sys
from pathlib import Path

from catdog.errors import CatdogError
from catdog.pycaffe.install import FOLDER, install, install_for_children
from catdog.pycaffe.running import ported, run_module, run_script

USAGE = """usage: python -m catdog.pycaffe [--python2] script.py [arguments]
       python -m catdog.pycaffe -m module [arguments]
       python -m catdog.pycaffe --port script.py > new.py
       python -m catdog.pycaffe --path

Runs a script or module in which `import caffe` finds catdog.pycaffe, as it does in every Python
that the script starts.

A script of Python 2 runs translated, with its division, strings and files; so do modules below its
folder. It is one if Python 3 cannot read it, or if what stands outside of any function or block
names something that is gone in Python 3. Notes tell lines that may mean something else.

--python2  translate although Python 3 can read it, and the modules below its folder too
--port     print the translation of a script, or of a module, to stdout; it runs in the same way
--path     print the folder to put on PYTHONPATH where Python is started otherwise: by a notebook
           server, for instance"""


def main() -> None:
    """Run the script as `python script.py` would, with `import caffe` in place."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help") or arguments in (["-m"], ["--port"]):
        print(USAGE)
        sys.exit(0 if arguments[:1] in (["-h"], ["--help"]) else 2)
    if arguments == ["--path"]:
        print(FOLDER)
        return
    try:
        sys.exit(_run(arguments))
    except CatdogError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _run(arguments: list[str]) -> int:
    if arguments[0] == "--port":
        print(ported(_script(arguments[1:])), end="")
        return 0
    install()
    install_for_children()
    if arguments[0] == "-m":
        return run_module(arguments[1], arguments[2:])
    python2 = arguments[0] == "--python2"
    rest = arguments[1:] if python2 else arguments
    return run_script(_script(rest), rest[1:], python2=python2)


def _script(arguments: list[str]) -> Path:
    script = Path(arguments[0]) if arguments else Path("script.py")
    if not script.is_file():
        raise CatdogError("no such script", where=str(script))
    return script


if __name__ == "__main__":
    main()
