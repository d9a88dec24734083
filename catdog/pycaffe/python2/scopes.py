"""Which scope of a program binds a name, asked of the trees of fissix."""

from collections.abc import Collection, Iterator
from typing import Any

from fissix.pgen2 import token
from fissix.pygram import python_symbols as syms

from catdog.pycaffe.python2.tree import is_attribute_or_keyword

_PARAMETERS = (syms.parameters, syms.typedargslist, syms.varargslist, syms.vfpdef, syms.vfplist)
_ALIASES = (syms.import_as_name, syms.dotted_as_name)
_TUPLES = (
    *(syms.atom, syms.testlist_gexp, syms.listmaker, syms.exprlist, syms.testlist),
    *(syms.testlist_safe, syms.testlist_star_expr),
)


def names_of(tree: Any) -> Iterator[Any]:
    """Every leaf that is a name to be looked up or bound: no attribute, no keyword of a call."""
    for leaf in tree.leaves():
        if leaf.type == token.NAME and not is_attribute_or_keyword(leaf):
            yield leaf


def scope_of(node: Any) -> Any:
    """The function, class or file in which a node stands; a function's name stands outside it."""
    inside, outer = node, node.parent
    while outer is not None:
        if outer.type in (syms.funcdef, syms.classdef) and inside is not outer.children[1]:
            return outer
        if outer.type == syms.lambdef:
            return outer
        inside, outer = outer, outer.parent
    return inside


def scopes_of(node: Any) -> Iterator[Any]:
    """The scopes in which a name is looked up, the innermost first: of classes only the own."""
    scope = scope_of(node)
    yield scope
    while scope.parent is not None:
        scope = scope_of(scope)
        if scope.type != syms.classdef:
            yield scope


def with_own_meaning(tree: Any, names: Collection[str]) -> set[int]:
    """The ids of the leaves whose name, one of `names`, the program binds where they stand."""
    leaves = [leaf for leaf in names_of(tree) if leaf.value in names]
    binding: dict[str, list[Any]] = {}
    for leaf in leaves:
        if leaf.parent.type == syms.global_stmt:
            binding.setdefault(leaf.value, []).append(tree)
        elif is_binding(leaf):
            binding.setdefault(leaf.value, []).append(scope_of(leaf))
    return {
        id(leaf)
        for leaf in leaves
        if is_binding(leaf)
        or any(scope is own for scope in scopes_of(leaf) for own in binding.get(leaf.value, ()))
    }


def is_binding(leaf: Any) -> bool:
    """Whether a name is given a meaning where it stands."""
    owner, before = leaf.parent, leaf.prev_sibling
    kind = owner.type
    if kind in (syms.funcdef, syms.classdef, syms.lambdef) and leaf is owner.children[1]:
        return True
    if kind in _PARAMETERS:
        return before is None or before.type != token.EQUAL
    if kind == syms.except_clause:
        return len(owner.children) > 3 and leaf is owner.children[3]
    if before is not None and before.type == token.NAME and before.value == "as":
        return True
    return _is_imported(leaf) or _is_target(leaf)


def _is_imported(leaf: Any) -> bool:
    owner = leaf.parent
    if owner.type in _ALIASES:
        # the one behind `as` alone
        return False
    while owner.type in (syms.import_as_names, syms.dotted_as_names):
        owner = owner.parent
    if owner.type == syms.import_from:
        return leaf.parent is not owner or leaf is not owner.children[1]
    return bool(owner.type == syms.import_name)


def _is_target(leaf: Any) -> bool:
    """Whether a name is assigned to, alone or in a tuple, or runs through a loop."""
    node = leaf
    while node.parent.type in _TUPLES:
        node = node.parent
    owner, after = node.parent, node.next_sibling
    if owner.type in (syms.for_stmt, syms.comp_for):
        return node is owner.children[1]
    return bool(owner.type == syms.expr_stmt and after is not None and after.type == token.EQUAL)
