"""What README and docs name is there: tools with their flags, targets, pages, pictures."""

import contextlib
import importlib
import io
import re
import shlex
from pathlib import Path

import pytest

from catdog.spec import read_solver

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:python |`)(?:tools/)?(\w+)\.py([^`\n#&|]*)")
TOOLS = {path.stem for path in (ROOT / "tools").glob("*.py")} - {"__init__"}


def commands() -> list[tuple[str, str, str]]:
    """(page, tool, arguments) of every command line that names a tool."""
    return [
        (page.name, tool, arguments)
        for page in PAGES
        for tool, arguments in COMMAND.findall(page.read_text())
        if tool in TOOLS
    ]


def help_of(tool: str) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text), pytest.raises(SystemExit):
        importlib.import_module(f"tools.{tool}").main(["--help"])
    return text.getvalue()


def test_there_are_commands_to_check():
    assert {"train", "predict", "plot_learning_curve"} <= {tool for _, tool, _ in commands()}


@pytest.mark.parametrize("tool", sorted({tool for _, tool, _ in commands()}))
def test_every_flag_of_a_documented_command_exists(tool):
    known = set(re.findall(r"--[\w-]+", help_of(tool)))
    for page, name, arguments in commands():
        if name == tool:
            words = shlex.split(arguments.replace("[", " ").replace("]", " "))
            flags = {word.split("=")[0] for word in words if word.startswith("--")}
            assert flags <= known, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_are_there(page):
    text = page.read_text()
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    targets += re.findall(r"(?<![\w/.])(?:net_specs|solvers|tests)/[\w/]+\.(?:yaml|py)", text)
    missing = [t for t in targets if not ((page.parent / t).exists() or (ROOT / t).exists())]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_are_there(page):
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z0-9-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= targets


SNAPSHOT = re.compile(r"(snapshots/\w+/\w+?)_(?:iter_(\d+)|best)\.(?:caffemodel|solverstate)")


@pytest.mark.parametrize("page", [*PAGES, *sorted(ROOT.glob("tools/*.py"))], ids=lambda p: p.name)
def test_snapshots_are_those_that_a_solver_makes(page):
    solvers = [read_solver(path).message for path in (ROOT / "solvers").glob("*.yaml")]
    for prefix, iteration in SNAPSHOT.findall(page.read_text()):
        (solver,) = [each for each in solvers if each.snapshot_prefix == prefix]
        if iteration:
            assert int(iteration) == solver.max_iter or int(iteration) % solver.snapshot == 0
        else:
            assert solver.snapshot_best
