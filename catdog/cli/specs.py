"""Types of arguments that name a net or a solver: a name of the command line to its file.

Where that is one that ships with catdog, a line on stderr says which. Reading a file that is not
there says where it was looked for. Each raises CatdogError for a name that fits two files.
"""

import sys
from pathlib import Path

from catdog.spec.shipped import find_net, find_spec, shipped_note


def net_file(name: str) -> str:
    """The net of a name or a path."""
    return _told(find_net(name))


def spec_file(name: str) -> str:
    """The net or solver of a name or a path."""
    return _told(find_spec(name))


def _told(path: Path) -> str:
    if note := shipped_note(path):
        print(note, file=sys.stderr, flush=True)
    return str(path)
