"""A program of Python 2 as one of Python 3: its text, and its code with the lines of the original.

Syntax and the names of the standard library are the work of fissix, a kept lib2to3; `repairs` does
what it leaves to people: division, text and bytes, removed names of NumPy.
"""

import ast
import io
import logging
import re
import tokenize
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from fissix.pgen2.parse import ParseError
from fissix.pgen2.tokenize import TokenError, generate_tokens
from fissix.pygram import python_grammar_no_print_statement
from fissix.refactor import RefactoringTool

from catdog.pycaffe.python2.repairs import repair
from catdog.pycaffe.python2.tree import Remarks

#: The fixers of fissix, by their names there, and one more for modules of packages.
_FIXERS = (
    *("apply", "basestring", "dict", "except", "exec", "execfile", "exitfunc"),
    *("funcattrs", "getcwdu", "has_key", "imports", "imports2", "input", "intern", "isinstance"),
    *("itertools", "itertools_imports", "long", "metaclass", "methodattrs", "ne", "next"),
    *("nonzero", "numliterals", "operator", "paren", "print", "raise", "raw_input"),
    *("reload", "renames", "repr", "standarderror", "sys_exc", "throw", "tuple_params", "types"),
    *("urllib", "xrange", "xreadlines", "zip"),
)
_RELATIVE = "import"

_COOKIE = re.compile(r"(?<=coding[:=])[ \t]*[-\w.]+")
_TAB = 8


@dataclass(frozen=True)
class Translation:
    """A text of Python 3, and for each of its lines the line of the original, both from 1.

    The `remarks` are lines of the original that may mean something else, and what.
    """

    text: str
    lines: list[int]
    remarks: Remarks = field(default_factory=list)

    def compiled(self, filename: str) -> CodeType:
        """The code, whose lines are those of the original."""
        code: CodeType = compile(self.tree(filename), filename, "exec")
        return code

    def tree(self, filename: str) -> ast.Module:
        """The syntax tree, whose lines are those of the original."""
        tree = ast.parse(self.text, filename)
        for node in ast.walk(tree):
            if isinstance(node, (ast.stmt, ast.expr, ast.excepthandler, ast.arg, ast.keyword)):
                node.lineno = node.end_lineno = self.lines[node.lineno - 1]
                # the columns are those of another text
                node.col_offset = node.end_col_offset = -1
        return tree


def translate(
    source: bytes,
    filename: str,
    *,
    in_package: bool = False,
    future: frozenset[str] = frozenset(),
) -> Translation:
    """Translate a program; `in_package` lets imports find modules beside the file first.

    `future` is what holds as if imported from __future__.

    Raises SyntaxError for what is no Python 2 either.
    """
    try:
        text = _without_mixed_tabs(_decoded(source))
        tree, remarks = _Tool(in_package).translated(text, filename, future)
    except (ParseError, TokenError) as error:
        raise SyntaxError(f"is no Python 2 either: {error}") from error
    found = Translation(str(tree), _lines(tree), remarks)
    ast.parse(found.text, filename)
    return found


class _Tool(RefactoringTool):  # type: ignore[misc]
    def __init__(self, in_package: bool) -> None:
        logging.getLogger("RefactoringTool").setLevel(logging.CRITICAL)
        names = (*_FIXERS, _RELATIVE) if in_package else _FIXERS
        super().__init__([f"fissix.fixes.fix_{name}" for name in names])

    def translated(self, text: str, filename: str, future: frozenset[str]) -> tuple[Any, Remarks]:
        """The tree of a text in Python 3, and what is to be said of its lines."""
        future |= _future(text)
        try:
            if "print_function" in future:
                raise ParseError("has no print statement", 0, "", ("", (0, 0)))
            tree = self.driver.parse_string(text)
        except ParseError:
            # also what is written for both: `print(x, file=f)`
            self.driver.grammar = python_grammar_no_print_statement
            tree = self.driver.parse_string(text)
        tree.future_features = future
        # ours first: they look for the names of Python 2
        remarks = repair(tree, future)
        self.refactor_tree(tree, filename)
        return tree, remarks


def _future(text: str) -> frozenset[str]:
    """What a program imports from __future__."""
    found = re.findall(r"^from __future__ import \(?([\w, ]+)", text, re.MULTILINE)
    return frozenset(name for names in found for name in re.findall(r"\w+", names))


def _decoded(source: bytes) -> str:
    """The text of a file in the encoding that it declares, else UTF-8, else Latin-1."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        text = source.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first, second, *rest = [*text.split("\n"), ""]
    # what is written will be UTF-8
    head = [
        _COOKIE.sub(" utf-8", line) if line.startswith("#") else line for line in (first, second)
    ]
    return "\n".join([*head, *rest]).rstrip("\n") + "\n"


def _without_mixed_tabs(text: str) -> str:
    """The text indented by spaces: a tab goes to the next multiple of eight, as in Python 2."""
    if "\t" not in text:
        return text
    within: set[int] = set()
    for token in generate_tokens(io.StringIO(text).readline):
        (first, _), (last, _) = token[2:4]
        within.update(range(first + 1, last + 1))
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if index + 1 not in within:
            code = line.lstrip(" \t\f")
            lines[index] = line[: len(line) - len(code)].expandtabs(_TAB) + code
    return "\n".join(lines)


def _lines(tree: Any) -> list[int]:
    """For each line of the tree's text the line of the original."""
    found, line, last = [0], 1, 1
    for leaf in tree.leaves():
        line += leaf.prefix.count("\n")
        found += [0] * (line - len(found))
        if leaf.lineno and not found[line - 1]:
            found[line - 1] = leaf.lineno
        # fissix makes leaves of numbers
        line += str(leaf.value).count("\n")
    found += [0] * (line - len(found))
    for index, number in enumerate(found):
        last = found[index] = number or last
    return found
