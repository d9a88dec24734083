"""What a translation of Python 2 needs beyond other names and syntax, done on its tree.

The text that comes out calls `catdog.pycaffe.python2` where Python 3 would do something else.
"""

import re
from collections.abc import Callable
from typing import Any

from fissix.fixer_util import Call, Name
from fissix.pgen2 import token
from fissix.pygram import python_symbols as syms
from fissix.pytree import Leaf, Node

from catdog.pycaffe.python2.imports import import_from, import_helpers, import_name
from catdog.pycaffe.python2.names import (
    BUILTINS,
    FIRST_ARGUMENTS,
    HANDED_ON,
    METHODS,
    NUMPY,
    RENAMED,
    RESULTS,
    TAKE_BYTES,
)
from catdog.pycaffe.python2.tree import (
    arguments_of,
    bound_names,
    is_attribute,
    is_attribute_or_keyword,
    is_call,
    is_called,
    is_float,
    is_target,
    names_of_errors,
    names_of_numpy,
    open_tuples,
    power_of,
)

_HIGH_BYTES = r"(?:\\x[89a-fA-F][0-9a-fA-F]|\\[23][0-7]{2})+"
_ESCAPES = re.compile(rf"\\\\|{_HIGH_BYTES}|\\[uUN]")
_PREFIX = re.compile("[a-zA-Z]*")


def repair(tree: Any, future: frozenset[str]) -> None:
    """Change a tree of Python 2 in place; `future` has what it imports from __future__."""
    repairs = _Repairs(tree, future)
    # a snapshot: what is put in is not looked at again
    for node in list(tree.post_order()):
        change = repairs.by_type.get(node.type)
        if change is not None:
            change(node)
    if repairs.calls_us:
        import_helpers(tree)


class _Repairs:
    """The changes of one tree, by the type of the node."""

    def __init__(self, tree: Any, future: frozenset[str]) -> None:
        self.calls_us = False
        self._bound = bound_names(tree)
        self._numpy = names_of_numpy(tree)
        self._errors = names_of_errors(tree)
        self._bytes = "unicode_literals" not in future
        self.by_type: dict[int, Callable[[Any], None]] = {
            token.NAME: self.name,
            token.STRING: self.string,
            syms.power: self.power,
            syms.expr_stmt: self.assignment,
            syms.lambdef: open_tuples,
            syms.import_name: import_name,
            syms.import_from: import_from,
        }
        self._true_division = "division" in future
        if not self._true_division:
            self.by_type[syms.term] = self.term

    def ours(self, name: str, arguments: list[Any], prefix: str = "") -> Any:
        """A call of one of ours."""
        self.calls_us = True
        for index, argument in enumerate(arguments):
            argument.prefix = argument.prefix or (" " if index else "")
        commas: list[Any] = []
        for argument in arguments:
            commas += [Leaf(token.COMMA, ","), argument] if commas else [argument]
        return Call(Name(f"python2.{name}"), commas, prefix)

    def name(self, leaf: Any) -> None:
        """A builtin that is another one now, called or handed on."""
        new = BUILTINS.get(leaf.value)
        if leaf.value == "unicode" and len(arguments_of(leaf.next_sibling)) > 1:
            # unicode(text, encoding)
            new = "python2.decode"
        elif leaf.value in HANDED_ON and not is_called(leaf):
            new = HANDED_ON[leaf.value]
        if new and leaf.value not in self._bound and not is_attribute_or_keyword(leaf):
            self.calls_us |= new.startswith("python2.")
            leaf.value = new
        elif leaf.value == "cElementTree":
            leaf.value = "ElementTree"

    def string(self, leaf: Any) -> None:
        """A literal without u; bytes above 127 as the text that stands for them."""
        kind = _PREFIX.match(leaf.value).group().lower()  # type: ignore[union-attr]
        if "u" in kind:
            leaf.value = leaf.value[: len(kind)].lower().replace("u", "") + leaf.value[len(kind) :]
        elif not kind and self._bytes:
            leaf.value = _ESCAPES.sub(_escape, leaf.value)

    def term(self, node: Any) -> None:
        """`a / b` of what may be whole numbers."""
        if all(child.type != token.SLASH for child in node.children):
            return
        prefix, done = node.prefix, [node.children[0].clone()]
        for sign, operand in zip(node.children[1::2], node.children[2::2], strict=True):
            right = operand.clone()
            if sign.type != token.SLASH or any(map(is_float, (*done, right))):
                done += [sign.clone(), right]
                continue
            left = Node(syms.term, done) if len(done) > 1 else done[0]
            left.prefix = ""
            done = [self.ours("divide", [left, right])]
        done[0].prefix = prefix
        node.replace(Node(syms.term, done) if len(done) > 1 else done[0])

    def assignment(self, node: Any) -> None:
        """`x /= y`, and what a message's field of bytes is given."""
        if len(node.children) != 3:
            return
        target, sign, value = node.children
        prefix, given = value.prefix, value.clone()
        given.prefix = ""
        if sign.type == token.SLASHEQUAL:
            if not self._true_division and not is_float(value):
                value.replace(self.ours("Divisor", [given], prefix))
        elif sign.type == token.EQUAL and re.fullmatch(r"\w+\.data", str(target).strip()):
            owner = str(target).strip().removesuffix(".data")
            field = [Name(owner), Leaf(token.STRING, '"data"'), given]
            value.replace(self.ours("for_field", field, prefix))

    def power(self, node: Any) -> None:
        """Calls of modules' functions and of methods."""
        self._function(node)
        index = 1
        while index < len(node.children) - 1:
            name, call = node.children[index : index + 2]
            if is_attribute(name) and is_call(call):
                index = self._method(node, index)
            index += 1

    def _function(self, node: Any) -> None:
        """`module.function`, called or not."""
        module, *trailers = node.children
        if module.type != token.NAME or not trailers or not is_attribute(trailers[0]):
            return
        name = trailers[0].children[1]
        key = (module.value, name.value)
        if is_target(node):
            return
        if module.value in self._errors and name.value == "message":
            self._around(node, 0, "message")
            node.children[1].remove()
        elif module.value in self._numpy and name.value in NUMPY:
            self._rename(node, NUMPY[name.value])
        elif key in RENAMED:
            self._rename(node, RENAMED[key])
        elif len(trailers) > 1 and is_call(trailers[1]):
            if key in FIRST_ARGUMENTS:
                self._first_argument(trailers[1], FIRST_ARGUMENTS[key])
            if key in RESULTS:
                self._around(node, 2, RESULTS[key])

    def _method(self, node: Any, index: int) -> int:
        """`x.name(...)` at a place of a power; gives the place where one looks on."""
        name, call = node.children[index : index + 2]
        method = name.children[1].value
        if method in TAKE_BYTES:
            self._first_argument(call, "as_bytes")
        elif method == "tostring" and len(call.children) == 2:
            name.children[1].value = "tobytes"
        elif method == "communicate":
            self._around(node, index + 1, "native")
            return 0
        elif method in METHODS and (method != "sort" or len(call.children) > 2):
            owner = power_of([child.clone() for child in node.children[:index]])
            prefix, owner.prefix = owner.prefix, ""
            given = [argument.clone() for argument in arguments_of(call)]
            self._replace_head(node, index + 1, self.ours(method, [owner, *given], prefix))
            return 0
        return index

    def _rename(self, node: Any, new: str) -> None:
        """`module.name` to `module.new`, or to what begins with a blank or is ours alone."""
        if new.startswith((" ", "python2.")):
            self.calls_us |= "python2." in new
            self._replace_head(node, 1, Name(new.strip(), prefix=node.prefix))
        else:
            node.children[1].children[1].value = new

    def _first_argument(self, call: Any, helper: str) -> None:
        for argument in arguments_of(call)[:1]:
            given, prefix = argument.clone(), argument.prefix
            given.prefix = ""
            argument.replace(self.ours(helper, [given], prefix))

    def _around(self, node: Any, last: int, helper: str) -> None:
        """What a power is up to a child, as the argument of one of ours."""
        inner = power_of([child.clone() for child in node.children[: last + 1]])
        prefix, inner.prefix = inner.prefix, ""
        self._replace_head(node, last, self.ours(helper, [inner], prefix))

    def _replace_head(self, node: Any, last: int, new: Any) -> None:
        """Put something in the place of the first children of a power, up to one."""
        for child in node.children[1 : last + 1]:
            child.remove()
        node.children[0].replace(new)


def _escape(found: re.Match[str]) -> str:
    text = found.group()
    if text[1] in "uUN":
        # no escape in a str of Python 2
        return "\\" + text
    if text == "\\\\":
        return text
    codes = re.findall(r"\\(?:x(..)|(...))", text)
    raw = bytes(int(hexa, 16) if hexa else int(octal, 8) for hexa, octal in codes)
    return "".join(
        f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"
        for c in raw.decode("utf-8", "surrogateescape")
    )
