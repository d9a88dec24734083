"""`python -m catdog.pycaffe script.py [arguments]`: runs a script of Caffe's, unchanged."""

import sys
from pathlib import Path

from catdog.errors import CatdogError
from catdog.pycaffe.install import FOLDER, install, install_for_children
from catdog.pycaffe.running import run_module, run_script

USAGE = """usage: python -m catdog.pycaffe script.py [arguments]
       python -m catdog.pycaffe -m module [arguments]
       python -m catdog.pycaffe --path

Runs a script or module in which `import caffe` finds catdog.pycaffe, as it does in every Python
that the script starts.

--path prints the folder to put on PYTHONPATH where Python is started otherwise: by a notebook
server, for instance."""


def main() -> None:
    """Run the script as `python script.py` would, with `import caffe` in place."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["-m"]:
        print(USAGE)
        sys.exit(0 if arguments and arguments != ["-m"] else 2)
    if arguments == ["--path"]:
        print(FOLDER)
        return
    install()
    install_for_children()
    if arguments[0] == "-m":
        sys.exit(run_module(arguments[1], arguments[2:]))
    script = Path(arguments[0])
    if not script.is_file():
        print(f"error: {CatdogError('no such script', where=str(script))}", file=sys.stderr)
        sys.exit(2)
    sys.exit(run_script(script, arguments[1:]))


if __name__ == "__main__":
    main()
