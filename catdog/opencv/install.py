"""cv2.dnn reads Caffe's nets again: here, and in the processes that are started from here."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import cv2

#: A folder in which Python finds a `cv2` that is the installed one after `install`.
FOLDER = str(Path(__file__).parent / "python")

#: Names in cv2.dnn that become those of modules here; cv2 has the classes as dnn_NAME too.
_FUNCTIONS = {"readNet": "reading", "readNetFromCaffe": "reading"}
#: Names that cv2 has as dnn_NAME alone.
_REGISTRY = ("registerLayer", "unregisterLayer")
_CLASSES = {
    "Net": "net",
    "ClassificationModel": "models",
    "DetectionModel": "models",
    "KeypointsModel": "models",
    "SegmentationModel": "models",
}


def install() -> None:
    """Have cv2.dnn read Caffe's nets: readNetFromCaffe, readNet, Net and the models.

    A net of another framework stays cv2's own, and is a `cv2.dnn.Net` too.
    """
    for name, module in (_FUNCTIONS | _CLASSES).items():
        ours: Any = getattr(importlib.import_module(f"catdog.opencv.{module}"), name)
        setattr(cv2.dnn, name, ours)
        if name in _CLASSES:
            setattr(cv2, f"dnn_{name}", ours)
    for name in _REGISTRY:
        ours = getattr(importlib.import_module("catdog.opencv.registered"), name)
        setattr(cv2, f"dnn_{name}", ours)


def install_for_children() -> None:
    """Have every Python that this process starts do the same when it imports cv2."""
    paths = [FOLDER, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    if FOLDER not in sys.path:
        # multiprocessing gives its processes this path; the first place is the script's folder
        sys.path.insert(1, FOLDER)
