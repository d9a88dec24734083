"""Imports of modules that there is one of ours for."""

from typing import Any

from fissix.pgen2 import token
from fissix.pygram import python_symbols as syms
from fissix.pytree import Leaf, Node

from catdog.pycaffe.python2.names import FACADES

PACKAGE = "catdog.pycaffe.python2"


def import_name(node: Any) -> None:
    """`import pickle, os`: ours from its package, the others as they are."""
    named = node.children[1]
    parts = named.children[::2] if named.type == syms.dotted_as_names else [named]
    ours = [part for part in parts if str(part).split()[0] in FACADES]
    if not ours:
        return
    texts = []
    for part in ours:
        name, *alias = str(part).split()
        new, shown = FACADES[name], alias[-1] if alias else name
        texts.append(new if new == shown else f"{new} as {shown}")
    leaf = Leaf(token.NAME, f"from {PACKAGE} import {', '.join(texts)}", prefix=node.prefix)
    others = [part.clone() for part in parts if part not in ours]
    if others:
        statement, place = node.parent, node.parent.children.index(node)
        commas: list[Any] = []
        for part in others:
            part.prefix = " "
            commas += [Leaf(token.COMMA, ","), part] if commas else [part]
        rest = Node(syms.dotted_as_names, commas) if len(commas) > 1 else commas[0]
        named.replace(rest)
        leaf.prefix = " "
        statement.insert_child(place + 1, Leaf(token.SEMI, ";"))
        statement.insert_child(place + 2, leaf)
    else:
        node.replace(leaf)


def import_from(node: Any) -> None:
    """`from pickle import load`."""
    module = node.children[1]
    if module.type == token.NAME and module.value in FACADES:
        module.value = f"{PACKAGE}.{FACADES[module.value]}"


def import_helpers(tree: Any) -> None:
    """Import our package behind the docstring and what comes from __future__."""
    for index, statement in enumerate(tree.children):
        first = statement.children[0] if statement.type == syms.simple_stmt else statement
        future = first.type == syms.import_from and str(first.children[1]).strip() == "__future__"
        if not future and not (index == 0 and first.type == token.STRING):
            break
    line = Leaf(token.NAME, "from catdog.pycaffe import python2\n", prefix=statement.prefix)
    statement.prefix = ""
    tree.insert_child(tree.children.index(statement), line)
