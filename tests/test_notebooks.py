"""The notebooks show what they do: each runs through, and what it shows is kept."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from notebooks.execute import FOLDER, digest, execute, executed_digest

ROOT = FOLDER.parent
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
#: What only one machine has, and what is a fault.
FOREIGN = re.compile(
    r"/(?:home|root|tmp|work|Users|usr)/|Traceback|\w+Warning|ipykernel_|site-packages|0x[0-9a-f]{8}"
)
#: Beside a notebook and the project's package each needs these, if anything.
NEEDED = ("docs", "tests")


def read(name: str) -> NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell: NotebookNode) -> list[str]:
    """What a cell shows, a word for each output; bars of progress do not count."""
    found = set()
    for output in cell.outputs:
        if output.output_type == "stream":
            found.add(output.name)
        else:
            found.update(output.data)
    return sorted(found - {"stderr"})


def shown_text(notebook: NotebookNode) -> str:
    """All outputs as text, pictures left out."""
    texts = []
    for output in (output for cell in code_cells(notebook) for output in cell.outputs):
        data = output.get("data", {})
        texts += [output.get("text", ""), *(data[key] for key in data if key.startswith("text/"))]
    return re.sub(r"base64,[\w+/=]+", "", "\n".join(texts))


def test_these_are_there() -> None:
    assert NOTEBOOKS == ["caffe_folder_to_pytorch", "cifar10_mini", "photos_to_submission"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_stored_as_it_was_executed(name: str) -> None:
    notebook = read(name)
    cells = code_cells(notebook)
    assert executed_digest(notebook) == digest(notebook), "edited since: make notebooks"
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert sum(any(kind.startswith("image/") for kind in kinds(cell)) for cell in cells) >= 2
    # a cell without an output only makes something that a later one shows
    assert sum(bool(cell.outputs) for cell in cells) >= 0.7 * len(cells)
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 400_000


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_outputs_are_of_any_machine(name: str) -> None:
    assert not FOREIGN.findall(shown_text(read(name)))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_opens_with_what_one_sees_and_its_links_lead_somewhere(name: str) -> None:
    cells = [cell.source for cell in read(name).cells if cell.cell_type == "markdown"]
    assert re.match(r"# .+\n\n.*You will see\n\n- ", cells[0], re.DOTALL)
    assert "minute" in "".join(cells[:2])
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", "\n".join(cells))
    assert targets
    assert not [target for target in targets if not (FOLDER / target).exists()]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # as all tests compute, and with the project as it lies about it
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for needed in NEEDED:
        (tmp_path / needed).symlink_to(ROOT / needed)
    path = Path(shutil.copy(FOLDER / f"{name}.ipynb", folder))
    done, stored = execute(path), read(name)
    assert executed_digest(done) == executed_digest(stored)
    assert not FOREIGN.findall(shown_text(done).replace(str(tmp_path), "/tmp/"))
    for cell, shown in zip(code_cells(done), code_cells(stored), strict=True):
        assert kinds(cell) == kinds(shown), cell.source


def test_a_cell_that_fails_is_a_failure(tmp_path: Path) -> None:
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    nbformat.write(notebook, tmp_path / "bad.ipynb")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(tmp_path / "bad.ipynb")
