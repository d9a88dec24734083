"""What README and docs name is there: tools with their flags, targets, pages, pictures."""

import contextlib
import importlib
import io
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from catdog.spec import read_solver

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
COMMAND = re.compile(r"(?:python |`)(?:tools/)?(\w+)\.py([^`\n#&|]*)")
TOOLS = {path.stem for path in (ROOT / "tools").glob("*.py")} - {"__init__"}


def commands() -> list[tuple[str, str, str]]:
    """(page, tool, arguments) of every command line that names a tool, also behind another's --."""
    return [
        (page.name, tool, arguments)
        for page in PAGES
        for first in COMMAND.findall(page.read_text())
        for tool, arguments in divided(*first)
        if tool in TOOLS
    ]


def divided(tool: str, arguments: str) -> list[tuple[str, str]]:
    """A command, and the one that it gets behind --."""
    own, _, second = arguments.partition(" -- ")
    name, _, words = second.partition(" ")
    return [(tool, own), (name, words)]


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


def test_a_page_tells_the_numbers_that_were_measured_for_it():
    """What `make learn-pictures` found stands in the page beside its pictures."""
    numbers = json.loads((ROOT / "docs/learn/numbers.json").read_text())
    page = (ROOT / "docs/learn/index.md").read_text()
    assert numbers and all(number.replace("%", " %") in page for number in numbers.values())


def in_nav(entry: object) -> list[str]:
    """Pages of a part of mkdocs.yml's nav."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in in_nav(part)]


def test_every_page_is_in_the_nav_of_the_site_once():
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    assert sorted(in_nav(SITE["nav"])) == sorted(pages)


def test_the_site_takes_nothing_from_the_network():
    assert "://" not in (ROOT / "mkdocs.yml").read_text().replace("file://", "")
    assert SITE["theme"]["font"] is False
    scripts = [*SITE["extra"]["polyfills"], *SITE["extra_css"], *SITE["extra_javascript"]]
    assert all((ROOT / "docs" / script).exists() for script in scripts)


def test_every_package_has_a_page_of_reference():
    references = (ROOT / "docs/reference").glob("*.md")
    shown = {
        name for page in references for name in re.findall(r"^::: (\S+)", page.read_text(), re.M)
    }
    packages = {f"catdog.{path.parent.name}" for path in ROOT.glob("catdog/*/__init__.py")}
    # the command line is told in docs/, the schema is not read but compiled
    assert packages - {"catdog.cli", "catdog.proto"} <= shown


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them, in the site and on the repository's page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", title).strip().lower() for title in titles]
    return {re.sub(r"[-\s]+", "-", title) for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchors_are_there(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
        linked = page.parent / target if target else page
        # anchors of docstrings are looked at by `make docs`
        if not anchor.startswith("catdog."):
            assert anchor in anchors(linked), f"{target}#{anchor}"


def test_modules_that_are_run_are_there():
    """`python -m MODULE` of the pages."""
    texts = (page.read_text() for page in PAGES)
    named = {name for text in texts for name in re.findall(r"python -m ([a-z_]+(?:\.\w+)*)", text)}
    ours = {name for name in named if name.split(".")[0] in ("benchmarks", "experiments", "tests")}
    assert "tests.report" in ours
    for name in ours:
        importlib.import_module(name)
