"""What keeps the code readable: short functions, and names that stand for one thing."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("catdog", "tools", "benchmarks", "experiments")
MODULES = [
    "notebooks/execute.py",
    *sorted(
        str(path.relative_to(ROOT)) for name in FOLDERS for path in (ROOT / name).rglob("*.py")
    ),
]
#: Lines of a function, with its signature and its docstring.
LONGEST = 40
#: Public names of several classes each, and why.
SHARED = {
    "Net": "caffe.Net of pycaffe, cv2.dnn.Net of opencv, the torch module of net/",
    "Solver": "caffe.Solver of pycaffe, the training loop of solver/",
}


@pytest.mark.parametrize("path", MODULES)
def test_functions_are_short(path: str) -> None:
    long = [
        f"{node.name} has {lines} lines"
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > LONGEST
    ]
    assert not long


def test_a_class_has_a_name_of_its_own() -> None:
    places = defaultdict(list)
    for path in (ROOT / "catdog").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))
    twice = {name: where for name, where in places.items() if len(where) > 1}
    open_names = {name: where for name, where in twice.items() if name not in SHARED}
    assert not open_names
