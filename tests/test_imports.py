"""Imports follow the direction of flow, and setup.cfg lists every package."""

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: A package imports only from itself and from those before it.
ORDER = (
    "errors",
    "proto",
    "fillers",
    "runtime",
    "spec",
    "data",
    "layers",
    "net",
    "weights",
    "solver",
    "engines",
    "inference",
    "export",
    "tracking",
    "training",
    "analysis",
    "pycaffe",
    "opencv",
    "interface",
    "cli",
    "project",
    "web",
    "serving",
    "studio",
)
RANK = {name: rank for rank, name in enumerate(ORDER)}
MODULES = sorted(
    path for path in (ROOT / "catdog").rglob("*.py") if not path.name.endswith("_pb2.py")
)
#: A module that is named in a string, as importlib takes it.
NAMED = re.compile(r"catdog(\.\w+)+")


def imported(source: str) -> Iterator[str]:
    """Modules of catdog that a source imports: anywhere in it, by statement or by name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "catdog":
            yield from (f"catdog.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, "imports are written out"
            yield node.module
        elif isinstance(node, ast.Constant) and NAMED.fullmatch(str(node.value)):
            yield str(node.value)


def package(dotted: str) -> str:
    """`catdog.layers.base` belongs to `layers`."""
    return dotted.split(".")[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_flow(path):
    own = path.relative_to(ROOT / "catdog").with_suffix("").parts[0]
    assert own in RANK or own == "__init__", f"{own} has no place in the order"
    names = {name for name in imported(path.read_text()) if name.startswith("catdog.")}
    # the console command finds the scripts of tools/
    names -= {"catdog.tools"} if own == "cli" else set()
    later = [name for name in names if RANK[package(name)] > RANK.get(own, len(ORDER))]
    assert not later


@pytest.mark.parametrize(
    "source",
    [
        "import catdog.cli.main",
        "from catdog import cli",
        "from catdog.cli.main import run_tool",
        "def f():\n    from catdog.cli.main import main",
        "def f():\n    importlib.import_module('catdog.cli.main').run_tool()",
    ],
)
def test_every_kind_of_import_is_seen(source):
    found = {name for name in imported(source) if name.startswith("catdog.")}
    assert {package(name) for name in found} == {"cli"}


def test_setup_lists_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "catdog").rglob("__init__.py")
    }
    assert listed == found | {"catdog.tools", "catdog.net_specs", "catdog.solvers"}


def test_no_module_is_named_for_nothing():
    named = {path.stem for path in MODULES}
    assert not named & {"util", "utils", "helper", "helpers", "common", "misc"}
