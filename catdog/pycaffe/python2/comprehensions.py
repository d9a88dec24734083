"""Variables of list comprehensions, which in Python 2 are those of the function around them.

`[i * 2 for i in x]` becomes `[i * 2 for i_ in x if [i := i_]]` where `i` is read elsewhere too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fissix.pgen2 import token
from fissix.pygram import python_symbols as syms
from fissix.pytree import Leaf, Node

from catdog.pycaffe.python2.scopes import is_binding, names_of, scope_of
from catdog.pycaffe.python2.tree import Remarks

_HOLDERS = (syms.listmaker, syms.testlist_gexp, syms.argument, syms.dictsetmaker)
_TUPLES = (syms.atom, syms.testlist_gexp, syms.exprlist, syms.listmaker)
_LOOPS = (syms.for_stmt, syms.while_stmt)


@dataclass(eq=False)
class _Comprehension:
    """A comprehension: its node, whether it is a list, the names it binds by their loops."""

    node: Any
    is_list: bool
    loops: list[Any]

    @property
    def names(self) -> set[str]:
        return {leaf.value for loop in self.loops for leaf in _targets(loop)}


def keep_variables(tree: Any, remarks: Remarks) -> None:
    """Let what list comprehensions bind be seen behind them, where it is read."""
    found = list(_comprehensions(tree))
    leaves = [leaf for leaf in names_of(tree) if not is_binding(leaf)]
    leaking = [each for each in found if each.is_list and _is_read(each, found, leaves)]
    kept: list[_Comprehension] = []
    for each in leaking:
        around = [one for one in found if one is not each and _within(each.node, one.node)]
        if scope_of(each.node).type == syms.classdef or not all(map(_may_stand_in(each), around)):
            names = ", ".join(sorted(each.names))
            line = each.node.get_lineno()
            remarks.append((line, f"behind this list comprehension {names} is as before it"))
            continue
        kept += [one for one in (each, *around) if one not in kept and one.names & each.names]
    taken = {leaf.value for leaf in names_of(tree)}
    for each in kept:
        for loop in each.loops:
            _keep(loop, taken)


def _may_stand_in(inner: _Comprehension) -> Any:
    """Whether Python 3 lets a comprehension inside another one bind names around both."""

    def allowed(outer: _Comprehension) -> bool:
        iterated = any(_within(inner.node, loop.children[3]) for loop in outer.loops)
        return not iterated and (outer.is_list or not outer.names & inner.names)

    return allowed


def _comprehensions(tree: Any) -> Iterator[_Comprehension]:
    for node in tree.pre_order():
        if node.type == syms.comp_for and node.parent.type in _HOLDERS:
            holder = node.parent
            is_list = holder.type == syms.listmaker
            yield _Comprehension(holder, is_list, list(_loops(node)))


def _loops(clause: Any) -> Iterator[Any]:
    """The `for` clauses of a comprehension from its first on."""
    while clause.type in (syms.comp_for, syms.comp_if):
        if clause.type == syms.comp_for:
            yield clause
        clause = clause.children[-1]


def _targets(loop: Any) -> Iterator[Any]:
    """The names that a `for` binds."""
    todo = [loop.children[1]]
    while todo:
        node = todo.pop()
        if node.type in _TUPLES:
            todo += node.children
        elif node.type == token.NAME:
            yield node


def _within(node: Any, owner: Any) -> bool:
    while node is not None and node is not owner:
        node = node.parent
    return node is owner


def _is_read(own: _Comprehension, found: list[_Comprehension], leaves: list[Any]) -> bool:
    """Whether a name of a list comprehension is read elsewhere, where its last value may be."""
    scope, names = scope_of(own.node), own.names
    return any(
        leaf.value in names
        and not _within(leaf, own.node)
        and (scope.parent is None or _within(leaf, scope))
        and not _is_of_another(leaf, own, found)
        and not _is_before(leaf, own.node, scope)
        for leaf in leaves
    )


def _is_of_another(leaf: Any, own: _Comprehension, found: list[_Comprehension]) -> bool:
    """Whether a name is that of another comprehension, loop or function around it."""
    for other in found:
        if leaf.value in other.names and _within(leaf, other.node):
            return not _within(leaf, other.loops[0].children[3])
    node = leaf
    while node.parent is not None and not _within(own.node, node.parent):
        inside, node = node, node.parent
        bound = node.type == syms.for_stmt and inside is node.children[5]
        if bound and leaf.value in {each.value for each in _targets(node)}:
            return True
        if node.type in (syms.funcdef, syms.lambdef) and _binds(node, leaf.value):
            return True
    return False


def _binds(function: Any, name: str) -> bool:
    return any(
        leaf.value == name and is_binding(leaf) and scope_of(leaf) is function
        for leaf in names_of(function)
    )


def _is_before(leaf: Any, node: Any, scope: Any) -> bool:
    """Whether a name is read before a node for good: no loop brings it back."""
    if leaf.lineno >= node.get_lineno() or scope_of(leaf) is not scope:
        return False
    around = leaf.parent
    while around is not None and not (around.type in _LOOPS and _within(node, around)):
        around = around.parent
    return around is None


def _keep(loop: Any, taken: set[str]) -> None:
    """Let a `for` run through names of its own and set the ones it had."""
    pairs = []
    for leaf in list(_targets(loop)):
        new = f"{leaf.value}_"
        while new in taken:
            new += "_"
        pairs.append(f"{leaf.value} := {new}")
        leaf.value = new
    iterated = loop.children[3]
    if iterated.type == syms.testlist_safe:
        prefix, iterated.prefix = iterated.prefix, ""
        iterated.replace(Leaf(token.NAME, f"({iterated})", prefix=prefix))
    rest = list(loop.children[4:])
    for child in rest:
        child.remove()
    kept = Leaf(token.NAME, f"[{', '.join(pairs)}]", prefix=" ")
    loop.append_child(Node(syms.comp_if, [Leaf(token.NAME, "if", prefix=" "), kept, *rest]))
