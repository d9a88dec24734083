"""Changes of a YAML text in place: comments, order and anchors stay as they were written."""

from collections.abc import Iterator, Sequence
from typing import cast

import yaml

#: A change: from an offset to another, and the text that goes between.
Change = tuple[int, int, str]


class YamlText:
    """A text with its nodes; changes are collected and made all at once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = yaml.compose(text, Loader=yaml.SafeLoader)
        self._changes: dict[tuple[int, int], str] = {}

    def find(self, node: yaml.Node | None, key: str) -> yaml.Node | None:
        """The value of a key of a mapping, also of one that is merged into it by `<<`."""
        if not isinstance(node, yaml.MappingNode):
            return None
        merged: yaml.Node | None = None
        for name, value in node.value:
            if name.value == key:
                return cast(yaml.Node, value)
            if name.tag == "tag:yaml.org,2002:merge":
                inner = value.value if isinstance(value, yaml.SequenceNode) else [value]
                found = (self.find(each, key) for each in inner)
                merged = merged or next((each for each in found if each is not None), None)
        return merged

    def items(self, node: yaml.Node | None) -> Iterator[yaml.Node]:
        """The values of a list, or a value alone."""
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        elif node is not None:
            yield node

    def put(self, node: yaml.Node, key: str, value: str) -> None:
        """Give a key of a mapping a value, written as YAML; a new key goes to its beginning.

        A value that is merged into the mapping is changed where it stands.
        """
        if (old := self.find(node, key)) is not None:
            self._changes[old.start_mark.index, old.end_mark.index] = value
            return
        assert isinstance(node, yaml.MappingNode)
        if node.flow_style:
            # an anchor stands before the brace
            at = self.text.index("{", node.start_mark.index) + 1
            self._changes[at, at] = f"{key}: {value}, "
        else:
            first = node.value[0][0].start_mark
            self._changes[first.index, first.index] = f"{key}: {value}\n{' ' * first.column}"

    def drop(self, node: yaml.Node, key: str) -> None:
        """Take a key of a block mapping out, with its lines."""
        assert isinstance(node, yaml.MappingNode)
        for name, value in node.value:
            if name.value == key:
                begin = self.text.rfind("\n", 0, name.start_mark.index) + 1
                end = self.text.find("\n", value.end_mark.index - 1) + 1 or len(self.text)
                self._changes[begin, end] = ""

    def changed(self) -> str:
        """The text with all changes."""
        text = self.text
        for (begin, end), new in sorted(self._changes.items(), reverse=True):
            text = text[:begin] + new + text[end:]
        return text


def split_header(text: str) -> tuple[list[str], str]:
    """The comment lines that a text opens with, without their sign, and the rest."""
    lines = text.splitlines(keepends=True)
    count = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [line[1:].strip() for line in lines[:count]], "".join(lines[count:])


def header(lines: Sequence[str]) -> str:
    """Lines as comments."""
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
