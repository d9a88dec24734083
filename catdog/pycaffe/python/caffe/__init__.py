"""`import caffe` for whoever has the folder above on the path: catdog.pycaffe by that name."""

import importlib
import importlib.util
import sys
from pathlib import Path

# the import ends with what stands under the name by then
del sys.modules[__name__]
if importlib.util.find_spec("catdog") is None:
    # a child of a program that was run in a checkout
    sys.path.append(str(Path(__file__).parents[4]))
importlib.import_module("catdog.pycaffe.install").install()
