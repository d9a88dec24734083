"""What a process says to OpenMP before torch is there."""

import os
import subprocess
import sys

import pytest

NAMES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


@pytest.mark.parametrize(
    ("program", "given", "said"),
    [
        ("import catdog", {}, "1000"),
        ("import torch, catdog", {}, "None"),
        ("import catdog", {"GOMP_SPINCOUNT": "7"}, "7"),
        ("import catdog", {"OMP_WAIT_POLICY": "active"}, "None"),
    ],
)
def test_threads_wait_asleep_unless_told_otherwise(program, given, said):
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    told = "import os; print(os.environ.get('GOMP_SPINCOUNT'))"
    found = subprocess.run(
        [sys.executable, "-c", f"{program}; {told}"],
        env={**kept, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == said
