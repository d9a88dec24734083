"""`import cv2` for whoever has the folder above on the path: cv2 itself, with Caffe's nets."""

import importlib
import importlib.util
import sys
from pathlib import Path

_FOLDER = str(Path(__file__).parents[1])

# the import ends with what stands under the name by then
del sys.modules[__name__]
_paths = sys.path[:]
sys.path[:] = [path for path in _paths if path != _FOLDER]
importlib.invalidate_caches()
importlib.import_module("cv2")
sys.path[:] = [*_paths, *(path for path in sys.path if path not in _paths)]
if importlib.util.find_spec("catdog") is None:
    # a child of a program that was run in a checkout
    sys.path.append(str(Path(__file__).parents[4]))
importlib.import_module("catdog.opencv.install").install()
