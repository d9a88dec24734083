"""eval, exec, execfile and compile: the text that they are given is Python 2 too."""

import ast
import sys
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

from catdog.pycaffe.python2.file import File
from catdog.pycaffe.python2.finder import translation
from catdog.pycaffe.python2.text import as_bytes, as_text

_OURS = "catdog.pycaffe.python2"


def expression(source: Any, *future: str) -> Any:
    """What `eval` takes: the code of a text; `future` is what the script imports from __future__.

    Raises SyntaxError. What is code already stays as it is.
    """
    text = as_text(source)
    return _code(text.strip(), "<string>", "eval", future) if isinstance(text, str) else source


def statements(source: Any, *future: str) -> Any:
    """What `exec` takes, as above; of a file its text."""
    text = as_text(source.read() if isinstance(source, File) else source)
    return _code(text, "<string>", "exec", future) if isinstance(text, str) else source


def program(path: Any, *future: str) -> Any:
    """The code of a file, as `execfile` runs it; raises OSError and SyntaxError."""
    name = as_text(path)
    return _code(as_text(Path(name).read_bytes()), name, "exec", future)


def compiled(
    source: Any, filename: Any, mode: str, flags: int = 0, *more: Any, future: tuple[str, ...] = ()
) -> Any:
    """compile(source, filename, mode); raises SyntaxError."""
    text = as_text(source)
    if flags & ast.PyCF_ONLY_AST or not isinstance(text, str):
        return compile(source, filename, mode, flags, *more)
    return _code(text.strip() if mode == "eval" else text, as_text(filename), mode, future)


@lru_cache(maxsize=256)
def _code(text: str, filename: str, mode: str, future: tuple[str, ...]) -> Any:
    found = translation().translate(as_bytes(text), filename, future=frozenset(future))
    body = [
        node
        for node in found.tree(filename).body
        if getattr(node, "module", "") != "catdog.pycaffe"
    ]
    # no name of ours among the names of the script
    body = [_Inline().visit(node) for node in body]
    if mode != "eval":
        return _with_ours(compile(_filled(mode, body), filename, mode))
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise SyntaxError("invalid syntax", (filename, 1, 1, text))
    return _with_ours(compile(ast.Expression(body[0].value), filename, mode))


def _filled(mode: str, body: list[Any]) -> ast.Module | ast.Interactive:
    return ast.Interactive(body) if mode == "single" else ast.Module(body, [])


class _Inline(ast.NodeTransformer):
    """A constant in place of the name of our package."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """`python2`."""
        return ast.copy_location(ast.Constant(_OURS), node) if node.id == "python2" else node


def _with_ours(code: CodeType) -> CodeType:
    """The code with our package for that constant: it needs no name and no builtin to find it."""
    constants = tuple(
        _with_ours(each)
        if isinstance(each, CodeType)
        else sys.modules[_OURS]
        if each == _OURS
        else each
        for each in code.co_consts
    )
    return code.replace(co_consts=constants)
