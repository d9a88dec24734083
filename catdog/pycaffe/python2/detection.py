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
#: With these a program may leave before what follows.
LEAVING = {"SystemExit", "_exit", "abort", "exit", "quit", "raise"} | {"execv", "execvp", "execve"}
#: With these a program may give any name, module or operator a meaning of its own.
CHANGING = {
    *("__builtins__", "__import__", "__rrshift__", "__rshift__", "builtins", "eval", "exec"),
    *("globals", "locals", "meta_path", "modules", "setattr", "vars"),
}


def is_python2(source: bytes) -> bool:
    """Whether a program cannot run as Python 3, by its syntax or by what it does first."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return True
    if _mentions(tree, CHANGING):
        return False
    bound = set(_bound(tree))
    return any(_breaks(node, bound) for node in _always_run(tree.body))


def looks_like_python2(error: BaseException) -> bool:
    """Whether an error is what a program of Python 2 runs into."""
    if isinstance(error, ModuleNotFoundError):
        return error.name in MODULES
    if isinstance(error, NameError):
        return error.name in NAMES
    if isinstance(error, TypeError):
        # Python's own words about print >>file
        return 'Did you mean "print(' in str(error)
    return isinstance(error, AttributeError) and error.name in METHODS


def _always_run(statements: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Statements and expressions that run when a program is run, whatever it finds."""
    for statement in statements:
        if isinstance(statement, ast.For):
            yield from _evaluated(statement.iter)
        elif isinstance(statement, ast.With):
            # what follows the first may be in a `suppress`
            yield from _evaluated(statement.items[0].context_expr)
        elif isinstance(
            statement, (ast.Assign, ast.AugAssign, ast.Expr, ast.Import, ast.ImportFrom)
        ):
            yield from _evaluated(statement)
        if _mentions(statement, LEAVING):
            return


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those in it that are evaluated with it: no branch, no body of a function."""
    yield node
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        # the rest is not evaluated over nothing
        yield from _evaluated(node.generators[0].iter)
    elif not isinstance(node, (ast.Lambda, ast.IfExp, ast.BoolOp)):
        for child in ast.iter_child_nodes(node):
            yield from _evaluated(child)


def _mentions(tree: ast.AST, names: set[str]) -> bool:
    """Whether a program has one of the names anywhere, a raise being one of `raise`."""
    return any(
        (isinstance(node, ast.Raise) and "raise" in names)
        or (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.alias) and node.name in names)
        or (isinstance(node, ast.FunctionDef) and node.name in names)
        for node in ast.walk(tree)
    )


def _breaks(node: ast.AST, bound: set[str]) -> bool:
    if isinstance(node, ast.Import):
        return any(_is_gone(alias.name) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return not node.level and _is_gone(node.module or "")
    if isinstance(node, ast.Name):
        return node.id in NAMES - bound and "*" not in bound
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift):
        # print >>file, text
        left = node.left
        return isinstance(left, ast.Name) and left.id == "print" and not bound & {"print", "*"}
    return False


def _is_gone(module: str) -> bool:
    return module in MODULES and importlib.util.find_spec(module) is None


def _bound(tree: ast.AST) -> Iterator[str]:
    """Every name that a program binds somewhere, `*` where it imports all of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)):
            # `case _` has no name
            yield from [node.name] if node.name else []
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.arg):
            yield node.arg
