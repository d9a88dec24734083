"""Names of layers and blobs as Python identifiers."""

import builtins
import keyword
import re
from collections.abc import Collection

from torch import nn

#: What the written file uses itself.
RESERVED = frozenset({"F", "Tensor", "annotations", "nn", "self", "torch"})


class Names:
    """Gives every key one identifier of its own, the nearest to its text that is free."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = {*RESERVED, *taken}
        self._of: dict[str, str] = {}

    def __getitem__(self, key: str) -> str:
        if key not in self._of:
            self._of[key] = self._free(identifier(key))
            self._taken.add(self._of[key])
        return self._of[key]

    def _free(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        return name


def identifier(text: str) -> str:
    """A valid name near the text: `conv1/3x3` becomes `conv1_3x3`, `5` becomes `_5`."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    # two at the start would be private to a class
    name = re.sub("^__+", "_", name)
    if not name.strip("_"):
        return "unnamed"
    if name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) or hasattr(builtins, name) else name


def attributes() -> Names:
    """Names for attributes of a module, which has many of its own."""
    return Names(dir(nn.Module()))


def class_name(text: str) -> str:
    """A class name: `bvlc_alexnet` becomes `BvlcAlexnet`, nothing becomes `Net`."""
    words = re.findall(r"[^\W_]+", text, flags=re.ASCII)
    name = "".join(word[:1].upper() + word[1:] for word in words) or "Net"
    name = f"Net{name}" if name[0].isdigit() else name
    return f"{name}Net" if name in RESERVED or keyword.iskeyword(name) else name
