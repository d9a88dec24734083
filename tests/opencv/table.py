"""Print the table of docs/opencv.md: `.venv/bin/python -m tests.opencv.table`."""

import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from tests.opencv.cases import CASES, RECORDED
from tests.opencv.test_agreement import ours


def differences() -> dict[str, list[float]]:
    """Of each type the largest difference of each case, relative to the largest number."""
    found = defaultdict(list)
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            case.write(Path(folder))
            mine = ours(Path(folder))
        theirs = dict(np.load(RECORDED / f"{name}.npz"))
        worst = max(np.abs(mine[k] - theirs[k]).max() / np.abs(theirs[k]).max() for k in theirs)
        found[name.partition("_")[0]].append(float(worst))
    return found


if __name__ == "__main__":
    print("| layer | cases | largest difference |\n|---|---|---|")
    for kind, worst in sorted(differences().items()):
        print(
            f"| {kind} | {len(worst)} | {max(worst):.0e} |"
            if max(worst)
            else f"| {kind} | {len(worst)} | 0 |"
        )
