"""Record what OpenCV 4 computes: `.venv/bin/python -m tests.opencv.record [scripts] [CASE ...]`.

Needs .venv-opencv4 (`make .venv-opencv4`).
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests.opencv import sample_nets
from tests.opencv.cases import CASES, RECORDED

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).with_name("scripts")
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


def run_scripts(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """What the scripts write when OpenCV 4 runs them."""
    sample_nets.write(folder)
    found = {}
    for script in sample_nets.SCRIPTS:
        words = [PYTHON, SCRIPTS / f"{script}.py", *sample_nets.arguments(script, folder)]
        subprocess.run(words, check=True, timeout=300)
        found[script] = dict(np.load(folder / f"{script}.npz"))
    return found


def main(names: list[str]) -> None:
    """Write the outputs of the cases, or of the scripts, into recorded/."""
    with tempfile.TemporaryDirectory() as folder:
        if not names or "scripts" in names:
            for script, outputs in run_scripts(Path(folder)).items():
                np.savez_compressed(RECORDED / f"script_{script}.npz", **outputs)
        names = [name for name in names or CASES if name != "scripts"]
        for name, outputs in computed(names, Path(folder)).items():
            if "error" in outputs:
                print(f"{name}: {outputs['error']}", file=sys.stderr)
                continue
            np.savez_compressed(RECORDED / f"{name}.npz", **outputs)


if __name__ == "__main__":
    main(sys.argv[1:])
