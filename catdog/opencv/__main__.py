"""`python -m catdog.opencv script.py [arguments]`: runs a script of OpenCV 4's, unchanged."""

from catdog.opencv.install import FOLDER, install, install_for_children
from catdog.pycaffe.running import command, run_named

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
    command(USAGE, FOLDER, _run, alone={"-m"})


def _run(arguments: list[str]) -> int:
    install()
    install_for_children()
    return run_named(arguments)


if __name__ == "__main__":
    main()
