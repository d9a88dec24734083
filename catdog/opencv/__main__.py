"""`python -m catdog.opencv script.py [arguments]`: runs a script of OpenCV 4's, unchanged."""

import sys
from pathlib import Path

from catdog.errors import CatdogError
from catdog.opencv.install import FOLDER, install, install_for_children
from catdog.pycaffe.running import run_module, run_script

USAGE = """usage: python -m catdog.opencv [--python2] script.py [arguments]
       python -m catdog.opencv -m module [arguments]
       python -m catdog.opencv --path

Runs a script or module in which cv2.dnn reads Caffe's nets: cv2.dnn.readNetFromCaffe, readNet,
Net, DetectionModel and the other models are catdog's, as they are in every Python that the script
starts. Everything else is that of the OpenCV which is installed.

--python2  translate a script of Python 2 although Python 3 can read it
--path     print the folder to put on PYTHONPATH where Python is started otherwise: by a notebook
           server, for instance"""


def main() -> None:
    """Run the script as `python script.py` would, with Caffe's nets in cv2.dnn."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["-m"]:
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
    install()
    install_for_children()
    if arguments[0] == "-m":
        return run_module(arguments[1], arguments[2:])
    python2 = arguments[0] == "--python2"
    rest = arguments[1:] if python2 else arguments
    script = Path(rest[0]) if rest else Path("script.py")
    if not script.is_file():
        raise CatdogError("no such script", where=str(script))
    return run_script(script, rest[1:], python2=python2)


if __name__ == "__main__":
    main()
