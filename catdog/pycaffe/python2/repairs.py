"""What a translation of Python 2 needs beyond other names and syntax, done on its tree.

The text that comes out calls `catdog.pycaffe.python2` where Python 3 would do something else.
"""

import re
from collections.abc import Callable
from typing import Any

from fissix.fixer_util import Call, Name, parenthesize
from fissix.pgen2 import token
from fissix.pygram import python_symbols as syms
from fissix.pytree import Leaf, Node

from catdog.pycaffe.python2.comprehensions import keep_variables
from catdog.pycaffe.python2.imports import import_from, import_helpers, import_name
from catdog.pycaffe.python2.names import (
    BUILTINS,
    CALLED,
    FIRST_ARGUMENTS,
    HANDED_ON,
    KINDS,
    METHODS,
    NUMPY,
    RENAMED,
    RESULTS,
    TAKE_BYTES,
)
from catdog.pycaffe.python2.scopes import scope_of, with_own_meaning
from catdog.pycaffe.python2.tree import (
    Remarks,
    arguments_of,
    is_asked_for,
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
_UNICODE = re.compile(r"\b[uU][rR]?[\"']|\bunicode\b|\.decode\(|\bcodecs\b|\bjson\b")
_UNICODE_ASKED = "unicode is str here: what asks for it takes a plain str for one too"
_STR_ASKED = "unicode is str here: what asks for str takes unicode for one too"
_EXEC = "what this exec assigns are no variables of the function"
_PREFIX = re.compile("[a-zA-Z]*")


def repair(tree: Any, future: frozenset[str]) -> Remarks:
    """Change a tree of Python 2 in place; `future` has what it imports from __future__.

    Gives the lines whose meaning may be another one.
    """
    remarks: Remarks = []
    keep_variables(tree, remarks)
    repairs = _Repairs(tree, future, remarks)
    # a snapshot: what is put in is not looked at again
    for node in list(tree.post_order()):
        change = repairs.by_type.get(node.type)
        if change is not None:
            change(node)
    if repairs.calls_us:
        import_helpers(tree)
    return sorted(set(remarks))


class _Repairs:
    """The changes of one tree, by the type of the node."""

    def __init__(self, tree: Any, future: frozenset[str], remarks: Remarks) -> None:
        self.calls_us = False
        self._remarks = remarks
        self._own = with_own_meaning(tree, {*BUILTINS, *HANDED_ON, *CALLED, *KINDS})
        self._future = sorted(future & {"division", "print_function", "unicode_literals"})
        self._has_unicode = bool(_UNICODE.search(str(tree))) or "unicode_literals" in future
        self._numpy = names_of_numpy(tree)
        self._errors = names_of_errors(tree)
        self._bytes = "unicode_literals" not in future
        self.by_type: dict[int, Callable[[Any], None]] = {
            token.NAME: self.name,
            token.STRING: self.string,
            syms.power: self.power,
            syms.expr_stmt: self.assignment,
            syms.exec_stmt: self.exec,
            syms.funcdef: self.function,
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
            before = argument.prefix or (" " if index else "")
            if len(arguments) > 1 and argument.type == syms.argument:
                # a generator beside others
                argument.prefix = ""
                argument = arguments[index] = parenthesize(argument)
            argument.prefix = before
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
        if id(leaf) in self._own or is_attribute_or_keyword(leaf):
            return
        if leaf.value in KINDS and not is_called(leaf):
            self._kind(leaf)
        elif new:
            self.calls_us |= new.startswith("python2.")
            leaf.value = new
        elif leaf.value == "cElementTree":
            leaf.value = "ElementTree"

    def _kind(self, leaf: Any) -> None:
        """A kind of text, asked for: two of Python 2's are one here."""
        asked = is_asked_for(leaf)
        if leaf.value == "unicode":
            self._remark(leaf, _UNICODE_ASKED)
        elif leaf.value == "str" and self._has_unicode and asked:
            self._remark(leaf, _STR_ASKED)
        if asked and leaf.value != "unicode":
            leaf.value = "(bytes, str)" if leaf.value == "bytes" else "python2.KINDS"
            self.calls_us |= leaf.value == "python2.KINDS"
        elif leaf.value == "unicode":
            leaf.value = "str"

    def _remark(self, node: Any, text: str) -> None:
        self._remarks.append((node.get_lineno(), text))

    def exec(self, node: Any) -> None:
        """`exec text`, `exec text in names`, `exec(text, names)`."""
        text, inside = node.children[1], None
        if text.type == syms.atom and text.children[0].type == token.LPAR:
            inside = text.children[1]
        given = inside.children[0] if inside and inside.type == syms.testlist_gexp else text
        own = given is text and len(node.children) < 3
        if own and scope_of(node).type == syms.funcdef:
            self._remark(node, _EXEC)
        self._replace_source(given, "statements")

    def _replace_source(self, given: Any, helper: str) -> None:
        """A text of Python 2 by its code, which divides as the script does."""
        future = [Leaf(token.STRING, f'"{name}"') for name in self._future]
        source, prefix = given.clone(), given.prefix
        source.prefix = ""
        given.replace(self.ours(helper, [source, *future], prefix))

    def function(self, node: Any) -> None:
        """`def __cmp__` of a class."""
        if node.children[1].value == "__cmp__" and scope_of(node).type == syms.classdef:
            self.calls_us = True
            first = node.children[0]
            first.value = f"@python2.compares\n{' ' * first.column}def"

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
        if module.type == token.NAME and is_call(trailers[0]):
            self._builtin(module, trailers[0])
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
            if RENAMED[key] == " str" and name.value != "StringType":
                self._remark(name, _UNICODE_ASKED)
            self._rename(node, RENAMED[key])
        elif len(trailers) > 1 and is_call(trailers[1]):
            if key in FIRST_ARGUMENTS:
                self._first_argument(trailers[1], FIRST_ARGUMENTS[key])
            if key in RESULTS:
                self._around(node, 2, RESULTS[key])

    def _builtin(self, name: Any, call: Any) -> None:
        """`eval(text)`, `execfile(path)`, `input()`, `type(x)`."""
        given = arguments_of(call)
        if name.value == "python2.compiled" and self._future:
            inherited = f", future={tuple(self._future)!r}"
            call.insert_child(len(call.children) - 1, Leaf(token.NAME, inherited))
        if id(name) in self._own or name.value not in CALLED:
            return
        if name.value == "input":
            asked, prefix = Node(syms.power, [Name("raw_input"), call.clone()]), name.prefix
            name.value, name.prefix = "eval", prefix
            call.replace(Call(Name(""), [self.ours("expression", [asked])]).children[1])
        elif name.value == "type" and len(given) == 1:
            name.value, self.calls_us = "python2.kind_of", True
        elif name.value == "eval" and given:
            self._replace_source(given[0], "expression")
        elif name.value == "execfile" and given:
            if len(given) == 1 and scope_of(name).type == syms.funcdef:
                self._remark(name, _EXEC)
            name.value = "exec"
            self._replace_source(given[0], "program")

    def _method(self, node: Any, index: int) -> int:
        """`x.name(...)` at a place of a power; gives the place where one looks on."""
        name, call = node.children[index : index + 2]
        method = name.children[1].value
        if method in TAKE_BYTES:
            self._first_argument(call, "as_bytes")
        elif method == "tostring" and len(call.children) == 2:
            name.children[1].value = "tobytes"
        elif method == "join" and node.children[0].type == token.STRING and index == 1:
            separator, prefix = node.children[0].clone(), node.prefix
            separator.prefix = ""
            given = [argument.clone() for argument in arguments_of(call)]
            self._replace_head(node, 2, self.ours("joined", [separator, *given], prefix))
            return 0
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
