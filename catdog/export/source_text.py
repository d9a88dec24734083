"""Python text: the functions and classes that a text needs, and lines that fit the page."""

import ast
import inspect
import textwrap
from collections.abc import Sequence
from functools import cache
from types import ModuleType

from catdog.export import functions
from catdog.layers import frame, norm, pooling, recurrent, reduce

WIDTH = 100

_SOURCES: tuple[ModuleType, ...] = (frame, norm, pooling, recurrent, reduce, functions)
_IMPORTS = {
    "ceil": "from math import ceil",
    "NamedTuple": "from typing import NamedTuple",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
}
#: What `from torch import` may bring.
_OF_TORCH = ("Tensor", "nn")


@cache
def definitions() -> dict[str, str]:
    """The source of every function, class and constant that a written file may have, by name."""
    found: dict[str, str] = {}
    for module in _SOURCES:
        text = inspect.getsource(module)
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = ast.get_source_segment(text, node) or ""
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = ast.get_source_segment(text, node) or ""
    return found


def needed(text: str) -> str:
    """Every definition that the text needs, and those that they need, in a fixed order."""
    found: set[str] = set()
    waiting = [text]
    while waiting:
        new = (_names(waiting.pop()) & definitions().keys()) - found
        found |= new
        waiting += [definitions()[name] for name in new]
    return "\n\n\n".join(source for name, source in definitions().items() if name in found)


def imports(text: str) -> str:
    """The import lines that the text needs, the standard library first."""
    names = _names(text)
    standard = [line for name, line in _IMPORTS.items() if name in names and "torch" not in line]
    lines = [line for name, line in _IMPORTS.items() if name in names and "torch" in line]
    lines.append(f"from torch import {', '.join(name for name in _OF_TORCH if name in names)}")
    return "\n".join([*standard, *([""] if standard else []), *lines])


def _names(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def block(lines: Sequence[str], spaces: int) -> str:
    """Lines with an indent; one that is too long is broken at its commas."""
    return "".join(_fitted(line, " " * spaces) for line in lines)


def _fitted(line: str, indent: str) -> str:
    if len(indent) + len(line) <= WIDTH or "(" not in line or not line.endswith(")"):
        return f"{indent}{line}\n"
    head, inside = line[:-1].split("(", 1)
    body = textwrap.fill(
        inside,
        WIDTH,
        initial_indent=f"{indent}    ",
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{indent}{head}(\n{body}\n{indent})\n"
