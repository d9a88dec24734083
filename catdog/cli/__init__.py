"""Command lines: arguments, errors as one line, the console command."""

import sys
from pathlib import Path

from catdog.runtime import garbage

if Path(sys.argv[0]).parent.name == "tools":
    # a tool begins, and imports; `run_tool` goes on from there
    garbage.leave()
