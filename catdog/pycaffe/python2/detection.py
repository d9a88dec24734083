"""Whether a program is one of Python 2: it is no Python 3, or breaks there for certain.

A name of Python 2 in a function that perhaps is never called proves nothing: what can be a program
of Python 3 is taken for one.
"""

import ast
import importlib.util
import warnings
from collections.abc import Iterator, Sequence

#: Builtins that are gone.
NAMES = {
    *("apply", "basestring", "cmp", "execfile", "file", "intern", "long", "raw_input"),
    *("reduce", "reload", "unichr", "unicode", "xrange"),
}
#: Modules that are gone or have another name.
MODULES = {
    *("BaseHTTPServer", "ConfigParser", "HTMLParser", "Queue", "SocketServer", "StringIO"),
    *("Tkinter", "__builtin__", "cPickle", "cStringIO", "commands", "cookielib", "httplib"),
    *("thread", "tkMessageBox", "urllib2", "urlparse"),
}
#: Methods that are gone.
METHODS = {"has_key", "iteritems", "iterkeys", "itervalues"}


def is_python2(source: bytes) -> bool:
    """Whether a program cannot run as Python 3, by its syntax or by what it does first."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return True
    bound = set(_bound(tree))
    return any(_breaks(node, bound) for node in _always_run(tree.body))


def looks_like_python2(error: BaseException) -> bool:
    """Whether an error is what a program of Python 2 runs into."""
    if isinstance(error, ModuleNotFoundError):
        return error.name in MODULES
    if isinstance(error, NameError):
        return error.name in NAMES
    return isinstance(error, AttributeError) and error.name in METHODS


def _always_run(statements: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Statements and expressions that run when a program is run, whatever it finds."""
    for statement in statements:
        if isinstance(statement, ast.If):
            if _asks_for_main(statement.test):
                yield from _always_run(statement.body)
        elif isinstance(statement, (ast.For, ast.With)):
            heads = [statement.iter] if isinstance(statement, ast.For) else statement.items
            for head in heads:
                yield from _evaluated(head)
            yield from _always_run(statement.body)
        elif isinstance(
            statement, (ast.Assign, ast.AugAssign, ast.Expr, ast.Import, ast.ImportFrom)
        ):
            yield from _evaluated(statement)


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those in it that are evaluated with it: no branch, no body of a function."""
    yield node
    if not isinstance(node, (ast.Lambda, ast.IfExp, ast.BoolOp)):
        for child in ast.iter_child_nodes(node):
            yield from _evaluated(child)


def _asks_for_main(test: ast.expr) -> bool:
    return ast.unparse(test) == "__name__ == '__main__'"


def _breaks(node: ast.AST, bound: set[str]) -> bool:
    if isinstance(node, ast.Import):
        return any(_is_gone(alias.name) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return not node.level and _is_gone(node.module or "")
    if isinstance(node, ast.Name):
        return node.id in NAMES - bound and "*" not in bound
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift):
        # print >>file, text
        return isinstance(node.left, ast.Name) and node.left.id == "print"
    return False


def _is_gone(module: str) -> bool:
    return module in MODULES and importlib.util.find_spec(module) is None


def _bound(tree: ast.AST) -> Iterator[str]:
    """Every name that a program binds somewhere, `*` where it imports all of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.arg):
            yield node.arg
