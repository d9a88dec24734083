"""YAML text to a tree, by its nodes: nothing is constructed, so nothing can be executed."""

import yaml

from catdog.errors import Fault, SpecError
from catdog.spec.tree import DEEPEST, Block, Entry, Place, Scalar, too_deep

MOST_REPEATED = 50_000
"""Values that aliases and merges may repeat; aliases of aliases can ask for billions."""


def parse(text: str, name: str) -> tuple[Block, list[Fault]]:
    """The tree of a YAML text and the faults of its form.

    Top-level keys that begin with `x-` hold anchors and are left out. Raises SpecError where
    the text is no YAML.
    """
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else _PLAIN)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise SpecError([Fault(f"not YAML: {error.problem}", where=where)]) from None
    except RecursionError:  # libyaml has a limit of its own, Python's reader has none
        raise too_deep(name) from None
    except yaml.YAMLError as error:
        raise SpecError([Fault(f"not YAML: {error}".splitlines()[0], where=name)]) from None
    if root is None:
        return Block(Place(1, 1)), []
    check_extent(root, name)
    return _Reader(name).read(root)


def check_extent(root: yaml.Node, name: str) -> None:
    """Raise SpecError for a text of which aliases or depth make more than anybody writes."""
    known: dict[int, int] = {}
    if _expanded(root, known, name) > len(known) + MOST_REPEATED:
        what = f"its aliases repeat more than {MOST_REPEATED:,} values"
        raise SpecError([Fault(what, where=name)])


_PLAIN = yaml.SafeLoader


def _expanded(node: yaml.Node, known: dict[int, int], name: str, depth: int = 0) -> int:
    """How many values a node holds with its aliases written out, each node looked at once."""
    if depth > DEEPEST:
        raise too_deep(f"{name}:{_place(node)}")
    if id(node) not in known:
        # what holds itself is told when it is read
        known[id(node)] = 1
        inner = node.value if isinstance(node, yaml.SequenceNode) else ()
        if isinstance(node, yaml.MappingNode):
            inner = [value for _, value in node.value]
        known[id(node)] += sum(_expanded(each, known, name, depth + 1) for each in inner)
    return known[id(node)]


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []
        self.open: list[yaml.Node] = []

    def read(self, root: yaml.Node) -> tuple[Block, list[Fault]]:
        if not isinstance(root, yaml.MappingNode):
            fault = Fault(
                "holds no fields", remedy="write `field: value` lines", where=self.at(_place(root))
            )
            raise SpecError([fault])
        block = self.block(root)
        block.entries = [e for e in block.entries if not e.key.startswith("x-")]
        return block, self.faults

    def at(self, place: Place) -> str:
        return f"{self.name}:{place}"

    def fault(self, node: yaml.Node, what: str, remedy: str = "") -> None:
        self.faults.append(Fault(what, remedy, where=self.at(_place(node))))

    def block(self, node: yaml.MappingNode) -> Block:
        block = Block(_place(node))
        if any(node is outer for outer in self.open):
            self.fault(node, "an anchor holds itself")
            return block
        self.open.append(node)
        own: set[str] = set()
        merged: list[Entry] = []
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged += self.merge(value)
            elif not isinstance(key, yaml.ScalarNode):
                self.fault(key, "a field's name must be a word")
            elif key.value in own:
                self.twice(key, value)
            else:
                own.add(key.value)
                block.entries += self.entries(key, value)
        block.entries += [entry for entry in merged if entry.key not in own]
        self.open.pop()
        return block

    def merge(self, value: yaml.Node) -> list[Entry]:
        """Entries of the mapping(s) behind `<<`; of equal keys the first mapping's counts."""
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        merged: list[Entry] = []
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self.fault(source, "<< takes a mapping", "write `<<: *anchor`")
                continue
            taken = {entry.key for entry in merged}
            merged += [e for e in self.block(source).entries if e.key not in taken]
        return merged

    def twice(self, key: yaml.ScalarNode, value: yaml.Node) -> None:
        form = "{...}" if isinstance(value, yaml.MappingNode) else str(value.value)
        self.fault(
            key,
            f'"{key.value}" is given twice',
            f"write one list: `{key.value}:` and below it lines `- {form}`",
        )

    def entries(self, key: yaml.ScalarNode, value: yaml.Node) -> list[Entry]:
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        return [
            Entry(key.value, _place(key if len(nodes) == 1 else node), content)
            for node in nodes
            if (content := self.value(node)) is not None
        ]

    def value(self, node: yaml.Node) -> Scalar | Block | None:
        if isinstance(node, yaml.MappingNode):
            return self.block(node)
        if isinstance(node, yaml.SequenceNode):
            self.fault(node, "a list in a list", "write one list")
            return None
        quoted = isinstance(node, yaml.ScalarNode) and bool(node.style)
        if node.tag == "tag:yaml.org,2002:null" and not quoted:
            self.fault(node, "has no value", "give it one or leave the line out")
            return None
        return Scalar(node.value, _place(node), quoted)


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
