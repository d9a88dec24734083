"""The text of layers in Python, to be filled in, for types that catdog does not have."""

from pathlib import Path

from catdog.errors import CatdogError
from catdog.net.wiring import known_types
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, SolverParameter
from catdog.spec.foreign import whose

_MODULE = "fork_layers"

_HEAD = '''"""Layers that catdog does not have. In the net, each of them becomes

    type: "Python"
    python_param {{ module: "{module}" layer: "{example}" }}

and this file lies beside it, as {module}.py; its tools then want --allow-python.
"""

import caffe
'''

_CLASS = '''

class {name}(caffe.Layer):
    """{about}"""

    def setup(self, bottom, top):
        if len(bottom) != {bottoms} or len(top) != {tops}:
            raise ValueError("{name} takes {bottoms} bottoms and {tops} tops")

    def reshape(self, bottom, top):
{reshape}

    def forward(self, bottom, top):
        raise NotImplementedError("write top[0].data from bottom[0].data")

    def backward(self, top, propagate_down, bottom):
        raise NotImplementedError("write bottom[0].diff from top[0].diff")'''


def stubs(message: NetParameter | SolverParameter, path: Path) -> str:
    """A module with a class for each type of a net's layers that is not known.

    Each takes as many bottoms and tops as the first layer of its type. Raises CatdogError for a
    solver, and where all types are known.
    """
    if isinstance(message, SolverParameter):
        raise CatdogError("is a solver, and has no layers", where=str(path), remedy="name its net")
    firsts: dict[str, LayerParameter] = {}
    for layer in message.layer:
        if layer.type not in known_types():
            firsts.setdefault(layer.type, layer)
    if not firsts:
        raise CatdogError("has no layer that is not known", where=str(path))
    head = _HEAD.format(module=_MODULE, example=_class_name(next(iter(firsts))))
    return head + "\n".join(map(_stub, firsts.values()))


def _stub(layer: LayerParameter) -> str:
    fork = whose(layer.type)
    lines = [f"        top[{at}].reshape(*bottom[0].data.shape)" for at in range(len(layer.top))]
    if not layer.bottom:
        lines = [f"        top[{at}].reshape(1)" for at in range(len(layer.top))]
    return _CLASS.format(
        name=_class_name(layer.type),
        about=f"{_class_name(layer.type)} of {fork}." if fork else "To be written.",
        bottoms=len(layer.bottom),
        tops=len(layer.top),
        reshape="\n".join(lines) or "        pass",
    )


def _class_name(type_name: str) -> str:
    """A type as the name of a class; a file may call it anything."""
    letters = "".join(each if each.isascii() and each.isalnum() else "_" for each in type_name)
    return letters if letters[:1].isalpha() else f"Layer{letters}"
