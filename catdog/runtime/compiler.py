"""What torch.compile needs of a machine."""

import os
import shutil
import sys

import torch

from catdog.errors import CatdogError

_USUAL = {"darwin": "clang++", "win32": "cl"}


def check_compiler(device: torch.device) -> None:
    """Raise CatdogError where a net on the CPU is to be compiled and there is no C++ compiler.

    torch would report it in the first iteration, in many lines. It takes the one that the variable
    CXX names.
    """
    compiler = os.environ.get("CXX", _USUAL.get(sys.platform, "g++"))
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise CatdogError(
            f"no C++ compiler here ({compiler})",
            where="--compile",
            remedy="install one, name it in CXX, or leave --compile out",
        )
