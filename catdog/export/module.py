"""A net as the text of one Python file that needs nothing but torch, and its state dict."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from catdog.errors import CatdogError
from catdog.export import affine, blobs, elementwise, forks, vision
from catdog.export.code import Code, Emitter, Site
from catdog.export.source_text import block, definitions, imports, needed
from catdog.net.names import RESERVED, Names, attributes, class_name
from catdog.net.net import Net
from catdog.spec.shape import Shape

EMITTERS: dict[str, Emitter] = {
    **elementwise.TABLE,
    **blobs.TABLE,
    **vision.TABLE,
    **affine.TABLE,
    **forks.TABLE,
}


@dataclass(frozen=True)
class Module:
    """A written module: the file's text, the name of its class, its parameters and buffers."""

    text: str
    class_name: str
    state: dict[str, Tensor]


def torch_module(net: Net, weights_file: str, notes: Sequence[str] = ()) -> Module:
    """Write a net as a torch module.

    `weights_file` is the name of the file that its docstring loads, `notes` are more
    lines of that docstring. Raises CatdogError that names every layer that cannot be written.
    """
    check_supported(net)
    names = _Variables(net)
    codes = [EMITTERS[site.param.type](site) for site in names.sites()]
    state = {key: value for code in codes for key, value in code.state.items()}
    kind = class_name(net.name)
    body = _class(kind, net, names, codes, _ties(state))
    functions = needed(body)
    code = "\n\n\n".join(part for part in (functions, body) if part)
    text = f"{_docstring(kind, net, names, weights_file, notes)}\n{imports(code)}\n\n\n{code}"
    return Module(text, kind, {key: value.clone() for key, value in state.items()})


def check_supported(net: Net) -> None:
    """Raise CatdogError with every layer for whose type there is no torch code."""
    unknown = [f'"{node.name}" ({node.type})' for node in net.nodes if node.type not in EMITTERS]
    if unknown:
        raise CatdogError(
            f"cannot be written as torch code: {', '.join(unknown)}",
            where=f"net {net.name}",
            remedy="take these layers out of the net; convert.py writes its weights as they are",
        )


class _Variables:
    """The names that blobs and layers of a net have in the written file."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self.blob = Names({*RESERVED, *definitions()})
        self.inputs = [self.blob[name] for name in net.inputs]
        self._attributes = attributes()

    def sites(self) -> list[Site]:
        return [
            Site(
                node.layer,
                self._attributes,
                tuple(self.blob[name] for name in node.bottoms),
                tuple(self.blob[name] for name in node.tops),
                tuple(self._net.shapes[name] for name in node.bottoms),
            )
            for node in self._net.nodes
        ]


def _ties(state: Mapping[str, Tensor]) -> list[str]:
    """Lines that make one parameter of those that the net shares."""
    owner: dict[tuple[int, Shape], str] = {}
    lines = []
    for key, value in state.items():
        first = owner.setdefault((value.data_ptr(), tuple(value.shape)), key)
        if first != key and value.numel():
            lines.append(f"self.{key} = self.{first}")
    return lines


def _class(
    kind: str, net: Net, names: _Variables, codes: Sequence[Code], ties: Sequence[str]
) -> str:
    init = [line for code in codes for line in code.init]
    parts = [f"class {kind}(nn.Module):\n"]
    if init:
        parts.append("    def __init__(self) -> None:\n        super().__init__()\n")
        parts.append(block([*init, *ties], 8) + "\n")
    arguments = ", ".join(f"{name}: Tensor" for name in names.inputs)
    values = {name: names.blob[name] for name in net.outputs}
    result = "Tensor" if len(values) == 1 else "dict[str, Tensor]"
    parts.append(block([f"def forward(self, {arguments}) -> {result}:"], 4))
    parts.append(block([line for code in codes for line in code.forward], 8))
    parts.append(block([f"return {_returned(values)}"], 8))
    return "".join(parts)


def _returned(values: Mapping[str, str]) -> str:
    if len(values) == 1:
        return next(iter(values.values()))
    # quoted: a blob's name may hold anything
    return "{" + ", ".join(f"{json.dumps(key)}: {name}" for key, name in values.items()) + "}"


def _docstring(
    kind: str, net: Net, names: _Variables, weights_file: str, notes: Sequence[str]
) -> str:
    load = f'torch.load("{weights_file}", weights_only=True)'
    if weights_file.endswith(".safetensors"):
        load = f'safetensors.torch.load_file("{weights_file}")'
    lines = [
        f"The net {net.name or kind}, written by catdog as a torch module.",
        "",
        f"    net = {kind}().eval()",
        f"    net.load_state_dict({load})",
        "    with torch.no_grad():",
        f"        result = net({', '.join(names.inputs)})",
        "",
    ]
    for name, shape in net.inputs.items():
        lines.append(f"{names.blob[name]}: float32, {' x '.join(map(str, shape))}")
    lines += notes
    text = "\n".join(lines).replace("\\", "/").replace('"""', "")
    return f'"""{text}\n"""\n'
