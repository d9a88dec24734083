"""Record what OpenCV 4 computes of the cases: `.venv/bin/python -m tests.opencv.record [NAME ...]`.

Needs .venv-opencv4 (`make .venv-opencv4`).
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests.opencv.cases import CASES, RECORDED

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-opencv4/bin/python"


def computed(names: Iterable[str], folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """The outputs of cases by OpenCV 4, one process for all of them."""
    folders = {name: folder / name for name in names}
    for name, place in folders.items():
        CASES[name].write(place)
    program = Path(__file__).with_name("by_opencv4.py")
    subprocess.run(
        [PYTHON, program, *folders.values()], check=True, capture_output=True, timeout=300
    )
    return {name: dict(np.load(place / "out.npz")) for name, place in folders.items()}


def main(names: list[str]) -> None:
    """Write the outputs of the cases into recorded/."""
    with tempfile.TemporaryDirectory() as folder:
        for name, outputs in computed(names or CASES, Path(folder)).items():
            if "error" in outputs:
                print(f"{name}: {outputs['error']}", file=sys.stderr)
                continue
            np.savez_compressed(RECORDED / f"{name}.npz", **outputs)


if __name__ == "__main__":
    main(sys.argv[1:])
