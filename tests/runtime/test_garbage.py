"""When a tool looks for garbage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
#: Says whether it is looked for, where a tool has imported and where it runs.
TOOL = """
import gc, os
from catdog.cli.main import run_tool
print(gc.isenabled())
run_tool(lambda _: print(gc.isenabled()))
"""


@pytest.mark.parametrize(("folder", "said"), [("tools", "False True"), ("other", "True True")])
def test_it_is_looked_for_when_a_tool_has_imported(tmp_path, folder, said):
    script = tmp_path / folder / "tool.py"
    script.parent.mkdir()
    script.write_text(TOOL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, env=environment
    )
    assert found.stdout.split() == said.split()
