"""`python -m catdog.pycaffe script.py [arguments]`: runs a script of Caffe's, unchanged."""

from catdog.pycaffe.install import FOLDER, install, install_for_children
from catdog.pycaffe.running import command, ported, run_named, script_of

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
    command(USAGE, FOLDER, _run, alone={"-m", "--port"})


def _run(arguments: list[str]) -> int:
    if arguments[0] == "--port":
        print(ported(script_of(arguments[1:])), end="")
        return 0
    install()
    install_for_children()
    return run_named(arguments)


if __name__ == "__main__":
    main()
