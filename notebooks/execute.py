"""Execute the notebooks and keep what they show.

    make notebooks                                          all of them, in place
    python -m notebooks.execute cifar10_mini                one

Each leaves its files in a folder of its own beside it.
"""

import argparse
import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
#: What a cell needs at most, on a busy machine.
_SECONDS = 900
#: Where a run keeps the digest of the cells that were executed.
_DIGEST = "executed"
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def execute(path: Path) -> NotebookNode:
    """The notebook with the outputs of its cells, executed in its folder by this Python.

    Raises nbclient's CellExecutionError where a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as settings:
        client = NotebookClient(
            notebook,
            timeout=_SECONDS,
            coalesce_streams=True,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(path.parent)}},
        )
        client.execute(env=_environment(settings))
    for cell in notebook.cells:
        _plain(cell)
    notebook.metadata = {**_KERNEL, _DIGEST: digest(notebook)}
    return notebook


#: What every Python has, not this one.
_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def digest(notebook: NotebookNode) -> str:
    """Of the code of all cells: outputs of other code have another one."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def executed_digest(notebook: NotebookNode) -> str:
    """The digest of the code that made the outputs; empty where none did."""
    return str(notebook.metadata.get(_DIGEST, ""))


def _environment(settings: str) -> dict[str, str]:
    """That of this process: its commands first, and no settings of whoever runs it."""
    here = str(Path(sys.executable).parent)
    paths = os.pathsep.join([here, os.environ.get("PATH", "")])
    return {**os.environ, "PATH": paths, "IPYTHONDIR": settings, "JUPYTER_CONFIG_DIR": settings}


def _plain(cell: NotebookNode) -> None:
    """Leave out what only a terminal understands."""
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            output.text = _ESCAPE.sub("", output.text).replace("\r\n", "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of notebooks, without .ipynb (default: all)")
    names = parser.parse_args().names
    paths = [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb"))
    for path in paths:
        began = time.monotonic()
        notebook = execute(path)
        nbformat.write(notebook, path)
        print(f"{path.name}: {time.monotonic() - began:.0f} s, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
