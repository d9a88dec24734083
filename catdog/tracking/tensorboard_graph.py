"""A net as TensorBoard's graph: a node for each layer, with types, shapes and parameters."""

from typing import Any

from catdog.net.net import Net
from catdog.net.step import Node
from catdog.spec.shape import Shape


def graph(net: Net) -> Any:
    """The GraphDef of a net; layers in place become nodes of their own, as in a drawing."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    made = GraphDef()
    #: Where a blob comes from: a node, and which of its tops it is.
    maker: dict[str, str] = {}
    taken = {node.name for node in net}
    for name, shape in net.inputs.items():
        title = name if name not in taken else f"{name} (input)"
        _add(made, title, "Input", (), [shape])
        maker[name] = title
    for node in net:
        bottoms = [maker[bottom] for bottom in node.bottoms]
        added = _add(made, node.name, node.type, bottoms, [net.shapes[top] for top in node.tops])
        for key, text in _facts(node).items():
            added.attr[key].s = text.encode()
        for index, top in enumerate(node.tops):
            maker[top] = f"{node.name}:{index}" if index else node.name
    return made


def _add(made: Any, name: str, kind: str, bottoms: Any, shapes: list[Shape]) -> Any:
    added = made.node.add(name=name, op=kind, input=list(bottoms))
    listed = added.attr["_output_shapes"].list
    for shape in shapes:
        dims = listed.shape.add().dim
        for size in shape:
            dims.add(size=size)
    return added


def _facts(node: Node) -> dict[str, str]:
    blobs = node.layer.blobs
    shapes = ["x".join(map(str, blobs.shape(i))) or "1" for i in range(len(blobs))]
    return {"parameters": ", ".join(shapes)} if shapes else {}
