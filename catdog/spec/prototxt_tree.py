"""Prototxt to a tree with line and column of each field.

The message itself is read by protobuf; this tree only says where things stand, and finds all
faults of a text of which protobuf names the first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from catdog.errors import Fault, SpecError
from catdog.spec.tree import DEEPEST, Block, Entry, Place, Scalar, too_deep

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<mark>[{}<>\[\]:,;])
    |(?P<word>[^\s{}<>\[\]:,;"'\#]+)""",
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">", "[": "]"}


@dataclass
class _Token:
    kind: str
    text: str
    place: Place


def parse(text: str, name: str) -> Block:
    """The tree of a prototxt; raises SpecError at the first place where its form is broken."""
    return _Reader(list(_tokens(text, name)), name).block("", Place(1, 1))


def _tokens(text: str, name: str) -> Iterator[_Token]:
    position, line, start = 0, 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        place = Place(line, position - start + 1)
        if match is None:
            raise SpecError([Fault("a string without its end", where=f"{name}:{place}")])
        kind, content = str(match.lastgroup), match.group()
        if kind != "space":
            yield _Token(kind, content, place)
        line += content.count("\n")
        if "\n" in content:
            start = match.start() + content.rindex("\n") + 1
        position = match.end()
    yield _Token("end", "", Place(line, position - start + 1))


class _Reader:
    def __init__(self, tokens: list[_Token], name: str) -> None:
        self.tokens, self.name, self.index = tokens, name, 0
        self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.index]

    def take(self) -> _Token:
        token = self.token
        self.index += token.kind != "end"
        return token

    def fail(self, what: str) -> SpecError:
        return SpecError([Fault(what, where=f"{self.name}:{self.token.place}")])

    def block(self, closing: str, place: Place) -> Block:
        block = Block(place)
        while self.token.text != closing or self.token.kind == "string":
            if self.token.kind == "end":
                raise self.fail(f'a block without its "{closing}" (it begins in line {place.line})')
            block.entries += self.entry()
            while self.token.text in (",", ";"):
                self.take()
        self.take()
        return block

    def inner(self, closing: str, place: Place) -> Block:
        self.depth += 1
        if self.depth > DEEPEST:
            raise too_deep(f"{self.name}:{place}")
        block = self.block(closing, place)
        self.depth -= 1
        return block

    def entry(self) -> list[Entry]:
        if self.token.kind != "word":
            raise self.fail(f'expected the name of a field, not "{self.token.text}"')
        key = self.take()
        colon = self.token.text == ":"
        if colon:
            self.take()
        if self.token.text == "[" and self.token.kind == "mark":
            return [Entry(key.text, key.place, value) for value in self.items(colon)]
        return [Entry(key.text, key.place, self.value(colon))]

    def items(self, colon: bool) -> Iterator[Scalar | Block]:
        self.take()
        while self.token.text != "]":
            yield self.value(colon)
            if self.token.text == ",":
                self.take()
        self.take()

    def value(self, colon: bool) -> Scalar | Block:
        token = self.token
        if token.text in ("{", "<") and token.kind == "mark":
            self.take()
            return self.inner(_CLOSING[token.text], token.place)
        if token.kind == "string":
            parts = []
            while self.token.kind == "string":
                parts.append(self.take().text[1:-1])
            return Scalar("".join(parts), token.place, quoted=True)
        if token.kind != "word" or not colon:
            raise self.fail(f'expected a value, not "{token.text}"' if colon else 'expected ":"')
        return Scalar(self.take().text, token.place)
