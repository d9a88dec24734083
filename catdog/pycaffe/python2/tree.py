"""Questions about the trees of fissix."""

import re
from collections.abc import Iterator
from typing import Any

from fissix.fixer_util import Name
from fissix.pgen2 import token
from fissix.pygram import python_symbols as syms
from fissix.pytree import Node

#: Lines of a script, and what is said of them.
Remarks = list[tuple[int, str]]


def power_of(children: list[Any]) -> Any:
    """The children as one node."""
    return Node(syms.power, children) if len(children) > 1 else children[0]


def is_attribute(node: Any) -> bool:
    """`.name`."""
    return bool(node.type == syms.trailer and node.children[0].type == token.DOT)


def is_call(node: Any) -> bool:
    """`(...)`."""
    return bool(node.type == syms.trailer and node.children[0].type == token.LPAR)


def is_target(node: Any) -> bool:
    """Whether something is assigned to, or deleted."""
    after = node.next_sibling
    assigned = node.parent.type == syms.expr_stmt and str(after).strip().endswith("=")
    return assigned or node.parent.type == syms.del_stmt


def is_called(leaf: Any) -> bool:
    """Whether a name is that of a call."""
    return leaf.next_sibling is not None and is_call(leaf.next_sibling)


def arguments_of(call: Any) -> list[Any]:
    """The arguments in the brackets of a call, without their commas; none of what is no call."""
    if call is None or not is_call(call):
        return []
    inside = call.children[1:-1]
    if inside and inside[0].type == syms.arglist:
        inside = inside[0].children
    return [child for child in inside if child.type != token.COMMA]


def is_attribute_or_keyword(leaf: Any) -> bool:
    """Whether a name is not looked up: `x.name`, `f(name=...)`."""
    before, after = leaf.prev_sibling, leaf.next_sibling
    keyword = leaf.parent.type == syms.argument and after is not None and after.type == token.EQUAL
    return keyword or (before is not None and before.type == token.DOT)


def is_float(node: Any) -> bool:
    """Whether a factor is a float for certain: a literal, or a call of float."""
    if node.type == token.NUMBER:
        number = node.value.lower()
        return bool(re.search("[.ej]", number)) and not number.startswith("0x")
    called = node.type == syms.power and len(node.children) == 2 and is_call(node.children[1])
    return called and node.children[0].type == token.NAME and node.children[0].value == "float"


def is_asked_for(leaf: Any) -> bool:
    """Whether a name is a kind that `isinstance(x, kind)` asks for, alone or in a tuple."""
    node = leaf
    while node.parent.type in (syms.atom, syms.testlist_gexp):
        node = node.parent
    call = node.parent.parent
    if node.parent.type != syms.arglist or not is_call(call):
        return False
    return bool(arguments_of(call)[1] is node and str(call.prev_sibling).strip() == "isinstance")


def names_of_numpy(tree: Any) -> set[str]:
    """The names under which the program imports NumPy."""
    return {"numpy", *re.findall(r"\bimport numpy as (\w+)", str(tree))}


def names_of_errors(tree: Any) -> set[str]:
    """The names that the program gives to what it catches."""
    clauses = (node for node in tree.pre_order() if node.type == syms.except_clause)
    return {str(clause.children[3]).strip() for clause in clauses if len(clause.children) > 3}


def open_tuples(function: Any) -> None:
    """`lambda k, (a, b): a + b` to `lambda k, tuple1: tuple1[0] + tuple1[1]`."""
    parameters = function.children[1]
    given = [parameters] if parameters.type != syms.varargslist else list(parameters.children)
    for index, parameter in enumerate(given):
        if parameter.type == syms.vfpdef:
            name = f"tuple{index}"
            places = dict(_places(parameter.children[1], name))
            parameter.replace(Name(name, prefix=parameter.prefix))
            for leaf in function.children[-1].leaves():
                if leaf.value in places and not is_attribute_or_keyword(leaf):
                    leaf.value = places[leaf.value]


def _places(names: Any, owner: str) -> Iterator[tuple[str, str]]:
    """For each name of a tuple of parameters where it is in the one that is handed over."""
    parts = names.children[::2] if names.type == syms.vfplist else [names]
    for index, part in enumerate(parts):
        place = f"{owner}[{index}]"
        if part.type == syms.vfpdef:
            yield from _places(part.children[1], place)
        else:
            yield part.value, place
